import { describe, expect, test } from 'vitest';
import { deltaOf, epsilonOf } from '../../privacy/accounting/index.ts';
import { eventOf, referenceRecords, relationOf } from './events.ts';

const asked = referenceRecords().filter(
  (record) => record.truth && eventOf(record.mechanism) && ['epsilon', 'delta'].includes(record.query.type),
);

describe('reference records with a known truth are enclosed, and closely', () => {
  test.each(asked.map((record) => [record.id, record] as const))('%s', (_, record) => {
    const relation = relationOf(record.adjacency);
    const event = eventOf(record.mechanism)!;
    const { delta, epsilon } = record.query;
    const answer =
      record.query.type === 'epsilon'
        ? epsilonOf(event, { delta: delta!, relation }).epsilon
        : deltaOf(event, { epsilon: epsilon!, relation }).delta;
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
    if (isDpSgd && best > 0.05 && best < 20) expect(answer.upper).toBeLessThanOrEqual(best * (1 + 1e-4));
  });
});

test('a valid bound is never above what a valid bound of another library says, beyond its own width', () => {
  const worse: string[] = [];
  for (const record of asked) {
    const [reference] = record.said.filter(
      ({ library, method }) => library === 'dp_accounting' && method.includes('h=1e-4'),
    );
    if (
      !reference ||
      reference.belowTruth ||
      record.query.type !== 'epsilon' ||
      !record.id.startsWith('dpsgd')
    )
      continue;
    const { epsilon } = epsilonOf(eventOf(record.mechanism)!, {
      delta: record.query.delta!,
      relation: relationOf(record.adjacency),
    });
    if (epsilon.upper > reference.value * (1 + 2e-4))
      worse.push(`${record.id}: ${epsilon.upper} > ${reference.value}`);
  }
  expect(worse).toEqual([]);
});
