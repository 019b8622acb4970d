import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  deltaOf,
  epsilonByRenyi,
  epsilonOf,
  groupOf,
  monteCarloDelta,
  validateEvent,
  type DpEvent,
  type Relation,
} from '../../privacy/accounting/index.ts';
import { costOf, demandOf, makePlan, scopeOf, type PlanSettings } from '../../privacy/index.ts';
import { epsilonByInversion } from '../../src/verify/inversion.ts';
import { momentsOf } from '../../src/verify/moments.ts';
import { dpSgd, gaussian, sampled, times } from './events.ts';

const golden = JSON.parse(
  readFileSync(new URL('../golden/accounting/selection.json', import.meta.url), 'utf8'),
) as {
  readonly tool: string;
  readonly records: readonly {
    readonly rate: number;
    readonly noiseMultiplier: number;
    readonly steps: number;
    readonly delta: number;
    readonly REPLACE_ONE: number;
    readonly ADD_OR_REMOVE_ONE: number;
  }[];
};

const selected = (event: DpEvent): DpEvent => ({ kind: 'ranked-selection', event });
const add = 'add-or-remove-one';

describe('a selection by rank', () => {
  test.each(golden.records)(
    `G8: costs for a record of the file what replacing one costs in the selection, as ${golden.tool} has it (q=$rate, sigma=$noiseMultiplier, T=$steps)`,
    ({ rate, noiseMultiplier, steps, delta, ...expected }) => {
      const event = times(steps, selected(sampled(rate, gaussian(noiseMultiplier))));
      const { upper } = epsilonOf(event, { delta, relation: add }).epsilon;
      expect(Math.abs(upper / expected.REPLACE_ONE - 1)).toBeLessThan(1e-3);
      expect(upper).toBeGreaterThan(1.5 * expected.ADD_OR_REMOVE_ONE);
      const plain = dpSgd(noiseMultiplier, rate, steps);
      expect(upper).toBeCloseTo(epsilonOf(plain, { delta, relation: 'replace-one' }).epsilon.upper, 6);
    },
  );

  test('may stand around a step or around the whole', () => {
    const query = { delta: 1e-5, relation: add } as const;
    const around = epsilonOf(selected(dpSgd(2, 0.05, 400)), query).epsilon;
    expect(epsilonOf(times(400, selected(sampled(0.05, gaussian(2)))), query).epsilon).toEqual(around);
  });

  test.each(['replace-one', 'zero-out'] as const)('is not known under %s', (relation) => {
    const event = selected(gaussian(1));
    expect(() => epsilonOf(event, { delta: 1e-5, relation })).toThrow('add-or-remove-one');
    expect(() => momentsOf(event, relation)).toThrow('knows');
  });

  test('G20: the second accountant, Renyi divergences and simulation agree', () => {
    const [record] = golden.records;
    const { rate, noiseMultiplier, steps, delta, REPLACE_ONE: epsilon } = record!;
    const event = validateEvent(times(steps, selected(sampled(rate, gaussian(noiseMultiplier)))));
    const second = epsilonByInversion(momentsOf(event, add), delta);
    expect(Math.abs(second.epsilon / epsilon - 1)).toBeLessThan(1e-3);
    expect(epsilonByRenyi(event, { delta, relation: add })).toBeGreaterThanOrEqual(epsilon);
    const few = selected(sampled(0.3, gaussian(2)));
    const query = { relation: add, epsilon: 0.2 } as const;
    const { delta: simulated } = monteCarloDelta(few, { ...query, samples: 20_000, seed: 'selection' });
    const certified = deltaOf(few, query).delta;
    expect(certified.lower).toBeLessThanOrEqual(simulated.upper);
    expect(certified.upper).toBeGreaterThanOrEqual(simulated.lower);
    const unselected = deltaOf(sampled(0.3, gaussian(2)), query).delta;
    expect(unselected.upper).toBeLessThan(simulated.lower);
  });

  test('several units of the file replace as many of the selected', () => {
    const query = { delta: 1e-5, relation: add } as const;
    const two = epsilonOf(groupOf(times(100, selected(sampled(0.1, gaussian(4)))), 2), query).epsilon.upper;
    const replaced = epsilonOf(groupOf(dpSgd(4, 0.1, 100), 2), { delta: 1e-5, relation: 'replace-one' });
    expect(two).toBeCloseTo(replaced.epsilon.upper, 6);
  });
});

function innerOf(event: DpEvent): DpEvent {
  return event.kind === 'ranked-selection' ? event.event : event;
}

const settings: PlanSettings = {
  unit: { kind: 'record' },
  relation: add,
  publicSize: 32,
  selection: { kind: 'first-of-each-class', perClass: 16, classes: 2, seed: 0 },
  delta: 1e-5,
  epsilon: 4,
  phases: [{ name: 'head', expectedBatch: 8, steps: 100, clipping: { kind: 'flat', norm: 1 } }],
};

describe('a plan with a selection', () => {
  test('G22: is calibrated for replacing one, and says add or remove one', () => {
    const plan = makePlan(settings);
    const { noiseMultiplier } = plan.phases[0]!;
    const plain = dpSgd(noiseMultiplier, 0.25, 100);
    const replaced = epsilonOf(plain, { delta: 1e-5, relation: 'replace-one' }).epsilon.upper;
    expect(plan).toMatchObject({ relation: add, epsilon: replaced, phases: [{ population: 'selection' }] });
    expect(plan.epsilon).toBeLessThanOrEqual(4);
    expect(plan.epsilon).toBeGreaterThan(4 * 0.999);
    const { selection: _, ...all } = settings;
    expect(noiseMultiplier).toBeGreaterThan(1.8 * makePlan(all).phases[0]!.noiseMultiplier);
  });

  test.each([
    [{ unit: { kind: 'user', maxRecords: 2 } }, 'one unit may change several of the selected'],
    [{ relation: 'replace-one' }, 'one unit may change two of the selected'],
    [{ relation: 'zero-out' }, 'one unit may change two of the selected'],
    [{ publicSize: 33 }, 'perClass x classes = 32'],
  ] as const)('refuses %j', (change, message) => {
    expect(() => makePlan({ ...settings, ...change })).toThrow(message);
  });

  test.each([{ epsilon: 10 }, { rho: 100 }, { mu: 10 }])(
    'G30: a budget of %j is charged for replacing one',
    (budget) => {
      const scope = (relation: Relation) =>
        scopeOf({ name: 's', description: 'd', unit: 'record', relation, delta: 1e-5, budget });
      const plan = makePlan(settings);
      const { phases, once } = demandOf(plan);
      const plain = { phases: phases.map((phase) => ({ ...phase, event: innerOf(phase.event) })), once };
      const [charged] = costOf(scope(add), demandOf(plan));
      expect(charged).toBe(costOf(scope('replace-one'), plain)[0]);
      expect(charged).toBeGreaterThan(2 * costOf(scope(add), plain)[0]!);
    },
  );
});
