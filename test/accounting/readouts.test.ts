import { describe, expect, test } from 'vitest';
import { deltaOf, readoutsOf } from '../../privacy/accounting/index.ts';
import { UnsupportedEventError } from '../../privacy/errors.ts';
import { dpSgd, gaussian, times } from './events.ts';

const relation = 'add-or-remove-one';

describe('read-outs of mu = 1 Gaussian DP hold the closed forms (scipy 1.10.1)', () => {
  // Four Gaussian steps of noise multiplier 2; beta = Phi(Phi^-1(1 - alpha) - 1), advantage 2 Phi(1/2) - 1.
  const readouts = readoutsOf(times(4, gaussian(2)), { relation });

  test('advantage', () => {
    const { lower, upper } = readouts.advantage();
    expect(lower).toBeLessThanOrEqual(0.38292492254802624);
    expect(upper).toBeGreaterThanOrEqual(0.38292492254802624);
    expect(upper - lower).toBeLessThan(1e-10);
  });

  test.each([
    [0.001, 0.9817015315943434],
    [0.01, 0.9076377519263059],
    [0.1, 0.610856308354639],
    [0.5, 0.15865525393145707],
  ])('false negative rate at %d', (rate, beta) => {
    const { lower, upper } = readouts.falseNegativeRate(rate);
    expect(lower).toBeLessThanOrEqual(beta);
    expect(upper).toBeGreaterThanOrEqual(beta);
    expect(beta - lower).toBeLessThan(1e-5);
    expect(upper - beta).toBeLessThan(1e-3);
    const positives = readouts.truePositiveRate(rate);
    expect(positives.upper).toBe(1 - lower);
  });

  test('mu is 1, not below, with little regret', () => {
    const { mu, regret } = readouts.mu();
    expect(mu).toBeGreaterThanOrEqual(1);
    expect(mu).toBeLessThan(1.005);
    expect(regret).toBeLessThan(0.005);
  });

  test('accuracy: (1 + advantage) / 2 from even odds, and never below the better trivial guess', () => {
    expect(readouts.accuracy(0.5).upper).toBeCloseTo(0.6914624612740131, 6);
    expect(readouts.accuracy(0.5).upper).toBeGreaterThanOrEqual(0.6914624612740131);
    expect(readouts.accuracy(0.999).upper).toBeGreaterThanOrEqual(0.999);
    expect(readouts.accuracy(0).upper).toBe(1);
  });
});

test('G21: every false positive rate has a false negative rate, where epsilon has no exponential', () => {
  const readouts = readoutsOf(dpSgd(0.1, 0.2, 80), { relation });
  expect(readouts.falseNegativeRate(0)).toEqual({
    lower: expect.closeTo(1, 9),
    estimate: expect.closeTo(1, 9),
    upper: 1,
  });
  for (const rate of [1e-12, 0.001, 0.5, 1]) {
    const { lower, upper } = readouts.falseNegativeRate(rate);
    expect(lower).toBeGreaterThanOrEqual(0);
    expect(upper).toBeGreaterThanOrEqual(lower);
  }
});

test('delta from the curve agrees with the direct answer for a sampled mechanism', () => {
  const event = dpSgd(1.5, 0.05, 300);
  const readouts = readoutsOf(event, { relation });
  for (const epsilon of [0, 0.5, 1, 2]) {
    const direct = deltaOf(event, { epsilon, relation }).delta;
    const curve = readouts.delta(epsilon);
    expect(curve.lower).toBeLessThanOrEqual(direct.upper);
    expect(direct.lower).toBeLessThanOrEqual(curve.upper);
    expect(curve.upper / direct.upper - 1).toBeLessThan(1e-3);
    expect(curve.upper / curve.lower - 1).toBeLessThan(1e-8);
  }
  // riskcal: advantage 0.24848, FNR 0.95199 at FPR 0.01.
  expect(readouts.advantage().upper).toBeCloseTo(0.24848, 4);
  expect(readouts.falseNegativeRate(0.01).lower).toBeCloseTo(0.95199, 4);
});

test('what is known by Renyi divergences only has no read-outs', () => {
  expect(() => readoutsOf({ kind: 'zcdp', rho: 0.1 }, { relation })).toThrow(UnsupportedEventError);
});
