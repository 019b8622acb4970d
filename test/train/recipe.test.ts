import { describe, expect, test } from 'vitest';
import { calibrate, type DpEvent } from '../../privacy/index.ts';
import {
  affordableEpochs,
  encoderRecipe,
  headRecipe,
  recommendedPhases,
  relativeNoise,
  type RecipeFacts,
  type RecipeGiven,
} from '../../src/train/recipe.ts';

const units = 9594;
const noiseFor = (epsilon: number) => (rate: number, count: number) => {
  const eventOf = (noiseMultiplier: number): DpEvent => ({
    kind: 'self-composed',
    count,
    event: { kind: 'poisson-sampled', rate, event: { kind: 'gaussian', noiseMultiplier } },
  });
  return calibrate(eventOf, { target: { epsilon, delta: 1e-5 }, relation: 'add-or-remove-one' }).value;
};
const facts: RecipeFacts = {
  units,
  epsilon: 8,
  noiseFor: noiseFor(8),
  generation: false,
  labelWords: false,
};

const methods = (some: RecipeFacts) => recommendedPhases(some).map(({ method }) => method);
/** What the reasons of a head and of all weights are about. */
const about = (given: RecipeGiven) =>
  [headRecipe(facts, given), encoderRecipe('full', facts, given)].map(({ reasons }) =>
    reasons.map((reason) => /batch|epochs|learning rate/.exec(reason)![0]),
  );

describe('the recipe', () => {
  test('a head takes 5 % of the units a step, for 40 epochs', () => {
    const head = headRecipe(facts, {});
    expect(head).toMatchObject({ batchSize: 480, learningRate: 3e-2, clipNorm: 1 });
    expect((head.steps * head.batchSize) / units).toBeCloseTo(40, 1);
    expect(headRecipe(facts, { epochs: 5 })).toMatchObject({ steps: 99, learningRate: 0.1 });
  });

  test('the batch of LoRA is the smallest on the plateau of the total noise', () => {
    const { batchSize } = encoderRecipe('lora', facts, {});
    const total = (batch: number) => {
      const steps = Math.floor((40 * units) / batch);
      return facts.noiseFor(batch / units, steps) * Math.sqrt(steps);
    };
    const batches = [64, 128, 256, 512, 1024];
    const least = Math.min(...batches.map(total));
    expect(total(batchSize)).toBeLessThanOrEqual(1.08 * least);
    for (const smaller of batches.filter((batch) => batch < batchSize))
      expect(total(smaller)).toBeGreaterThan(1.08 * least);
  });

  test('epochs grow with the budget', () => {
    expect([0.5, 1, 3, 8, 20].map(affordableEpochs)).toEqual([10, 10, 20, 40, 40]);
    expect(affordableEpochs(5)).toBe(30);
  });

  test('LoRA follows the head where its noise leaves enough signal, and not where there are few units', () => {
    expect(methods(facts)).toEqual(['head']);
    expect(relativeNoise(encoderRecipe('lora', facts, {}), facts)).toBeGreaterThan(3e-5);
    expect(methods({ ...facts, units: 300_000 })).toEqual(['head', 'lora']);
    expect(methods({ ...facts, generation: true })).toEqual(['lora']);
  });

  test('reasons are of what the recipe chose, never of what the job gives', () => {
    expect(about({})).toEqual([
      ['batch', 'epochs', 'learning rate'],
      ['epochs', 'batch', 'learning rate'],
    ]);
    expect(about({ batchSize: 256 })).toEqual([
      ['epochs', 'learning rate'],
      ['epochs', 'learning rate'],
    ]);
    expect(about({ steps: 80, learningRate: 0.01 })).toEqual([['batch'], ['batch']]);
    expect(about({ epochs: 3, batchSize: 9, learningRate: 1 })).toEqual([[], []]);
  });
});
