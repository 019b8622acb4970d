import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { epsilonOf, UnsupportedEventError, type DpEvent, type Relation } from '../../privacy/index.ts';
import { epsilonByInversion } from '../../src/verify/inversion.ts';
import { momentsOf } from '../../src/verify/moments.ts';

interface Case {
  readonly rate: number;
  readonly noiseMultiplier: number;
  readonly steps: number;
  readonly delta: number;
  readonly relation: Relation;
  readonly lower: number | null;
  readonly upper: number;
}

/** dp-accounting 0.6.0: connect-the-dots from above, privacy buckets from below; see inversion.py beside it. */
const { cases } = JSON.parse(
  readFileSync(new URL('../golden/verify/inversion.json', import.meta.url), 'utf8'),
) as { cases: readonly Case[] };
/** The golden upper bounds are that near to the truth. */
const TOLERANCE = 5e-6;

function eventOf({ rate, noiseMultiplier, steps }: Case): DpEvent {
  const event = { kind: 'poisson-sampled', rate, event: { kind: 'gaussian', noiseMultiplier } } as const;
  return { kind: 'self-composed', count: steps, event };
}

describe('G20: epsilon by inversion of the moments', () => {
  test.each(cases)(
    'is that of dp-accounting: q $rate, sigma $noiseMultiplier, T $steps, $relation',
    (one) => {
      const { delta, relation, lower, upper } = one;
      const { epsilon, renyi } = epsilonByInversion(momentsOf(eventOf(one), relation), delta);
      expect(Math.abs(epsilon / upper - 1)).toBeLessThan(TOLERANCE);
      expect(epsilon).toBeGreaterThan(lower ?? 0);
      expect(renyi).toBeGreaterThan(epsilon);
      const nearby = { ...one, noiseMultiplier: one.noiseMultiplier * 1.001 };
      const other = epsilonByInversion(momentsOf(eventOf(nearby), relation), delta).epsilon;
      expect(Math.abs(other / upper - 1)).toBeGreaterThan(TOLERANCE);
    },
  );

  test('lies within the certified interval of the first accountant for phases and reads composed', () => {
    const event: DpEvent = {
      kind: 'composed',
      events: [
        eventOf({ ...cases[0]!, steps: 200 }),
        eventOf({ ...cases[1]!, steps: 100 }),
        { kind: 'gaussian', noiseMultiplier: 8 },
      ],
    };
    const first = epsilonOf(event, { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon;
    const { epsilon, tolerance } = epsilonByInversion(momentsOf(event, 'add-or-remove-one'), 1e-5);
    expect(epsilon).toBeGreaterThan(first.lower * (1 - tolerance));
    expect(epsilon).toBeLessThan(first.upper * (1 + tolerance));
  });

  test('knows a banded matrix mechanism as its turns, the column norm included', () => {
    const { rate, noiseMultiplier, delta } = cases[0]!;
    const turns = { ...cases[0]!, steps: 26 };
    const expected = epsilonByInversion(momentsOf(eventOf(turns), 'add-or-remove-one'), delta).epsilon;
    const banded = (iterations: number, columnNorm: number): number => {
      const event = { kind: 'banded-matrix', noiseMultiplier: noiseMultiplier * columnNorm } as const;
      const whole: DpEvent = { ...event, iterations, bands: 4, rate, columnNorm };
      return epsilonByInversion(momentsOf(whole, 'add-or-remove-one'), delta).epsilon;
    };
    for (const iterations of [101, 104]) expect(banded(iterations, 1)).toBe(expected);
    expect(banded(101, 2)).toBeCloseTo(expected, 10);
    expect(banded(105, 1)).toBeGreaterThan(expected);
  });

  test('is 0 where the advantage is below delta', () => {
    const event: DpEvent = { kind: 'gaussian', noiseMultiplier: 1e4 };
    expect(epsilonByInversion(momentsOf(event, 'zero-out'), 0.1).epsilon).toBe(0);
  });

  test('is not claimed for mechanisms that it does not know', () => {
    const laplace: DpEvent = { kind: 'laplace', noiseMultiplier: 1 };
    expect(() => momentsOf({ kind: 'composed', events: [laplace] }, 'zero-out')).toThrow(
      UnsupportedEventError,
    );
  });
});
