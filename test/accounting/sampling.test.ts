import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { pairsOf } from '../../privacy/accounting/bounds.ts';
import { deltaOf, epsilonOf, readoutsOf } from '../../privacy/accounting/index.ts';
import type { DpEvent, Relation } from '../../privacy/accounting/index.ts';
import { singleStepDelta } from '../../privacy/accounting/single-step.ts';
import { dpSgd, eventOf, gaussian, referenceRecords, relationOf, sampled, times } from './events.ts';

type Golden = {
  readonly epsilons: readonly number[];
  readonly records: readonly {
    readonly event: DpEvent;
    readonly relation: Relation;
    /** Largest divergence found among many pairs of data sets. */
    readonly least: readonly number[];
    readonly exact?: boolean;
  }[];
};

const golden = JSON.parse(
  readFileSync(new URL('../golden/accounting/sampling.json', import.meta.url), 'utf8'),
) as Golden;

/** Divergence at any epsilon, negative ones too, by the worst direction of one step. */
function divergence(event: DpEvent, relation: Relation, epsilon: number, side: 'upper' | 'lower'): number {
  const values = pairsOf(event, relation, side)!.map(({ pairs }) => {
    const [only, ...others] = pairs;
    expect(others).toEqual([]);
    expect(only!.count).toBe(1);
    return singleStepDelta(only!.pair, epsilon, side);
  });
  return Math.max(...values);
}

describe('one step against brute force over data sets (test/golden/accounting/sampling.py)', () => {
  test.each(golden.records.map((record) => [JSON.stringify(record.event), record] as const))(
    '%s',
    (_, { event, relation, least, exact }) => {
      golden.epsilons.forEach((epsilon, k) => {
        const found = least[k]!;
        const upper = divergence(event, relation, epsilon, 'upper');
        const lower = divergence(event, relation, epsilon, 'lower');
        expect(upper).toBeGreaterThanOrEqual(found * (1 - 1e-4) - 1e-6);
        expect(lower).toBeLessThanOrEqual(found * (1 + 1e-4) + 1e-6);
        const reached = exact ? found : 0;
        const highest = exact ? found : 1;
        expect(upper).toBeLessThanOrEqual(highest * (1 + 1e-3) + 1e-6);
        expect(lower).toBeGreaterThanOrEqual(reached * (1 - 1e-3) - 1e-6);
      });
    },
  );

  test('bounds with a mistake in them are found out', () => {
    // Half of the displaced unit's move, and a replacing unit that moves the sum by nothing.
    const cut = golden.records.find(
      ({ event, relation }) =>
        event.kind === 'truncated-poisson-sampled' &&
        relation === 'add-or-remove-one' &&
        event.maxBatch === 1,
    )!;
    const uncut = sampled(0.3, gaussian(2));
    const k = golden.epsilons.indexOf(0.3);
    expect(divergence(uncut, 'add-or-remove-one', 0.3, 'upper')).toBeLessThan(cut.least[k]! * (1 - 1e-3));
    const laplace = golden.records.find(
      ({ event }) => event.kind === 'poisson-sampled' && event.event.kind === 'laplace',
    )!;
    const zero = golden.epsilons.indexOf(0);
    expect(divergence(laplace.event, 'zero-out', 0, 'upper')).toBeLessThan(laplace.least[zero]! * (1 - 1e-3));
  });
});

const delta = 1e-5;

describe('allocation', () => {
  const allocations = referenceRecords().filter(({ mechanism }) => /random_allocation/.test(mechanism.type));
  test.each(allocations.map((record) => [record.id, record] as const))(
    '%s: inside the published two-sided bounds, and narrower',
    (_, record) => {
      const { epsilon } = epsilonOf(eventOf(record.mechanism)!, {
        delta: record.query.delta!,
        relation: relationOf(record.adjacency),
      });
      const { lower, upper } = record.truth!;
      expect(epsilon.upper).toBeGreaterThan(lower!);
      expect(epsilon.upper).toBeLessThan(upper!);
      expect(epsilon.lower).toBeLessThan(upper!);
      const isOne = record.mechanism['num_selected'] === 1;
      expect(epsilon.lower).toBeGreaterThan(isOne ? lower! : 0.8 * lower!);
      expect(epsilon.upper - epsilon.lower).toBeLessThan(isOne ? 0.2 * (upper! - lower!) : upper!);
    },
  );

  test('a simulation by another library lies within three standard errors (balls in bins)', () => {
    // jax_privacy, 10^6 samples: 1.083e-4 with a standard error of 6.5e-6.
    const event: DpEvent = { kind: 'balls-in-bins', bins: 50, epochs: 2, event: gaussian(1) };
    const { delta: found, direction } = deltaOf(event, { epsilon: 2, relation: 'zero-out' });
    expect(direction).toBe('remove');
    expect(Math.abs(found.upper - 1.0832e-4)).toBeLessThan(3 * 6.5e-6);
    expect(found.upper / found.lower).toBeLessThan(1.01);
  });

  test('all of the steps, or one of one, is no allocation', () => {
    const query = { delta, relation: 'zero-out' } as const;
    const all: DpEvent = { kind: 'random-allocation', steps: 4, selected: 4, event: gaussian(3) };
    expect(epsilonOf(all, query).epsilon).toEqual(epsilonOf(times(4, gaussian(3)), query).epsilon);
    const one: DpEvent = { kind: 'balls-in-bins', bins: 1, epochs: 9, event: gaussian(3) };
    expect(epsilonOf(one, query).epsilon).toEqual(epsilonOf(gaussian(1), query).epsilon);
  });

  test('the smallest deltas and noises get an interval', () => {
    const event: DpEvent = { kind: 'random-allocation', steps: 20, selected: 1, event: gaussian(1) };
    const { lower, upper } = epsilonOf(event, { delta: 1e-30, relation: 'zero-out' }).epsilon;
    expect(upper / lower).toBeLessThan(1.01);
    const loud: DpEvent = { ...event, event: gaussian(0.04) };
    const both = epsilonOf(loud, { delta, relation: 'zero-out' }).epsilon;
    expect(both.lower).toBeGreaterThan(200);
    expect(both.upper).toBeLessThan(500);
  });
});

describe('truncated Poisson sampling', () => {
  const records = referenceRecords().filter(({ mechanism }) => /truncated/.test(mechanism.type));
  test.each(records.map((record) => [record.id, record] as const))(
    '%s: between no cut and 2508.15089',
    (_, record) => {
      const event = eventOf(record.mechanism)!;
      const relation = relationOf(record.adjacency);
      const { lower, upper } = epsilonOf(event, { delta: record.query.delta!, relation }).epsilon;
      const published = record.said.find(({ method }) => method.includes('truncated'))!.value;
      expect(lower).toBeGreaterThan(0);
      expect(upper).toBeGreaterThan(lower);
      expect(upper).toBeLessThan(published * 1.001);
    },
  );

  test('without a cut it is Poisson sampling', () => {
    const uncut: DpEvent = {
      kind: 'truncated-poisson-sampled',
      datasetSize: 1000,
      rate: 0.05,
      maxBatch: 1001,
      event: gaussian(1),
    };
    for (const relation of ['add-or-remove-one', 'replace-one'] as const) {
      const query = { delta, relation };
      const plain = epsilonOf(dpSgd(1, 0.05, 50), query).epsilon;
      expect(epsilonOf(times(50, uncut), query).epsilon.upper).toBe(plain.upper);
    }
  });
});

describe('bounds from below where the dominating pair is only a bound', () => {
  test.each<readonly [string, DpEvent, Relation, number]>([
    ['exponential', times(100, { kind: 'exponential', epsilon: 0.5 }), 'add-or-remove-one', 0.9],
    ['permute-and-flip', times(100, { kind: 'permute-and-flip', epsilon: 0.5 }), 'add-or-remove-one', 0.3],
    ['noise near 0', dpSgd(0.015, 0.01, 3), 'add-or-remove-one', 0.3],
    ['more than 10^10 steps', dpSgd(1, 1e-7, 2e10), 'add-or-remove-one', 0.1],
    [
      'a part with Renyi bounds only',
      { kind: 'composed', events: [dpSgd(2, 0.05, 100), { kind: 'zcdp', rho: 0.01 }] },
      'add-or-remove-one',
      0.7,
    ],
    [
      'a tree with several participations',
      { kind: 'tree', noiseMultiplier: 8, steps: 100, maxParticipations: 3, minSeparation: 20 },
      'zero-out',
      0.8,
    ],
  ])('%s', (_, event, relation, share) => {
    const { lower, estimate, upper } = epsilonOf(event, { delta, relation }).epsilon;
    expect(lower).toBeGreaterThan(share * upper);
    expect(lower).toBeLessThan(upper);
    expect(estimate).toBeGreaterThanOrEqual(lower);
    expect(estimate).toBeLessThanOrEqual(upper);
  });

  test('read-outs do not take the lower end from a pair that is only a bound', () => {
    const event: DpEvent = times(10, { kind: 'exponential', epsilon: 0.5 });
    const readouts = readoutsOf(event, { relation: 'add-or-remove-one' });
    const { lower, upper } = readouts.advantage();
    // Ten randomized responses of 0.25 on one side, of 0.5 on the other.
    expect(lower).toBeLessThan(0.4);
    expect(upper).toBeGreaterThan(0.5);
  });
});
