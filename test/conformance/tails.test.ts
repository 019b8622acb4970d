import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { binomialTail, binomialWithin, chiSquareTail, kolmogorovTail } from '../../src/conformance/tails.ts';

interface Golden {
  readonly chiSquare: readonly { sum: number; freedom: number; tail: number }[];
  readonly binomial: readonly { count: number; trials: number; rate: number; tail: number }[];
  readonly within: readonly { trials: number; rate: number; low: number; high: number; share: number }[];
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/conformance/tails.json', import.meta.url), 'utf8'),
) as Golden;

/** A bound on a tail: never below it, and above it by a polynomial only (e^5 for tails down to 1e-250). */
function expectBound(bound: number, tail: number): void {
  expect(bound).toBeGreaterThanOrEqual(tail);
  expect(Math.log(bound) - Math.log(tail)).toBeLessThan(5);
}

test('bounds hold, and are not loose, against the exact tails', () => {
  expect(golden.chiSquare.length + golden.binomial.length).toBeGreaterThan(35);
  for (const { sum, freedom, tail } of golden.chiSquare) expectBound(chiSquareTail(sum, freedom), tail);
  for (const { count, trials, rate, tail } of golden.binomial) {
    expectBound(binomialTail(count, trials, rate), tail);
  }
});

test('binomial probabilities', () => {
  for (const { trials, rate, low, high, share } of golden.within) {
    expect(binomialWithin(trials, rate, low, high)).toBeCloseTo(share, 9);
  }
});

test('what cannot be is impossible, and what is certain is certain', () => {
  expect(chiSquareTail(0, 10)).toBe(0);
  expect(chiSquareTail(Number.NaN, 10)).toBe(0);
  expect(binomialTail(9, 10, 1)).toBe(0);
  expect(binomialTail(10, 10, 1)).toBe(1);
  expect(binomialTail(1, 10, 0)).toBe(0);
  expect(kolmogorovTail(0, 10)).toBe(1);
});
