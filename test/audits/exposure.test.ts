import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { exposure, exposureFigures, extrapolatedExposure } from '../../audits/index.ts';
import { fitSkewNormal, logSkewNormalCdf } from '../../audits/statistics/skew-normal.ts';
import { reproducibleRng } from '../../privacy/index.ts';

interface Golden {
  /** x, shape, log of the distribution function. */
  readonly distribution: readonly (readonly [number, number, number])[];
  readonly cases: readonly {
    readonly name: string;
    readonly references: readonly number[];
    readonly secrets: readonly number[];
    readonly ranked: readonly number[];
    readonly extrapolated: readonly number[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../golden/audits/exposure.json', import.meta.url), 'utf8'),
) as Golden;

describe('the skew normal distribution', () => {
  test.each(golden.distribution)('up to %s, of shape %s, has the logarithm %s', (x, shape, expected) => {
    const found = logSkewNormalCdf(x, { shape, location: 0, scale: 1 });
    expect(Math.abs(found - expected)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected)));
  });

  test('moves with location and scale', () => {
    const standard = logSkewNormalCdf(-1, { shape: 2, location: 0, scale: 1 });
    const moved = logSkewNormalCdf(2, { shape: 2, location: 3, scale: 1 });
    expect(moved).toBeCloseTo(standard, 10);
    expect(logSkewNormalCdf(-4, { shape: 2, location: -2, scale: 2 })).toBeCloseTo(standard, 10);
  });

  test('is not fitted to what has no spread', () => {
    expect(() => fitSkewNormal([1, 1, 1, 2])).toThrow(/three different/);
  });
});

describe('exposure', () => {
  test.each(golden.cases)('$name: as scipy has it', ({ references, secrets, ranked, extrapolated }) => {
    const found = extrapolatedExposure(secrets, references);
    for (const [k, expected] of extrapolated.entries()) {
      expect(Math.abs(found[k]! - expected)).toBeLessThan(2e-3 * Math.max(1, expected));
      expect(exposure(secrets[k]!, references)).toBeCloseTo(ranked[k]!, 12);
    }
  });

  test('of secrets that were learnt is high, of others about a bit', () => {
    const rng = reproducibleRng('exposure');
    const members = Array.from({ length: 400 }, (_, k) => k % 2 === 0);
    const normal = (): number => Array.from({ length: 12 }, () => rng.uniform()).reduce((a, b) => a + b, -6);
    const unknown = members.map(() => 5 + normal());
    const idle = exposureFigures(unknown, members)!;
    expect(idle).toMatchObject({ secrets: 200, references: 200, ceiling: Math.log2(200) });
    for (const median of [idle.median, idle.extrapolatedMedian])
      expect(Math.abs(median - 1)).toBeLessThan(0.35);
    const learnt = exposureFigures(
      unknown.map((loss, k) => (members[k] ? loss - 8 : loss)),
      members,
    )!;
    expect(learnt.median).toBe(learnt.ceiling);
    // Eight deviations below: 2 to the -50 of a normal distribution.
    expect(learnt.extrapolatedMedian).toBeGreaterThan(25);
    expect(learnt.extrapolatedLargest).toBeGreaterThan(learnt.extrapolatedMedian);
  });

  test('has no figures where there are few canaries, or a model that fell apart', () => {
    expect(exposureFigures([1, 2, 3], [true, false, true])).toBeUndefined();
    const members = Array.from({ length: 40 }, (_, k) => k % 2 === 0);
    const losses = members.map((_, k) => Math.sin(k));
    expect(exposureFigures(losses, members)).toBeDefined();
    expect(exposureFigures(losses.with(3, Number.NaN), members)).toBeUndefined();
    expect(
      exposureFigures(
        losses.map(() => 2),
        members,
      ),
    ).toBeUndefined();
  });
});
