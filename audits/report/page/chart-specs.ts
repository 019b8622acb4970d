import { roundedUp } from '../../../privacy/index.ts';
import { isGiven } from '../schema-node.ts';
import type { Report } from '../schema.ts';
import { modelName } from '../content/task-words.ts';
import { metricName, percentAtMost, significant } from '../words.ts';
import type { Chart } from './charts.ts';

const size = { width: 400, height: 220 };
const quantitative = 'quantitative';

/** Epsilon by step; undefined where no curve is known. */
export function epsilonChart({ accounting, claim, mechanism }: Report): Chart | undefined {
  if (!isGiven(accounting) || !isGiven(accounting.curve) || !isGiven(claim)) return undefined;
  const { curve } = accounting;
  let before = 0;
  const ends = mechanism.phases.slice(0, -1).map(({ steps }) => (before += steps));
  return {
    title: `Epsilon spent by step, at delta ${significant(claim.delta)}`,
    alternative: `Line from 0 at the start to ${roundedUp(claim.epsilon, 4)} after ${curve.at(-1)!.step} steps, never falling.`,
    spec: {
      ...size,
      layer: [
        {
          data: { values: curve },
          mark: { type: 'line', color: 'var(--accent)' },
          encoding: {
            x: { field: 'step', type: quantitative, title: 'steps' },
            y: { field: 'epsilon', type: quantitative, title: 'epsilon, at most' },
          },
        },
        {
          data: { values: ends.map((step) => ({ step })) },
          mark: { type: 'rule', color: 'var(--faint)', strokeDash: [3, 3] },
          encoding: { x: { field: 'step', type: quantitative } },
        },
      ],
    },
  };
}

/** What the best attacker can do, against one who learns nothing. */
export function tradeOffChart({ meaning }: Report): Chart | undefined {
  if (!isGiven(meaning)) return undefined;
  const [guarantee, nothing] = ['best attacker on this model', 'guessing (nothing leaks)'];
  const points = [
    ...meaning.tradeOff.map(({ falsePositiveRate, falseNegativeRate }) => ({
      curve: guarantee,
      fpr: falsePositiveRate,
      fnr: falseNegativeRate,
    })),
    { curve: nothing, fpr: 0, fnr: 1 },
    { curve: nothing, fpr: 1, fnr: 0 },
  ];
  const half = percentAtMost(meaning.accuracyFromHalf);
  return {
    title: 'What an attacker can still do: misses against false alarms',
    alternative: `Two lines from 1 down to 0. Guessing is the straight one; the best attacker's lies below it. From even odds that attacker is right at most ${half} of the time.`,
    spec: {
      ...size,
      data: { values: points },
      mark: { type: 'line' },
      encoding: {
        x: { field: 'fpr', type: quantitative, title: 'outsiders wrongly accused (false positive rate)' },
        y: { field: 'fnr', type: quantitative, title: 'participants missed, at least' },
        color: {
          field: 'curve',
          type: 'nominal',
          scale: { domain: [guarantee, nothing], range: ['var(--accent)', 'var(--faint)'] },
        },
        strokeDash: {
          field: 'curve',
          type: 'nominal',
          scale: { domain: [guarantee, nothing], range: [[], [5, 4]] },
        },
      },
    },
  };
}

/** The released model beside its baselines, with 95 % intervals. */
export function utilityChart({ utility, dataset }: Report): Chart | undefined {
  const { primary } = utility;
  if (typeof primary !== 'string') return undefined;
  const rows = utility.models
    .filter(({ role }) => role !== 'validation')
    .flatMap(({ name, figures }) => {
      const figure = figures.find(({ metric }) => metric === primary);
      if (!figure || typeof figure.value !== 'number') return [];
      const interval = isGiven(figure.interval) ? figure.interval : undefined;
      const { lower, upper } = interval ?? { lower: figure.value, upper: figure.value };
      return [{ model: modelName(name, dataset.task), value: figure.value, lower, upper }];
    });
  if (rows.length === 0) return undefined;
  const y = {
    field: 'model',
    type: 'nominal',
    sort: null,
    title: null,
    axis: { labelLimit: 320, labelColor: 'var(--ink)' },
  };
  return {
    title: `${metricName(primary)} on the test data, with 95 % intervals`,
    alternative: rows
      .map(
        ({ model, value, lower, upper }) =>
          `${model}: ${significant(value, 3)}, from ${significant(lower, 3)} to ${significant(upper, 3)}.`,
      )
      .join(' '),
    spec: {
      width: 280,
      height: { step: 44 },
      data: { values: rows },
      layer: [
        {
          mark: { type: 'rule', color: 'var(--accent)', strokeWidth: 3 },
          encoding: {
            y,
            x: {
              field: 'lower',
              type: quantitative,
              title: metricName(primary),
              scale: { zero: false, nice: true },
            },
            x2: { field: 'upper' },
          },
        },
        {
          mark: { type: 'point', filled: true, size: 90, opacity: 1, color: 'var(--accent)' },
          encoding: { y, x: { field: 'value', type: quantitative } },
        },
        {
          mark: { type: 'text', dy: -13, color: 'var(--ink)', fontSize: 12 },
          encoding: {
            y,
            x: { field: 'value', type: quantitative },
            text: { field: 'value', type: quantitative, format: '.3f' },
          },
        },
      ],
    },
  };
}

/** The scope's budget: spent before, by this job, left. */
export function budgetChart({ ledger }: Report): Chart | undefined {
  if (!isGiven(ledger)) return undefined;
  const { spentBefore, charged, remaining, budget } = ledger;
  const parts = [
    { part: 'spent before', amount: spentBefore.value, order: 0 },
    { part: 'this job', amount: charged.value, order: 1 },
    { part: 'left', amount: remaining.value, order: 2 },
  ];
  return {
    title: `Budget of ${ledger.scope}, in ${budget.unit}`,
    alternative: parts.map(({ part, amount }) => `${part}: ${significant(amount)} ${budget.unit}.`).join(' '),
    spec: {
      width: 400,
      height: 48,
      data: { values: parts },
      mark: { type: 'bar', stroke: 'var(--paper)', strokeWidth: 1 },
      encoding: {
        x: { field: 'amount', type: quantitative, title: budget.unit, stack: 'zero' },
        color: {
          field: 'part',
          type: 'nominal',
          sort: null,
          scale: {
            domain: ['spent before', 'this job', 'left'],
            range: ['var(--faint)', 'var(--accent)', 'var(--good)'],
          },
        },
        order: { field: 'order', type: quantitative },
      },
    },
  };
}

/** Audits' lower bounds against the claim: none may lie beyond it. */
export function auditChart({ audit, claim }: Report): Chart | undefined {
  if (!isGiven(audit) || audit.length === 0 || !isGiven(claim)) return undefined;
  const rows = audit.map(({ epsilonLower, ceiling }, index) => ({
    audit: `audit ${index + 1}`,
    bound: epsilonLower,
    ceiling: isGiven(ceiling) ? ceiling : epsilonLower,
    text: `at least ${significant(epsilonLower, 3)}`,
  }));
  const y = {
    field: 'audit',
    type: 'nominal',
    sort: null,
    title: null,
    axis: { labelColor: 'var(--ink)' },
  };
  const claimed = { x: { field: 'claim', type: quantitative } };
  return {
    title: 'Leakage found by audits (solid), the most they could have found (outlined), and the claim',
    alternative: `${rows.map(({ audit: name, text, ceiling }) => `${name}: epsilon ${text}, could have found ${significant(ceiling, 3)}.`).join(' ')} Claimed: at most ${roundedUp(claim.epsilon, 4)}.`,
    spec: {
      width: 400,
      height: { step: 44 },
      layer: [
        {
          data: { values: rows },
          mark: { type: 'bar', fill: 'transparent', stroke: 'var(--faint)', height: 12 },
          encoding: { y, x: { field: 'ceiling', type: quantitative, title: 'epsilon' } },
        },
        {
          data: { values: rows },
          mark: { type: 'bar', color: 'var(--accent)', height: 12 },
          encoding: { y, x: { field: 'bound', type: quantitative } },
        },
        {
          data: { values: rows },
          mark: { type: 'text', align: 'left', dy: -14, color: 'var(--ink)', fontSize: 12 },
          encoding: { y, x: { datum: 0, type: quantitative }, text: { field: 'text' } },
        },
        {
          data: { values: [{ claim: claim.epsilon }] },
          mark: { type: 'rule', color: 'var(--bad)', strokeWidth: 2, strokeDash: [5, 3] },
          encoding: claimed,
        },
        {
          data: { values: [{ claim: claim.epsilon, text: `claimed ${roundedUp(claim.epsilon, 3)}` }] },
          mark: { type: 'text', color: 'var(--bad)', align: 'right', dx: -5, y: -6, fontSize: 12 },
          encoding: { ...claimed, text: { field: 'text' } },
        },
      ],
    },
  };
}
