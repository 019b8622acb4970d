import { exp, expm1, log, log1p, logAdd } from './elementary.ts';

/** e^(log + rate x), one term of a density; `weight` is its share of the distribution. */
export type Term = { readonly log: number; readonly rate: number; readonly weight: number };

/**
 * A piece of a pair of distributions with densities e^(-curvature x^2 / 2) * (sum of terms) on [from, to], along which
 * the privacy loss log(P / Q) increases. Gaussian mixtures have curvature 1 (x in units of the noise), Laplace 0.
 * For the loss to increase, rates of P are >= 0 and those of Q <= 0 (one common rate may be taken out).
 */
export type SmoothPiece = {
  readonly curvature: 0 | 1;
  readonly p: readonly Term[];
  readonly q: readonly Term[];
  readonly from: number;
  readonly to: number;
};

/** A set of outcomes with one common loss. */
export type Atom = { readonly mass: number; readonly loss: number };

/**
 * A pair (P, Q) that dominates a mechanism: its hockey-stick divergences are at least the mechanism's, at every order.
 * `infinite` is the P-mass where Q has none.
 */
export type LossPair = {
  readonly pieces: readonly SmoothPiece[];
  readonly atoms: readonly Atom[];
  readonly infinite: number;
};

/** log of a sum of terms at x. */
export function logSum(terms: readonly Term[], x: number): number {
  let value = -Infinity;
  for (const term of terms) {
    const exponent = term.log + term.rate * x;
    value = value === -Infinity ? exponent : exponent === -Infinity ? value : logAdd(value, exponent);
  }
  return value;
}

/** Derivative of `logSum`: the mean rate, weighted by the terms. */
export function meanRate(terms: readonly Term[], x: number): number {
  if (terms.length === 1) return terms[0]!.rate;
  const total = logSum(terms, x);
  let mean = 0;
  for (const term of terms) mean += term.rate * exp(term.log + term.rate * x - total);
  return mean;
}

/**
 * The slope of log p + tilt loss, leaving out the Gaussian factor, is at most this everywhere above x (tilt >= 0): sums
 * of exponentials are log-convex, so the mean rate of P rises towards its largest, and that of Q rises from here.
 */
export function steepestSlope(piece: SmoothPiece, tilt: number, x: number): number {
  let largest = -Infinity;
  for (const term of piece.p) largest = Math.max(largest, term.rate);
  return (1 + tilt) * largest - tilt * meanRate(piece.q, x);
}

/** log(p(x) / q(x)). */
export function lossAt(piece: SmoothPiece, x: number): number {
  return logSum(piece.p, x) - logSum(piece.q, x);
}

/** log of the density of P. */
export function logDensity(piece: SmoothPiece, x: number): number {
  return -0.5 * piece.curvature * x * x + logSum(piece.p, x);
}

/** The x at which the loss is `loss`: -Infinity or Infinity where it never is. */
export function positionOf(piece: SmoothPiece, loss: number, guess: number): number {
  const { p, q } = piece;
  if (p.length === 1 && q.length === 1) {
    return (loss + q[0]!.log - p[0]!.log) / (p[0]!.rate - q[0]!.rate);
  }
  if (p.length === 2 && q.length === 1) return -mixturePosition(p, q[0]!, loss, 1);
  if (p.length === 1 && q.length === 2) return mixturePosition(q, p[0]!, -loss, -1);
  return newtonPosition(piece, loss, guess);
}

/**
 * Solve (e^a1 + e^(a2 + c x)) / e^b = e^loss for -x * sign, in the terms' own rates: a1 is the term with the rate of the
 * single one. e^loss - e^(a1 - b) is formed with expm1, for the loss is near the constant when the rate is small.
 */
function mixturePosition(mixture: readonly Term[], single: Term, loss: number, sign: 1 | -1): number {
  const constant = mixture[0]!;
  const moving = mixture[1]!;
  const rest = constant.log - single.log;
  const gap = loss - rest;
  if (!(gap > 0)) return Infinity;
  const logExcess = gap > 30 ? loss + log1p(-exp(-gap)) : rest + log(expm1(gap));
  const rate = sign * (moving.rate - single.rate);
  return -(logExcess - (moving.log - single.log)) / rate;
}

function newtonPosition(piece: SmoothPiece, loss: number, guess: number): number {
  let low = -1e4;
  let high = 1e4;
  if (lossAt(piece, low) > loss) return -Infinity;
  if (lossAt(piece, high) < loss) return Infinity;
  let x = Math.min(Math.max(guess, low), high);
  for (let k = 0; k < 200; k++) {
    const gap = lossAt(piece, x) - loss;
    if (gap > 0) high = x;
    else low = x;
    const step = gap / (meanRate(piece.p, x) - meanRate(piece.q, x));
    let next = x - step;
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (Math.abs(next - x) <= 1e-15 * Math.max(1, Math.abs(x))) return next;
    x = next;
  }
  return x;
}

/** The largest loss that a pair has with positive probability (the infinite one apart); may be Infinity. */
export function largestLoss(pair: LossPair): number {
  let largest = -Infinity;
  for (const atom of pair.atoms) largest = Math.max(largest, atom.loss);
  for (const piece of pair.pieces) {
    largest = Math.max(largest, piece.to < Infinity ? lossAt(piece, piece.to) : limitingLoss(piece));
  }
  return largest;
}

function limitingLoss({ p, q }: SmoothPiece): number {
  const fastestP = Math.max(...p.map((term) => term.rate));
  const fastestQ = Math.max(...q.map((term) => term.rate));
  return fastestP > fastestQ ? Infinity : logOfRate(p, fastestP) - logOfRate(q, fastestQ);
}

function logOfRate(terms: readonly Term[], rate: number): number {
  return logSum(
    terms.filter((term) => term.rate === rate),
    0,
  );
}
