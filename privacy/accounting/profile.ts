import type { Composition } from './composition.ts';
import { exp, log, log1p } from './elementary.ts';

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

/** The least epsilon at which the upper bound of delta is at most `delta`; Infinity where the bound cannot say. */
export function upperEpsilon(composition: Composition, delta: number): number {
  if (deltaBound(composition, 0, 'upper') <= delta) return 0;
  const { upper, offset, width } = composition;
  const end = Math.max(width, offset + (upper.first + upper.mass.length) * width);
  if (deltaBound(composition, end, 'upper') > delta) return Infinity;
  return crossing(composition, delta, 'upper', 0, end).high;
}

/**
 * The largest epsilon at which the lower bound of delta is at least `delta`; 0 where the bound cannot say.
 * @param above - an epsilon known to be too large (an upper bound): far from it the tilted bound of delta is useless
 */
export function lowerEpsilon(composition: Composition, delta: number, above: number): number {
  const { upper, offset, width } = composition;
  let high = Math.min(above, Math.max(width, offset + (upper.first + upper.mass.length) * width));
  if (!(deltaBound(composition, high, 'lower') < delta)) return high;
  for (let step = 1e-5; step < 1; step *= 2) {
    const low = high * (1 - step);
    if (deltaBound(composition, low, 'lower') >= delta)
      return crossing(composition, delta, 'lower', low, high).low;
    high = low;
  }
  return 0;
}

/** Bisection, sped up by regula falsi in log delta, to a relative width of 1e-12. */
function crossing(
  composition: Composition,
  delta: number,
  side: Side,
  from: number,
  to: number,
): { readonly low: number; readonly high: number } {
  const value = (epsilon: number): number => log(deltaBound(composition, epsilon, side)) - log(delta);
  let low = from;
  let high = to;
  let lowValue = value(low);
  let highValue = value(high);
  for (let k = 0; k < 100 && high - low > 1e-12 * high; k++) {
    const secant = low + ((high - low) * lowValue) / (lowValue - highValue);
    const usable = Number.isFinite(highValue) && k % 3 !== 2 && secant > low && secant < high;
    const middle = usable ? secant : (low + high) / 2;
    const at = value(middle);
    if (at > 0) {
      low = middle;
      lowValue = at;
    } else {
      high = middle;
      highValue = at;
    }
  }
  return { low, high };
}
