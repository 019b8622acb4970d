import type { Composition } from './composition.ts';
import { exp, expm1, log, log1p } from './elementary.ts';

export type Side = 'upper' | 'lower';

/**
 * Bound of delta(epsilon) = E[(1 - e^(epsilon - L))+] from a composition.
 * Lost tilted mass of total p changes it by at most e^(scale - tilt epsilon) p w, for
 *   e^(-tilt x) (1 - e^-x) <= w = tilt^tilt / (1 + tilt)^(1 + tilt)   for every x >= 0.
 */
export function deltaBound(composition: Composition, epsilon: number, side: Side): number {
  const { width, tilt, offset, lost, relative, infinite, shift, pointError } = composition;
  const upper = side === 'upper';
  const { first, mass } = upper ? composition.upper : composition.lower;
  const scale = upper ? composition.upperScale : composition.lowerScale;
  const at = upper ? epsilon - shift : epsilon + shift;
  const start = Math.max(0, Math.floor((at - offset) / width) + 1 - first);
  let gap = offset + (first + start) * width - at;
  if (gap < 0) gap = 0;
  const error = upper ? pointError : -pointError;
  let sum = 0;
  if (start < mass.length) {
    let tilted = exp(-tilt * gap);
    let keep = exp(-gap);
    const tiltedStep = exp(-tilt * width);
    const keepStep = exp(-width);
    for (let k = start; k < mass.length; k++) {
      sum += Math.max(0, mass[k]! + error) * tilted * (1 - keep);
      tilted *= tiltedStep;
      keep *= keepStep;
    }
  }
  const weight = tilt > 0 ? exp(tilt * log(tilt) - (1 + tilt) * log1p(tilt)) : 1;
  const unseen = (lost.truncation + lost.aliasing + (upper ? 0 : lost.below)) * weight;
  const factor = exp(scale - tilt * at);
  if (upper) {
    const delta = factor * (sum * (1 + relative) + unseen) + infinite;
    return Number.isNaN(delta) ? 1 : Math.min(1, delta);
  }
  const delta = factor * (sum * (1 - relative) - unseen);
  return delta > 0 ? delta : 0;
}

/**
 * The epsilon at which a bound of delta reaches `delta`: from above for the upper bound, from below for the lower one.
 * Infinity (0 for the lower bound) where the bound cannot say.
 */
export function epsilonBound(composition: Composition, delta: number, side: Side): number {
  const value = (epsilon: number): number => log(deltaBound(composition, epsilon, side)) - log(delta);
  let low = 0;
  let lowValue = value(0);
  if (lowValue <= 0) return 0;
  const lattice = composition.upper;
  let high = Math.max(
    composition.width,
    composition.offset + (lattice.first + lattice.mass.length) * composition.width,
  );
  let highValue = value(high);
  if (highValue > 0) return side === 'upper' ? Infinity : 0;
  // Illinois variant of regula falsi in log delta, with bisection where a bound falls to 0.
  let kept = 0;
  for (let k = 0; k < 100 && high - low > 1e-12 * high; k++) {
    const secant = low + ((high - low) * lowValue) / (lowValue - highValue);
    const middle =
      Number.isFinite(highValue) && k % 8 !== 7 && secant > low && secant < high ? secant : (low + high) / 2;
    const at = value(middle);
    if (at > 0) {
      low = middle;
      lowValue = at;
      if (kept === 1) highValue /= 2;
      kept = 1;
    } else {
      high = middle;
      highValue = at;
      if (kept === -1) lowValue /= 2;
      kept = -1;
    }
  }
  return side === 'upper' ? high : low;
}

/** delta of the mass with infinite loss alone: no epsilon helps below it. */
export function leastDelta(
  phases: readonly { readonly pair: { readonly infinite: number }; readonly count: number }[],
): number {
  let finite = 0;
  for (const { pair, count } of phases) finite += count * log1p(-pair.infinite);
  return -expm1(finite);
}
