import { exp, expm1, log1p } from './elementary.ts';
import { logRatio } from './mixture.ts';
import type { Mixture, Ratio } from './mixture.ts';
import type { SmoothPiece } from './pairs.ts';
import { steepestSlope } from './pairs.ts';
import { logQuadratureError } from './strip.ts';
import { halfLogTwoPi, logTailAbove, logTailBelow } from './tails.ts';

const unit = 2 ** -53;

/**
 * One step's loss under P, tilted: quadrature nodes whose weights (times e^(tilt l), divided by m = E e^(tilt L)) add up
 * to 1, and bounds of what the characteristic function formed from them errs by.
 */
export type Step = {
  readonly count: number;
  /** log m, and a bound of its error. */
  readonly logMoment: number;
  readonly logMomentError: number;
  readonly losses: Float64Array;
  readonly weights: Float64Array;
  /** Tilted mean of |L|. */
  readonly meanSize: number;
  /** |error| of the characteristic function at omega is at most perFrequency * omega + quadrature + truncation. */
  readonly perFrequency: number;
  readonly quadrature: number;
  readonly truncation: number;
  /** An upper bound of log E e^(t L) at another t in [0, highest]. */
  readonly momentBound: (t: number) => number;
};

export type Resolution = {
  readonly tilt: number;
  /** The largest t that will be asked of `momentBound`. */
  readonly highest: number;
  /** The largest frequency. */
  readonly frequency: number;
  /** Errors of quadrature and truncation are to be below e^-nats. */
  readonly nats: number;
};

/** Steps between nodes that are tried: powers of 2, so that nodes are exact. */
const largestSpacing = 0.5;
const mostHalvings = 10;

/** Nodes fine and far enough for the resolution, or null where that takes more than `most`. */
export function stepOf(
  piece: SmoothPiece,
  mixture: Mixture,
  count: number,
  { tilt, highest, frequency, nats }: Resolution,
  most: number,
): Step | null {
  let low = -4;
  const below = (): number => Math.max(logTailBelow(piece, tilt, low), logTailBelow(piece, 0, low));
  while (low > -60 && below() > -nats) low -= 0.5;
  let high = Math.ceil(Math.max(4, steepestSlope(piece, highest, 0)));
  const aim = (): number =>
    Math.max(
      logTailAbove(piece, tilt, high) + nats,
      logTailAbove(piece, 0, high) + nats,
      logTailAbove(piece, highest, high) + 8,
    );
  while (high < 200 && (high <= steepestSlope(piece, highest, high) || aim() > 0)) high += 0.5;
  // Beyond the last node the integrand has to fall, so that the sum of what is left out is at most its integral.
  if (high <= steepestSlope(piece, highest, high)) return null;
  const spacing = spacingOf(mixture, tilt, frequency, nats);
  const size = (high - low) / spacing + 1;
  if (!(size <= most)) return null;
  const losses = new Float64Array(size);
  const weights = new Float64Array(size);
  const relative = new Float64Array(size);
  const logHeights = new Float64Array(size);
  let excess = 0;
  let error = 0;
  let slope = 0;
  for (let k = 0; k < size; k++) {
    const x = low + k * spacing;
    logRatio(mixture.p, x, own);
    logRatio(mixture.q, x, other);
    const loss = own.value - other.value;
    const height = own.value - 0.5 * x * x - halfLogTwoPi;
    const weight = spacing * exp(height + tilt * loss);
    const rise = spacing * exp(height) * expm1(tilt * loss);
    const lossError = own.error + other.error + unit * Math.abs(loss);
    // Of the exponent, and of the exponential.
    const exponents = 0.5 * x * x + 1 + Math.abs(own.value) + tilt * (Math.abs(loss) + Math.abs(other.value));
    relative[k] = own.error + tilt * lossError + unit * (4 * exponents + 6);
    losses[k] = loss;
    weights[k] = weight;
    logHeights[k] = height;
    excess += rise;
    error +=
      Math.abs(rise) * (own.error + unit * (4 * exponents + 12 + size)) +
      weight * tilt * (lossError + unit * Math.abs(loss));
    slope += weight * lossError;
  }
  const tails = (t: number): number =>
    exp(logTailBelow(piece, t, low)) +
    exp(logTailAbove(piece, t, high)) +
    exp(logTailBelow(piece, 0, low)) +
    exp(logTailAbove(piece, 0, high));
  const quadratureAt = (t: number, omega: number): number =>
    exp(logQuadratureError(mixture, spacing, t, omega)) + exp(logQuadratureError(mixture, spacing, 0, 0));
  const moment = 1 + excess;
  const quadrature = quadratureAt(tilt, frequency) / moment;
  const truncation = tails(tilt) / moment;
  const momentError = error / moment + quadrature + truncation;
  let meanSize = 0;
  let drift = slope / moment;
  for (let k = 0; k < size; k++) {
    weights[k]! /= moment;
    meanSize += weights[k]! * Math.abs(losses[k]!);
    drift += weights[k]! * Math.abs(losses[k]!) * (relative[k]! + momentError + 2 * unit);
  }
  const found: Step = {
    count,
    logMoment: log1p(excess),
    logMomentError: 1.01 * momentError + 4 * unit * log1p(excess),
    losses,
    weights,
    meanSize,
    perFrequency: 1.01 * (drift + (24 + size) * unit * meanSize),
    quadrature: 1.01 * quadrature,
    truncation: 1.01 * truncation,
    momentBound: (t) => {
      let sum = 0;
      let room = 0;
      for (let k = 0; k < size; k++) {
        const term = spacing * exp(logHeights[k]!) * expm1(t * losses[k]!);
        sum += term;
        room += 1e-15 * size * Math.abs(term);
      }
      return log1p(sum + room + quadratureAt(t, 0) + tails(t));
    },
  };
  return Number.isFinite(found.logMoment + found.perFrequency + found.quadrature + found.truncation)
    ? found
    : null;
}

const own: Ratio = { value: 0, error: 0 };
const other: Ratio = { value: 0, error: 0 };

function spacingOf(mixture: Mixture, tilt: number, frequency: number, nats: number): number {
  let spacing = largestSpacing;
  for (let k = 0; k < mostHalvings; k++) {
    if (logQuadratureError(mixture, spacing, tilt, frequency) <= -nats) return spacing;
    spacing /= 2;
  }
  return 0;
}
