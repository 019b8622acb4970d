import type { Composition } from './composition.ts';
import { exp, log, log1p } from './elementary.ts';

export type Side = 'upper' | 'lower';

/** Sums over the lattice points from k on: of m e^(-tilt d) and of m e^(-(tilt + 1) d), d the distance from point k. */
type Suffixes = { readonly p: Float64Array; readonly q: Float64Array };

/** A composition's delta(epsilon), ready to be asked at any epsilon. */
export type Profile = Readonly<Record<Side, Suffixes>> & { readonly composition: Composition };

export function profileOf(composition: Composition): Profile {
  const { width, tilt, pointError } = composition;
  const suffixes = (mass: Float64Array, error: number): Suffixes => {
    const p = new Float64Array(mass.length + 1);
    const q = new Float64Array(mass.length + 1);
    const keepP = exp(-tilt * width);
    const keepQ = exp(-(tilt + 1) * width);
    for (let k = mass.length - 1; k >= 0; k--) {
      const value = Math.max(0, mass[k]! + error);
      p[k] = value + p[k + 1]! * keepP;
      q[k] = value + q[k + 1]! * keepQ;
    }
    return { p, q };
  };
  return {
    composition,
    upper: suffixes(composition.upper.mass, pointError),
    lower: suffixes(composition.lower.mass, -pointError),
  };
}

/**
 * Bound of delta(epsilon) = E[(1 - e^(epsilon - L))+].
 * Lost tilted mass of total p changes it by at most e^(scale - tilt epsilon) p w, for
 *   e^(-tilt x) (1 - e^-x) <= w = tilt^tilt / (1 + tilt)^(1 + tilt)   for every x >= 0.
 */
export function deltaBound(profile: Profile, epsilon: number, side: Side): number {
  const { width, tilt, offset, lost, relative, infinite, shift, upper, upperScale, lowerScale } =
    profile.composition;
  const isUpper = side === 'upper';
  const { p, q } = profile[side];
  const at = isUpper ? epsilon - shift : epsilon + shift;
  const size = upper.mass.length;
  const k = Math.min(size, Math.max(0, Math.floor((at - offset) / width) + 1 - upper.first));
  const gap = Math.max(0, offset + (upper.first + k) * width - at);
  const keep = exp(-tilt * gap);
  const sum = keep * (p[k]! - exp(-gap) * q[k]!);
  // Sums of n positive numbers are within n u each; their difference keeps that absolute error.
  const error = keep * 4e-16 * (size - k + 8) * (p[k]! + q[k]!) + relative * Math.max(0, sum);
  const weight = tilt > 0 ? exp(tilt * log(tilt) - (1 + tilt) * log1p(tilt)) : 1;
  const unseen = (lost.truncation + lost.aliasing + (isUpper ? 0 : lost.below)) * weight;
  const factor = exp((isUpper ? upperScale : lowerScale) - tilt * at);
  if (isUpper) {
    const delta = factor * (Math.max(0, sum) + error + unseen) + infinite;
    return Number.isNaN(delta) ? 1 : Math.min(1, delta);
  }
  const delta = factor * (sum - error - unseen);
  return delta > 0 ? delta : 0;
}

/** The least epsilon at which the upper bound of delta is at most `delta`; Infinity where the bound cannot say. */
export function upperEpsilon(profile: Profile, delta: number): number {
  if (deltaBound(profile, 0, 'upper') <= delta) return 0;
  const { upper, offset, width } = profile.composition;
  const end = Math.max(width, offset + (upper.first + upper.mass.length) * width);
  if (deltaBound(profile, end, 'upper') > delta) return Infinity;
  return crossing(profile, delta, 'upper', 0, end).high;
}

/**
 * The largest epsilon at which the lower bound of delta is at least `delta`; 0 where the bound cannot say.
 * @param above - an epsilon known to be too large (an upper bound): far from it the tilted bound of delta is useless
 */
export function lowerEpsilon(profile: Profile, delta: number, above: number): number {
  const { upper, offset, width } = profile.composition;
  let high = Math.min(above, Math.max(width, offset + (upper.first + upper.mass.length) * width));
  if (!(deltaBound(profile, high, 'lower') < delta)) return high;
  for (let step = 1e-5; step < 1; step *= 2) {
    const low = high * (1 - step);
    if (deltaBound(profile, low, 'lower') >= delta) return crossing(profile, delta, 'lower', low, high).low;
    high = low;
  }
  return 0;
}

/** Bisection, sped up by regula falsi in log delta, to a relative width of 1e-12. */
function crossing(
  profile: Profile,
  delta: number,
  side: Side,
  from: number,
  to: number,
): { readonly low: number; readonly high: number } {
  const value = (epsilon: number): number => log(deltaBound(profile, epsilon, side)) - log(delta);
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
