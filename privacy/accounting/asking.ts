import type { Method } from './answer.ts';
import { noBudget } from './answer.ts';
import { contourDelta, contourEpsilon } from './contour-enclosure.ts';
import { deltaEnclosure, epsilonEnclosure } from './pld.ts';
import type { Enclosure, PairCount } from './pld.ts';
import { singleStepDelta, singleStepEpsilon } from './single-step.ts';

/** Bounds from one direction's pairs, at full or (for a first comparison of directions) at low precision. */
export type Ask = (pairs: readonly PairCount[], coarse: boolean) => Enclosure & { readonly method: Method };

export const noGrid = { cells: 0, width: 0, tilt: 0 };

/** Lattice points for a first comparison of directions. */
export const coarseSize = 2 ** 13;

export function askEpsilon(pairs: readonly PairCount[], delta: number, maxSize: number): ReturnType<Ask> {
  const contour = isSingleStep(pairs) ? null : contourEpsilon(pairs, delta);
  return contour ? { ...contour, method: 'contour' } : askEpsilonOnLattice(pairs, delta, maxSize);
}

export function askEpsilonOnLattice(
  pairs: readonly PairCount[],
  delta: number,
  maxSize: number,
): ReturnType<Ask> {
  const [only] = pairs;
  if (only && isSingleStep(pairs)) {
    const lower = singleStepEpsilon(only.pair, delta, 'lower');
    const upper = singleStepEpsilon(only.pair, delta, 'upper');
    return closedForm(lower, upper);
  }
  return { ...epsilonEnclosure(pairs, delta, maxSize), method: 'pld' };
}

export function askDelta(pairs: readonly PairCount[], epsilon: number): ReturnType<Ask> {
  const [only] = pairs;
  if (only && isSingleStep(pairs)) {
    const lower = singleStepDelta(only.pair, epsilon, 'lower');
    const upper = singleStepDelta(only.pair, epsilon, 'upper');
    return closedForm(lower, upper);
  }
  const contour = contourDelta(pairs, epsilon);
  if (contour) return { ...contour, method: 'contour' };
  return { ...deltaEnclosure(pairs, epsilon), method: 'pld' };
}

function isSingleStep(pairs: readonly PairCount[]): boolean {
  return pairs.length === 1 && pairs[0]!.count === 1;
}

function closedForm(lower: number, upper: number): ReturnType<Ask> {
  const interval = { lower, estimate: upper === Infinity ? upper : (lower + upper) / 2, upper };
  return { interval, budget: noBudget, grid: noGrid, method: 'closed-form' };
}
