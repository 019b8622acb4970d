import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sampledContour } from '../../privacy/accounting/contour.ts';
import type { Contour } from '../../privacy/accounting/contour.ts';
import { contourDelta, contourEpsilon } from '../../privacy/accounting/contour-enclosure.ts';
import { contourPlan } from '../../privacy/accounting/contour-plan.ts';
import type { ContourPlan, SmoothPhase } from '../../privacy/accounting/contour-plan.ts';
import { cumulantOf } from '../../privacy/accounting/cumulant.ts';
import { layersOf, logDecay } from '../../privacy/accounting/decay.ts';
import { rotation } from '../../privacy/accounting/elementary.ts';
import { epsilonOf, epsilonOnLattice } from '../../privacy/accounting/index.ts';
import { cutMass, mixtureOf, noCut } from '../../privacy/accounting/mixture.ts';
import type { Cut } from '../../privacy/accounting/mixture.ts';
import { normalTail } from '../../privacy/accounting/normal.ts';
import type { LossPair } from '../../privacy/accounting/pairs.ts';
import { lossAt } from '../../privacy/accounting/pairs.ts';
import { deltaEnclosure, epsilonEnclosure } from '../../privacy/accounting/pld.ts';
import type { PairCount } from '../../privacy/accounting/pld.ts';
import { poissonGaussian, withoutReplacement } from '../../privacy/accounting/sampled-pairs.ts';
import { singleStepDelta } from '../../privacy/accounting/single-step.ts';
import { gaussianMixture, laplace, swapped } from '../../privacy/accounting/smooth-pairs.ts';
import { logQuadratureError } from '../../privacy/accounting/strip.ts';
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
) as { cases: GoldenCase[]; rotations: [number, number, number][] };

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

  test('a step too few, or a phase counted twice, is seen', () => {
    for (const phases of [[{ ...phase, count: count - 1 }], [phase, { ...phase, count: 1 }]]) {
      const { lower, upper } = contour({ cuts: phases.map(() => noCut) }, phases).at(epsilon);
      expect(lower <= exact && exact <= upper).toBe(false);
    }
  });
});

const mixtures: readonly [string, LossPair, number, Cut][] = [
  ['a Gaussian', gaussianMixture([[1, 0.5]], [[1, 0]]), 3, noCut],
  ['sampled', poissonGaussian(0.01, 1, relation), 4, noCut],
  ['sampled, added', swapped(poissonGaussian(0.05, 1, relation)), 4, noCut],
  ['replaced', poissonGaussian(0.2, 1, 'replace-one'), 1.5, noCut],
  ['sampled and cut', poissonGaussian(0.001, 1, relation), 9, { at: 4, width: 0.25 }],
];

describe('parts of the certificate, against plain sums over a fine grid', () => {
  test.each(mixtures)('%s: no frequency from the cutoff on exceeds the bound', (_, one, tilt, cut) => {
    const { losses, weights, logMoment } = tilted(one, tilt, 1 / 64, cut);
    const layers = layersOf({ ...mixtureOf(one)!, cut }, tilt, logMoment, -6, 14);
    const spread = Math.sqrt(
      weights.reduce((sum, w, k) => sum + w * losses[k]! ** 2, 0) -
        weights.reduce((sum, w, k) => sum + w * losses[k]!, 0) ** 2,
    );
    for (const from of [0.3, 1, 3]) {
      const bound = logDecay(layers, from / spread);
      let largest = 0;
      for (let omega = from / spread; omega < 40 / spread; omega *= 1.02) {
        let re = 0;
        let im = 0;
        weights.forEach((w, k) => {
          re += w * Math.cos(omega * losses[k]!);
          im += w * Math.sin(omega * losses[k]!);
        });
        largest = Math.max(largest, Math.hypot(re, im));
      }
      expect(Math.log(largest)).toBeLessThanOrEqual(bound);
      // And it is of use: a tenth of the fall at least.
      expect(bound).toBeLessThan(0.1 * Math.log(largest));
    }
  });

  test.each(mixtures)('%s: quadrature errs by less than its bound', (_, one, tilt, cut) => {
    const spacing = cut === noCut ? 1 : 1 / 4;
    const { logMoment } = tilted(one, tilt, 1 / 64, cut);
    const { logMoment: coarse } = tilted(one, tilt, spacing, cut);
    const error = Math.abs(Math.expm1(coarse - logMoment)) * Math.exp(logMoment);
    const bound = Math.exp(logQuadratureError({ ...mixtureOf(one)!, cut }, spacing, tilt, 0));
    expect(error).toBeLessThanOrEqual(bound + 1e-13);
    // Finer nodes err less, higher frequencies more.
    const at = (apart: number, frequency: number): number =>
      logQuadratureError({ ...mixtureOf(one)!, cut }, apart, tilt, frequency);
    expect(at(0.25, 10)).toBeLessThan(at(0.5, 10));
    expect(at(0.25, 10)).toBeLessThan(at(0.25, 40));
    expect(at(1 / 16, 20)).toBeLessThan(-30);
  });
});

/** The tilted loss on evenly spaced x, by plain sums. */
function tilted(
  one: LossPair,
  tilt: number,
  spacing: number,
  cut: Cut,
): {
  readonly losses: number[];
  readonly weights: number[];
  readonly logMoment: number;
} {
  const piece = one.pieces[0]!;
  const losses: number[] = [];
  const weights: number[] = [];
  for (let x = -16; x <= 24; x += spacing) {
    const loss = lossAt(piece, x);
    const density = piece.p.reduce((sum, term) => sum + Math.exp(term.log + term.rate * x - (x * x) / 2), 0);
    losses.push(loss);
    weights.push(spacing * density * Math.exp(tilt * loss) * normalTail((x - cut.at) / cut.width));
  }
  const total = weights.reduce((sum, w) => sum + w, 0);
  return { losses, weights: weights.map((w) => w / total), logMoment: Math.log(total) };
}

test('rotations are within 2^-52 of the lesser of 2 and |x|, or of themselves, of 30-digit values', () => {
  expect(golden.rotations.length).toBeGreaterThan(200);
  for (const [x, cosine, sine] of golden.rotations) {
    const { re, im } = rotation(x);
    const allowed = 2 ** -52 * Math.min(2, Math.abs(x));
    expect(Math.abs(re - cosine)).toBeLessThanOrEqual(Math.max(2 ** -52 * Math.abs(cosine), allowed));
    expect(Math.abs(im - sine)).toBeLessThanOrEqual(allowed);
  }
  expect(rotation(2e6).re).toBeNaN();
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
