import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { exp, expm1, log, log1p, unitRoot } from '../../privacy/accounting/elementary.ts';
import { erfc, erfcx, logNormalTail, normalTail } from '../../privacy/accounting/normal.ts';

type Table = readonly (readonly [x: number, y: number])[];
const golden = JSON.parse(
  readFileSync(new URL('../golden/accounting/elementary.json', import.meta.url), 'utf8'),
) as Record<string, Table>;

/** Distance in units of the last place of the true value. */
function ulps(value: number, truth: number): number {
  if (value === truth) return 0;
  const size = Math.abs(truth);
  const ulp = size < 2 ** -1022 ? 2 ** -1074 : 2 ** (Math.floor(Math.log2(size)) - 52);
  return Math.abs(value - truth) / ulp;
}

test.each([
  ['exp', exp],
  ['expm1', expm1],
  ['log', log],
  ['log1p', log1p],
  ['erfc', erfc],
  ['logNormalTail', logNormalTail],
] as const)('%s is within 2 ulp of 50-digit values', (name, f) => {
  const table = golden[name]!;
  expect(table.length).toBeGreaterThan(100);
  for (const [x, y] of table) expect(ulps(f(x), y), `${name}(${x})`).toBeLessThanOrEqual(2);
});

test('ends of the ranges', () => {
  expect([exp(-Infinity), exp(Infinity), exp(-745.14), exp(710)]).toEqual([0, Infinity, 0, Infinity]);
  // Every subnormal result, where the power of two leaves the normal range.
  for (let x = -745.1; x < -708; x += 0.01) expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(0.6);
  expect(exp(NaN)).toBeNaN();
  expect([log(0), log(-1), log(Infinity), log(5e-324)]).toEqual([
    -Infinity,
    NaN,
    Infinity,
    -744.4400719213812,
  ]);
  expect([log1p(-1), log1p(Infinity), log1p(-2)]).toEqual([-Infinity, Infinity, NaN]);
  expect([erfc(-Infinity), erfc(Infinity), normalTail(45), logNormalTail(-Infinity)]).toEqual([2, 0, 0, 0]);
  expect(erfcx(1e9)).toBeCloseTo(1 / (1e9 * Math.sqrt(Math.PI)), 24);
});

test('roots of unity have norm 1 and the right angle in every octant', () => {
  for (const n of [8, 64, 4096]) {
    for (let k = 0; k < n; k++) {
      const [cos, sin] = unitRoot(k, n);
      expect(Math.abs(cos - Math.cos((2 * Math.PI * k) / n))).toBeLessThan(1e-15);
      expect(Math.abs(sin - Math.sin((2 * Math.PI * k) / n))).toBeLessThan(1e-15);
      expect(Math.abs(cos * cos + sin * sin - 1)).toBeLessThan(4e-16);
    }
  }
});
