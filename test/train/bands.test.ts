import { describe, expect, test } from 'vitest';
import { calibrate, type DpEvent } from '../../privacy/index.ts';
import { bandsFor, noiseMemoryOf } from '../../src/train/bands.ts';
import type { PhaseRecipe, RecipeFacts } from '../../src/train/recipe.ts';

function factsFor(epsilon: number, units = 9594): RecipeFacts {
  return {
    units,
    epsilon,
    generation: false,
    labelWords: false,
    noiseFor: (rate, count) => {
      const eventOf = (noiseMultiplier: number): DpEvent => ({
        kind: 'self-composed',
        count,
        event: { kind: 'poisson-sampled', rate, event: { kind: 'gaussian', noiseMultiplier } },
      });
      return calibrate(eventOf, { target: { epsilon, delta: 1e-5 }, relation: 'add-or-remove-one' }).value;
    },
  };
}
const recipe = (batchSize: number, steps: number): PhaseRecipe => ({
  method: 'head',
  batchSize,
  steps,
  learningRate: 1,
  clipNorm: 1,
  share: 1,
  reasons: [],
});
const auto = { kind: 'banded-matrix', bands: 'auto' } as const;
const errorIn = (reason: string) => Number(/leaves ([\d.]+) of the error/.exec(reason)![1]);

describe('bands of a job', () => {
  test('are none with independent noise', () => {
    expect(bandsFor({ kind: 'gaussian', bands: 'auto' }, recipe(120, 200), factsFor(8), true)).toEqual({
      reasons: [],
    });
  });

  test('are those with the least error: more for few epochs and a large epsilon, where it pays more', () => {
    const few = bandsFor(auto, recipe(120, 160), factsFor(8), true);
    const many = bandsFor(auto, recipe(120, 1600), factsFor(1), true);
    expect(few.bands).toBeGreaterThan(many.bands!);
    expect(errorIn(few.reasons[0]!)).toBeLessThan(0.6);
    expect(errorIn(many.reasons[0]!)).toBeGreaterThan(0.9);
    // No other number does better by more than a twentieth.
    const { reasons } = bandsFor({ ...auto, bands: 8 }, recipe(120, 1600), factsFor(1), true);
    expect(errorIn(reasons[0]!)).toBeGreaterThan(errorIn(many.reasons[0]!) / 1.06);
  });

  test('are as given, and none where the batch leaves no room to divide the units', () => {
    const given = bandsFor({ ...auto, bands: 5 }, recipe(120, 160), factsFor(8), true);
    expect(given).toMatchObject({ bands: 5, reasons: [expect.stringContaining('5 bands')] });
    expect(bandsFor({ ...auto, bands: 5 }, recipe(120, 160), factsFor(8), false)).toEqual({
      bands: 5,
      reasons: [],
    });
    const crowded = bandsFor(auto, recipe(5000, 100), factsFor(8), true);
    expect(crowded.bands).toBeUndefined();
    expect(crowded.reasons[0]).toContain('leaves no room');
  });

  test('take eight bytes a parameter for each band but one', () => {
    expect(noiseMemoryOf(1, 1000)).toBe(0);
    expect(noiseMemoryOf(5, 1000)).toBe(32_000);
  });
});
