import { describe, expect, test } from 'vitest';
import { deltaOf, epsilonOf } from '../../privacy/accounting/index.ts';
import type { Interval } from '../../privacy/accounting/index.ts';
import { eventOf, referenceRecords, relationOf } from './events.ts';
import type { ReferenceRecord } from './events.ts';

/** Allocations are compared in sampling.test.ts. */
const asked = referenceRecords().filter(
  (record) =>
    record.truth &&
    eventOf(record.mechanism) &&
    ['epsilon', 'delta'].includes(record.query.type) &&
    record.mechanism.type !== 'random_allocation_gaussian',
);

/** Answers by record, computed once. */
const answers = new Map<string, Interval>();

function answerOf(record: ReferenceRecord): Interval {
  const known = answers.get(record.id);
  if (known) return known;
  const relation = relationOf(record.adjacency);
  const event = eventOf(record.mechanism)!;
  const { delta, epsilon } = record.query;
  const answer =
    record.query.type === 'epsilon'
      ? epsilonOf(event, { delta: delta!, relation }).epsilon
      : deltaOf(event, { epsilon: epsilon!, relation }).delta;
  answers.set(record.id, answer);
  return answer;
}

describe('reference records with a known truth are enclosed, and closely', () => {
  test.each(asked.map((record) => [record.id, record] as const))('%s', (_, record) => {
    const answer = answerOf(record);
    const truth = record.truth!;
    const error = truth.rel_error ?? 0;
    const lowest = truth.exact ?? truth.lower ?? truth.estimate! * (1 - error);
    const highest = truth.exact ?? truth.upper ?? truth.estimate! * (1 + error);
    const best = truth.exact ?? truth.estimate ?? highest;
    expect(answer.upper).toBeGreaterThanOrEqual(lowest * (1 - 1e-9));
    expect(answer.lower).toBeLessThanOrEqual(highest * (1 + 1e-7));
    expect(answer.lower).toBeLessThanOrEqual(answer.estimate);
    expect(answer.estimate).toBeLessThanOrEqual(answer.upper);
    const isDpSgd = record.id.startsWith('dpsgd') && record.query.type === 'epsilon';
    const closest = isDpSgd && best > 0.05 && best < 20 ? best * (1 + 1e-4) : Infinity;
    expect(answer.upper).toBeLessThanOrEqual(closest);
  });
});

test('epsilons are not above those of the best valid bound of another library', () => {
  const worse: string[] = [];
  for (const record of asked) {
    const reference = record.said.find(({ method }) => method.includes('connect-the-dots h=1e-4'));
    if (!reference || reference.belowTruth || !(reference.value > 0.05)) continue;
    if (answerOf(record).upper > reference.value * (1 + 1e-4)) worse.push(record.id);
  }
  expect(worse).toEqual([]);
});
