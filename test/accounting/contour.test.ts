import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sampledContour } from '../../privacy/accounting/contour.ts';
import type { Contour } from '../../privacy/accounting/contour.ts';
import { contourDelta, contourEpsilon } from '../../privacy/accounting/contour-enclosure.ts';
import { contourPlan } from '../../privacy/accounting/contour-plan.ts';
import type { ContourPlan, SmoothPhase } from '../../privacy/accounting/contour-plan.ts';
import { cumulantOf } from '../../privacy/accounting/cumulant.ts';
import { epsilonOf, epsilonOnLattice } from '../../privacy/accounting/index.ts';
import { cutMass, mixtureOf, noCut } from '../../privacy/accounting/mixture.ts';
import { normalTail } from '../../privacy/accounting/normal.ts';
import type { LossPair } from '../../privacy/accounting/pairs.ts';
import { deltaEnclosure, epsilonEnclosure } from '../../privacy/accounting/pld.ts';
import type { PairCount } from '../../privacy/accounting/pld.ts';
import { poissonGaussian, withoutReplacement } from '../../privacy/accounting/sampled-pairs.ts';
import { singleStepDelta } from '../../privacy/accounting/single-step.ts';
import { gaussianMixture, laplace, swapped } from '../../privacy/accounting/smooth-pairs.ts';
import { gaussian, times } from './events.ts';

type GoldenCase = {
  readonly name: string;
  readonly phases: readonly (readonly [noise: number, rate: string, steps: number])[];
  readonly delta: string;
  readonly direction: 'remove' | 'add';
  readonly epsilon: number;
};
const golden = JSON.parse(
  readFileSync(new URL('../golden/accounting/contour.json', import.meta.url), 'utf8'),
) as { cases: GoldenCase[] };

const relation = 'add-or-remove-one';

function pairsOf({ phases, direction }: GoldenCase): PairCount[] {
  return phases.map(([noise, rate, count]) => {
    const pair = poissonGaussian(Number(rate), 1 / noise, relation);
    return { pair: direction === 'remove' ? pair : swapped(pair), count };
  });
}

describe('G20 the contour encloses 30-digit values within a billionth', () => {
  test.each(golden.cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const { lower, estimate, upper } = contourEpsilon(pairsOf(one), Number(one.delta))!.interval;
    // The golden value is itself rounded to a double.
    expect(lower).toBeLessThanOrEqual(one.epsilon * (1 + 1e-15));
    expect(upper).toBeGreaterThanOrEqual(one.epsilon * (1 - 1e-15));
    expect(upper / lower - 1).toBeLessThan(1e-9);
    expect(Math.abs(estimate / one.epsilon - 1)).toBeLessThan(1e-11);
  });
});

test('G20 many Gaussians are one Gaussian, whose delta has a closed form', () => {
  for (const [noise, count, epsilon] of [
    [10, 100, 1.5],
    [4, 40, 3],
    [300, 1e6, 8],
  ] as const) {
    const one = gaussianMixture([[1, Math.sqrt(count) / noise]], [[1, 0]]);
    const exact = singleStepDelta(one, epsilon, 'upper');
    const many = [{ pair: gaussianMixture([[1, 1 / noise]], [[1, 0]]), count }];
    const { lower, upper } = contourDelta(many, epsilon)!.interval;
    expect(lower).toBeLessThanOrEqual(exact);
    expect(upper).toBeGreaterThanOrEqual(exact * (1 - 1e-12));
    expect(upper / lower - 1).toBeLessThan(1e-7);
  }
});

test('G20 the contour and the lattices, which share no discretisation, agree', () => {
  const cases: [LossPair, number, number][] = [
    [poissonGaussian(0.02, 1 / 1.2, relation), 500, 1e-6],
    [swapped(poissonGaussian(0.02, 1 / 1.2, relation)), 500, 1e-6],
    [poissonGaussian(0.1, 0.5, 'replace-one'), 300, 1e-8],
    [poissonGaussian(0.4, 0.25, relation), 64, 1e-3],
    // Orders so high that rare losses have to be cut off.
    [poissonGaussian(1e-6, 0.05, relation), 1e6, 1e-8],
    [swapped(poissonGaussian(1e-4, 1 / 3, relation)), 1000, 1e-8],
    [poissonGaussian(1e-5, 0.2, 'replace-one'), 1e5, 1e-10],
    [
      gaussianMixture(
        [
          [0.9, 0],
          [0.08, 0.5],
          [0.02, 1],
        ],
        [[1, 0]],
      ),
      800,
      1e-5,
    ],
  ];
  for (const [pair, count, delta] of cases) {
    const fine = contourEpsilon([{ pair, count }], delta)!.interval;
    const coarse = epsilonEnclosure([{ pair, count }], delta).interval;
    expect(fine.upper / fine.lower - 1).toBeLessThan(1e-7);
    expect(coarse.lower).toBeLessThanOrEqual(fine.lower);
    expect(coarse.upper).toBeGreaterThanOrEqual(fine.upper);
    const at = contourDelta([{ pair, count }], fine.upper)!.interval;
    const onLattice = deltaEnclosure([{ pair, count }], fine.upper).interval;
    expect(at.upper).toBeLessThanOrEqual(delta * (1 + 1e-6));
    expect(onLattice.lower).toBeLessThanOrEqual(at.upper);
    expect(onLattice.upper).toBeGreaterThanOrEqual(at.lower);
  }
});

const noise = 8;
const count = 64;
const pair = gaussianMixture([[1, 1 / noise]], [[1, 0]]);
const phase: SmoothPhase = {
  piece: pair.pieces[0]!,
  mixture: mixtureOf(pair)!,
  count,
  cumulant: cumulantOf(pair),
};
const whole = gaussianMixture([[1, Math.sqrt(count) / noise]], [[1, 0]]);
const epsilon = 3;
const exact = singleStepDelta(whole, epsilon, 'upper');
const plan = contourPlan([phase], { epsilon, logDelta: Math.log(exact), slope: 4 })!;

function contour(change: Partial<ContourPlan>, phases: readonly SmoothPhase[] = [phase]): Contour {
  return sampledContour(phases, { ...plan, ...change })!;
}

test('the plan as it is passes', () => {
  const { lower, estimate, upper } = contour({}).at(epsilon);
  expect(lower).toBeLessThanOrEqual(exact * (1 + 1e-13));
  expect(upper).toBeGreaterThanOrEqual(exact * (1 - 1e-13));
  expect(Math.abs(estimate / exact - 1)).toBeLessThan(1e-9);
  expect(upper / lower - 1).toBeLessThan(1e-7);
});

const part = (min: number, max = 1): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });

describe('a bad plan moves the estimate, and the bounds pay for it', () => {
  test.each([
    ['copies too close to each other', { period: plan.period / 4 }, 'aliasing', 1e-5],
    ['too few frequencies', { cutoff: plan.cutoff / 4 }, 'truncation', 1e-6],
    ['nodes too far apart and too few', { nats: 8 }, 'rounding', 1e-5],
    ['a tilt far below the best one', { tilt: plan.tilt / 6 }, 'aliasing', 1e-9],
  ] as const)('%s', (_, change, cause, moved) => {
    const at = contour(change).at(epsilon);
    expect(Math.abs(at.estimate / exact - 1)).toBeGreaterThan(moved);
    expect(at.lower).toBeLessThanOrEqual(exact);
    expect(at.upper).toBeGreaterThanOrEqual(exact);
    expect(at[cause]).toBeGreaterThan(contour({}).at(epsilon)[cause] * 100);
    // Without the term for it the interval would miss the truth.
    const careless = {
      lower: at.lower + at[cause],
      upper: at.upper - (cause === 'aliasing' ? 0 : at[cause]),
    };
    expect(careless.lower <= exact && exact <= careless.upper).toBe(false);
  });

  test('a copy only ever raises the sum: the upper end does not pay for aliasing', () => {
    const at = contour({ period: plan.period / 4 }).at(epsilon);
    expect(at.estimate).toBeGreaterThan(exact);
    expect(at.upper - at.estimate).toBeLessThan(at.aliasing / 100);
  });

  test('outcomes that were cut off are charged: the sum without them falls below the truth', () => {
    const cut = { at: 5, width: 0.2 };
    const { lower, estimate, upper, truncation } = contour({ cuts: [cut] }).at(epsilon);
    expect(estimate).toBeLessThan(exact * (1 - 1e-6));
    expect(lower <= exact && exact <= upper).toBe(true);
    expect(truncation).toBeGreaterThan(count * cutMass(phase.mixture.p, cut) * 0.999);
    // A smooth edge: the mass above it is that of x with more noise.
    const sharp = cutMass(phase.mixture.p, { at: 5, width: 1e-9 });
    expect(sharp / normalTail(5 - 1 / noise)).toBeCloseTo(1, 7);
  });

  test('whatever the plan, the interval holds the closed form', () => {
    let found = 0;
    fc.assert(
      fc.property(
        fc.record({ tilt: part(0.2), period: part(0.1), cutoff: part(0.1), nats: part(0.3) }),
        part(4, 9),
        part(0.05, 0.5),
        part(0.5, 1.5),
        (parts, at, width, off) => {
          const changed = sampledContour([phase], {
            ...plan,
            tilt: plan.tilt * parts.tilt,
            period: plan.period * parts.period,
            cutoff: plan.cutoff * parts.cutoff,
            nats: plan.nats * parts.nats,
            cuts: [at < 8 ? { at, width } : noCut],
          });
          if (!changed) return;
          found++;
          const real = singleStepDelta(whole, epsilon * off, 'upper');
          const { lower, upper } = changed.at(epsilon * off);
          expect(lower).toBeLessThanOrEqual(real * (1 + 1e-13));
          expect(upper).toBeGreaterThanOrEqual(real * (1 - 1e-13));
        },
      ),
      { numRuns: 150, seed: 20261124 },
    );
    expect(found).toBeGreaterThan(50);
  });

  test('a step too few, or a phase counted twice, is seen', () => {
    for (const phases of [[{ ...phase, count: count - 1 }], [phase, { ...phase, count: 1 }]]) {
      const { lower, upper } = contour({ cuts: phases.map(() => noCut) }, phases).at(epsilon);
      expect(lower <= exact && exact <= upper).toBe(false);
    }
  });
});

test('what is not a pair of Gaussian mixtures, or has too few steps, is left to other methods', () => {
  expect(contourEpsilon([{ pair: laplace(0.1, 2), count: 500 }], 1e-5)).toBeNull();
  expect(contourEpsilon([{ pair: withoutReplacement(0.1, 0.2), count: 500 }], 1e-5)).toBeNull();
  expect(contourEpsilon([{ pair: poissonGaussian(0.01, 1, relation), count: 2 }], 1e-5)).toBeNull();
  const event = times(500, { kind: 'poisson-sampled', rate: 0.02, event: gaussian(1) });
  const { epsilon: found, method } = epsilonOf(event, { delta: 1e-5, relation });
  expect(method).toBe('contour');
  expect(found.upper / found.lower - 1).toBeLessThan(1e-8);
  const second = epsilonOnLattice(event, { delta: 1e-5, relation });
  expect(second.lower).toBeLessThan(found.lower);
  expect(second.upper).toBeGreaterThan(found.upper);
  expect(second.upper / second.lower - 1).toBeLessThan(1e-3);
});
