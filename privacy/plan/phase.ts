import type { DpEvent } from '../accounting/index.ts';
import { DriftError, InvalidParameterError } from '../errors.ts';
import { latticeSpacing } from '../mechanism/noise.ts';
import { requireStrategy } from '../mechanism/strategy.ts';
import { numberWithin, objectOf, oneOf, text, wholeNumber } from './fields.ts';

/**
 * How one unit's gradient g is bounded; `norm` is the L2 norm C that no unit's whole contribution exceeds, for every kind.
 * - `flat`: g min(1, C/|g|).
 * - `per-layer`: each of L groups by C/sqrt(L).
 * - `automatic`: g C/(|g| + gamma) (Bu et al., arXiv:2206.07136, AUTO-S).
 */
export type Clipping =
  | { readonly kind: 'flat' | 'per-layer'; readonly norm: number }
  | { readonly kind: 'automatic'; readonly norm: number; readonly gamma: number };

/** One phase of training. Every number is a public constant; sampler, noise, loop and accountant read it from here. */
export interface Phase {
  readonly name: string;
  /** `cyclic-poisson` if and only if there is a strategy. */
  readonly sampler: 'poisson' | 'cyclic-poisson';
  /** Given where units are sampled from the plan's selection of the data instead of all of it. */
  readonly population?: 'selection';
  /**
   * Probability q with which a unit takes part in a step: expected batch / public size. For `cyclic-poisson` in a step that
   * is its subset's turn, one in as many as there are bands: bands * expected batch / public size.
   */
  readonly samplingRate: number;
  /** Optimizer steps T. */
  readonly steps: number;
  /** Units in a step on average, if there are as many as the public size says; not rounded. */
  readonly expectedBatch: number;
  /** What the noisy sum is divided by: the expected batch, never the realised one (G10). */
  readonly divisor: number;
  readonly clipping: Clipping;
  /** The norm to clip to in float32 arithmetic: C less 2^-10 of it, room for the rounding of norms, factors and sums. */
  readonly clipThreshold: number;
  /** sigma: standard deviation of the noise / C. The neighbouring relation's factor is the accountant's, not in here (G8). */
  readonly noiseMultiplier: number;
  /** sigma * C, on each coordinate of the sum; of C G + noise where there is a strategy. */
  readonly noiseStandardDeviation: number;
  /** The noisy sum is rounded to multiples of this power of two (G12). */
  readonly latticeSpacing: number;
  /**
   * Noise that is correlated from step to step, C^-1 times independent noise: first column of the lower-triangular Toeplitz
   * matrix C, one number a band, of norm at most 1. Absent for independent noise.
   */
  readonly strategy?: readonly number[];
}

/** The numbers that fix a phase; the rest of it follows. */
export interface PhaseNumbers {
  readonly name: string;
  readonly expectedBatch: number;
  readonly steps: number;
  readonly clipping: Clipping;
  readonly noiseMultiplier: number;
  readonly strategy?: readonly number[];
}

const CLIP_MARGIN = 2 ** -10;

/** @throws InvalidParameterError for a number outside its domain, whatever its static type claims */
export function phaseOf(numbers: PhaseNumbers, publicSize: number, population?: 'selection'): Phase {
  const name = text('phase', numbers.name);
  const remedy = `See phase ${name}.`;
  const expectedBatch = numberWithin(
    'expectedBatch',
    numbers.expectedBatch,
    0,
    publicSize,
    `${remedy} It counts units.`,
  );
  const clipping = clippingOf(numbers.clipping, remedy);
  const noiseMultiplier = numberWithin('noiseMultiplier', numbers.noiseMultiplier, 0, 1e6, remedy);
  const noiseStandardDeviation = noiseMultiplier * clipping.norm;
  const steps = wholeNumber('steps', numbers.steps, 1, remedy);
  const strategy =
    numbers.strategy === undefined ? undefined : requireStrategy(numbers.strategy, steps, remedy);
  const bands = strategy?.length ?? 1;
  if (bands * expectedBatch > publicSize) {
    throw new InvalidParameterError(
      `bands=${bands}: a step draws from 1/${bands} of ${publicSize} units, fewer than expectedBatch=${expectedBatch}. ` +
        `Choose at most ${Math.floor(publicSize / expectedBatch)} bands, or a smaller batch. ${remedy}`,
    );
  }
  return {
    name,
    sampler: strategy ? 'cyclic-poisson' : 'poisson',
    ...(population && { population }),
    samplingRate: (bands * expectedBatch) / publicSize,
    steps,
    expectedBatch,
    divisor: expectedBatch,
    clipping,
    clipThreshold: clipping.norm * (1 - CLIP_MARGIN),
    noiseMultiplier,
    noiseStandardDeviation,
    latticeSpacing: latticeSpacing(noiseStandardDeviation),
    ...(strategy && { strategy }),
  };
}

function clippingOf(given: unknown, remedy: string): Clipping {
  const fields = objectOf('clipping', given, ['kind', 'norm', 'gamma']);
  const kind = oneOf('clipping.kind', fields['kind'], ['flat', 'per-layer', 'automatic']);
  const norm = numberWithin('clipping.norm', fields['norm'], 0, 1e12, remedy);
  if (kind === 'automatic') {
    return { kind, norm, gamma: numberWithin('clipping.gamma', fields['gamma'], 0, 1e12, remedy) };
  }
  if ('gamma' in fields) {
    throw new InvalidParameterError(
      `clipping.gamma=${String(fields['gamma'])}: belongs to automatic clipping alone. ${remedy}`,
    );
  }
  return { kind, norm };
}

/** @throws DriftError if the phase's numbers contradict each other, so that a phase made by hand cannot run */
export function checkPhase(phase: Phase): void {
  const { samplingRate, steps, sampler, strategy } = phase;
  const follows =
    sampler === (strategy ? 'cyclic-poisson' : 'poisson') &&
    (!strategy || requireStrategy(strategy, Infinity, `See phase ${phase.name}.`) === strategy) &&
    phase.divisor === phase.expectedBatch &&
    phase.noiseStandardDeviation === phase.noiseMultiplier * phase.clipping.norm &&
    phase.latticeSpacing === latticeSpacing(phase.noiseStandardDeviation) &&
    phase.clipThreshold <= phase.clipping.norm;
  if (follows && samplingRate > 0 && samplingRate <= 1 && Number.isSafeInteger(steps) && steps >= 1) return;
  throw new DriftError(
    `phase=${phase.name}: its numbers contradict each other. Make the plan anew with makePlan.`,
  );
}

/** What decides the cost of a step. */
type StepNumbers = Pick<Phase, 'samplingRate' | 'noiseMultiplier' | 'population'>;

/**
 * One participation as the accountant sees it: sampling at rate q of a Gaussian mechanism with multiplier sigma. It is one
 * step, or, with a strategy, as many steps together as there are bands.
 */
export function stepEventOf({ samplingRate, noiseMultiplier, population }: StepNumbers): DpEvent {
  return inPopulation(population, {
    kind: 'poisson-sampled',
    rate: samplingRate,
    event: { kind: 'gaussian', noiseMultiplier },
  });
}

/** A mechanism on the units of a population, as it looks from the data that the population was taken from. */
export function inPopulation(population: Phase['population'], event: DpEvent): DpEvent {
  return population === 'selection' ? { kind: 'ranked-selection', event } : event;
}

/** What of a phase the accountant looks at. */
export type AccountedPhase = StepNumbers & Pick<Phase, 'steps' | 'strategy'>;

/** The whole phase. */
export function phaseEventOf(phase: AccountedPhase): DpEvent {
  const { samplingRate: rate, noiseMultiplier, steps: iterations, strategy, population } = phase;
  if (!strategy) return { kind: 'self-composed', count: phase.steps, event: stepEventOf(phase) };
  const bands = strategy.length;
  return inPopulation(population, { kind: 'banded-matrix', noiseMultiplier, iterations, bands, rate });
}

/**
 * T = floor(epochs * publicSize / expectedBatch), the only place where epochs become steps (G18). A product that falls
 * short of a whole number by float64 rounding counts as that number.
 * @throws InvalidParameterError if that leaves no step
 */
export function stepsOf(given: {
  readonly publicSize: number;
  readonly expectedBatch: number;
  readonly epochs: number;
}): number {
  const epochs = numberWithin('epochs', given.epochs, 0, 1e9, 'It counts passes over the data.');
  const steps = Math.floor((epochs * given.publicSize) / given.expectedBatch + 1e-9);
  if (steps >= 1) return steps;
  throw new InvalidParameterError(
    `epochs=${epochs}: gives no step at expectedBatch=${given.expectedBatch} and publicSize=${given.publicSize}. ` +
      'Raise epochs or lower the batch.',
  );
}
