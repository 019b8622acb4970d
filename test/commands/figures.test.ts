import { expect, test } from 'vitest';
import { roundedUp } from '../../privacy/figures.ts';
import { duration } from '../../src/commands/figures.ts';

test.each([
  [8, '8'],
  [7.9999, '8'],
  [1.2301, '1.24'],
  [1.23, '1.23'],
  [9.991, '10'],
  [0.099_91, '0.1'],
  [0.012_34, '0.0124'],
  [1234.1, '1240'],
  [1e-9, '1e-9'],
  [0, '0'],
  [Infinity, 'Infinity'],
])('a bound of %f is printed as %s', (value, expected) => {
  expect(roundedUp(value, 3)).toBe(expected);
  expect(Number(expected)).toBeGreaterThanOrEqual(value);
});

test.each([
  [0.4, '0s'],
  [59.7, '1m 00s'],
  [3599, '59m 59s'],
  [3600, '1h 00m'],
  [90_000, '1d 01h'],
])('%f s is %s', (seconds, expected) => {
  expect(duration(seconds)).toBe(expected);
});
