import { bandedStrategy, strategyError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import type { PhaseRecipe, RecipeFacts } from './recipe.ts';

/** Numbers of bands to choose from where the job leaves it open: noise of one step less than these is kept in memory. */
const choices: readonly number[] = [2, 4, 8, 16, 32];

/** Fewer bands are taken where they leave so little more error: memory grows with each. */
const plateau = 1.05;

/** How the noise of a phase is correlated from step to step; `bands` is absent for independent noise. */
interface BandChoice {
  readonly bands?: number;
  readonly reasons: readonly string[];
}

/**
 * The bands that a job asks for, or the fewest under which the running sums of gradients have about the least error at the
 * budget: more bands take back more noise, and leave less to sampling.
 */
export function bandsFor(
  { kind, bands }: Config['privacy']['mechanism'],
  recipe: PhaseRecipe,
  facts: RecipeFacts,
  isCalibrated: boolean,
): BandChoice {
  if (kind === 'gaussian') return { reasons: [] };
  const independent = sumError(1, [1], recipe, facts);
  const errorWith = (count: number) =>
    sumError(count, bandedStrategy(count, recipe.steps), recipe, facts) / independent;
  if (bands !== 'auto') {
    return { bands, reasons: isCalibrated ? [reasonFor(bands, errorWith(bands))] : [] };
  }
  const possible = choices.filter(
    (count) => count * recipe.batchSize <= facts.units && count <= recipe.steps,
  );
  const errors = possible.map((count) => errorWith(count));
  const least = Math.min(...errors);
  if (!(least < 1)) {
    return {
      reasons: [
        possible.length === 0
          ? `independent noise: a batch of ${recipe.batchSize} leaves no room to divide ${facts.units} units, which correlated noise needs`
          : `independent noise: at this budget no number of bands (${possible.join(', ')}) has less error, the best ${least.toPrecision(3)} times as much`,
      ],
    };
  }
  const best = possible.find((_, index) => errors[index]! <= plateau * least)!;
  const reason = reasonFor(best, errors[possible.indexOf(best)]!);
  return {
    bands: best,
    reasons: [`${reason}; the least with ${possible.join(', ')} bands is ${least.toPrecision(3)}`],
  };
}

/** Bytes that the noise of earlier steps takes: a float64 for each parameter and each band but one. */
export function noiseMemoryOf(bands: number, parameters: number): number {
  return 8 * (bands - 1) * parameters;
}

function reasonFor(bands: number, error: number): string {
  return `${bands} bands: noise leaves ${error.toPrecision(3)} of the error on running sums of gradients that independent noise leaves for the same budget`;
}

/** Root mean squared error of the running sums, with the noise that the budget needs. */
function sumError(
  bands: number,
  strategy: readonly number[],
  { batchSize, steps }: PhaseRecipe,
  { units, noiseFor }: RecipeFacts,
): number {
  // More bands than the units allow are refused with the plan.
  const rate = Math.min(1, (bands * batchSize) / units);
  return noiseFor(rate, Math.ceil(steps / bands)) * Math.sqrt(strategyError(strategy, steps));
}
