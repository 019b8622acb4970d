import { exp, expm1, log, log1p } from './elementary.ts';
import { normalTail } from './normal.ts';
import type { LossPair, Term } from './pairs.ts';
import { halfLogTwoPi } from './tails.ts';

/** A Gaussian N(rate, 1) of a mixture, other than N(0, 1). */
type Component = { readonly weight: number; readonly rate: number };

/**
 * One side of a pair: N(0, 1) with weight `rest`, and the components, which lie on one side of 0. What the given weights
 * miss of 1, a rounding, belongs to N(0, 1).
 */
export type Side = {
  readonly components: readonly Component[];
  readonly rest: number;
  readonly reach: number;
};

/**
 * Outcomes x are kept with probability P(N(0, 1) > (x - at) / width), whatever the data; the others count as an
 * infinite loss. For large `at` that costs next to nothing (`cutMass`), and moments of all orders become finite. Both
 * bounds allow it: it is a release of one more coin, of which the lower bound makes no use. A smooth edge keeps
 * integrands analytic. No cut: at = Infinity.
 */
export type Cut = { readonly at: number; readonly width: number };

/** A pair of mixtures of unit Gaussians on the whole line: P's centres are 0 or more, Q's 0 or less. */
export type Mixture = { readonly p: Side; readonly q: Side; readonly cut: Cut };

export const noCut: Cut = { at: Infinity, width: 1 };

/** The pair as one of mixtures, or null where it is not one. */
export function mixtureOf(pair: LossPair): Mixture | null {
  const [piece, another] = pair.pieces;
  if (!piece || another || pair.atoms.length > 0 || pair.infinite > 0) return null;
  if (piece.curvature !== 1 || piece.from !== -Infinity || piece.to !== Infinity) return null;
  const p = sideOf(piece.p, 1);
  const q = sideOf(piece.q, -1);
  return p && q && p.reach + q.reach > 0 ? { p, q, cut: noCut } : null;
}

function sideOf(terms: readonly Term[], sign: 1 | -1): Side | null {
  let total = 0;
  let rest = 0;
  let reach = 0;
  const components: Component[] = [];
  for (const { log: height, rate, weight } of terms) {
    const expected = log(weight) - 0.5 * rate * rate - halfLogTwoPi;
    if (sign * rate < 0 || !(Math.abs(height - expected) <= 1e-12 * (1 + Math.abs(expected)))) return null;
    total += weight;
    if (rate === 0) rest += weight;
    else components.push({ weight, rate });
    reach = Math.max(reach, Math.abs(rate));
  }
  return Math.abs(total - 1) <= 1e-12 ? { components, rest, reach } : null;
}

/** The P-mass that a cut gives an infinite loss: P of x + width N(0, 1) > at. */
export function cutMass({ components, rest }: Side, { at, width }: Cut): number {
  const spread = Math.sqrt(1 + width * width);
  let mass = rest * normalTail(at / spread);
  for (const { weight, rate } of components) mass += weight * normalTail((at - rate) / spread);
  return mass * (1 + 1e-9);
}

const unit = 2 ** -53;

/** A logarithm of a ratio of densities, and a bound of its absolute error. */
export type Ratio = { value: number; error: number };

/**
 * log of a side's density over that of N(0, 1): log(1 + sum w (e^(r x - r^2/2) - 1)). Where the sum is near 0 it has
 * the relative precision of its terms; where it is near -1, 1 + sum is formed from positive terms instead.
 */
export function logRatio({ components, rest }: Side, x: number, into: Ratio): void {
  const only = components[0];
  if (components.length === 1 && only!.weight === 1) {
    into.value = only!.rate * (x - 0.5 * only!.rate);
    into.error = 3 * unit * Math.abs(only!.rate) * (Math.abs(x) + Math.abs(only!.rate));
    return;
  }
  let excess = 0;
  let error = 0;
  for (let k = 0; k < components.length; k++) {
    const { weight, rate } = components[k]!;
    const exponent = rate * (x - 0.5 * rate);
    const rise = expm1(exponent);
    excess += weight * rise;
    error += weight * (1 + rise) * Math.abs(rate) * (Math.abs(x) + Math.abs(rate));
    error += weight * Math.abs(rise) * (components.length + 3);
  }
  if (excess > -0.5) {
    into.value = log1p(excess);
    into.error = unit * ((3 * error) / (1 + excess) + 3 * Math.abs(into.value));
    return;
  }
  let sum = rest;
  error = rest;
  for (const { weight, rate } of components) {
    const exponent = rate * (x - 0.5 * rate);
    const part = weight * exp(exponent);
    sum += part;
    error += part * (4 + Math.abs(rate) * (Math.abs(x) + Math.abs(rate)));
  }
  into.value = log(sum);
  // Weights add up to 1 within a rounding each, which is not known to either form.
  into.error = unit * ((3 * (components.length + 1) * error) / sum + 3 * Math.abs(into.value));
}

/** Derivative of `logRatio`: the mean of the centres, weighted by the densities. */
export function meanCentre({ components, rest }: Side, x: number): number {
  let sum = rest;
  let moved = 0;
  for (const { weight, rate } of components) {
    const part = weight * exp(rate * (x - 0.5 * rate));
    sum += part;
    moved += part * rate;
  }
  return moved / sum;
}

/**
 * Bound of |arg| of a side's ratio of densities at x + iv, |v| <= height, height * reach < pi / 2: the sum of
 * w e^(r x - r^2/2) (cos rv + i sin rv), whose argument is below its tangent. It grows with |v|, and with x where
 * centres are positive (falls where they are negative): the terms with the larger tangents gain weight.
 * @param turns - [cos, sin] of rate * height, one for each component
 */
export function argumentBound(
  side: Side,
  x: number,
  turns: readonly (readonly [number, number])[],
  height: number,
): number {
  let real = side.rest;
  let imaginary = 0;
  for (let k = 0; k < side.components.length; k++) {
    const { weight, rate } = side.components[k]!;
    const part = weight * exp(rate * (x - 0.5 * rate));
    real += part * turns[k]![0];
    imaginary += part * turns[k]![1];
  }
  return Math.min(side.reach * height, Math.abs(imaginary) / real);
}
