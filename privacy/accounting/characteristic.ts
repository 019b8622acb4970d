import { exp, expm1, log, log1p } from './elementary.ts';
import { cutMass, logRatio } from './mixture.ts';
import type { Mixture, Ratio } from './mixture.ts';
import { nodeRange } from './node-range.ts';
import { normalTail } from './normal.ts';
import type { SmoothPiece } from './pairs.ts';
import { logQuadratureError } from './strip.ts';
import { halfLogTwoPi } from './tails.ts';

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
const mostHalvings = 13;

/** Nodes fine and far enough for the resolution, or null where that takes more than `most`. */
export function stepOf(
  piece: SmoothPiece,
  mixture: Mixture,
  count: number,
  { tilt, highest, frequency, nats }: Resolution,
  most: number,
): Step | null {
  const range = nodeRange(piece, mixture, tilt, highest, nats);
  if (!range) return null;
  const { low, high, outside } = range;
  const spacing = spacingOf(mixture, { tilt, highest, frequency, nats }, count);
  const size = Math.ceil((high - low) / spacing) + 1;
  if (!(size <= most)) return null;
  const { cut } = mixture;
  const losses = new Float64Array(size);
  const weights = new Float64Array(size);
  const relative = new Float64Array(size);
  const masses = new Float64Array(size);
  let excess = 0;
  let error = 0;
  let slope = 0;
  for (let k = 0; k < size; k++) {
    const x = low + k * spacing;
    logRatio(mixture.p, x, own);
    logRatio(mixture.q, x, other);
    const loss = own.value - other.value;
    const z = (x - cut.at) / cut.width;
    const share = spacing * normalTail(z);
    const exponent = own.value - 0.5 * x * x - halfLogTwoPi;
    const mass = share * exp(exponent);
    const weight = share * exp(exponent + tilt * loss);
    const rise = mass * expm1(tilt * loss);
    const lossError = own.error + other.error + unit * Math.abs(loss);
    // Relative errors: of exponents, exponentials and the cut.
    const exponents = 0.5 * x * x + 1 + Math.abs(own.value) + tilt * (Math.abs(loss) + Math.abs(other.value));
    const roundings = unit * (4 * exponents + 12 + (z > 0 ? 3 * z * z : 0));
    relative[k] = own.error + tilt * lossError + roundings;
    losses[k] = loss;
    weights[k] = weight;
    masses[k] = mass;
    excess += rise;
    error +=
      Math.abs(rise) * (own.error + roundings + unit * (6 + size)) +
      weight * tilt * (lossError + unit * Math.abs(loss));
    slope += weight * lossError;
  }
  const quadratureAt = (t: number, omega: number): number =>
    exp(logQuadratureError(mixture, spacing, t, omega)) + exp(logQuadratureError(mixture, spacing, 0, 0));
  const moment = 1 + excess;
  const quadrature = quadratureAt(tilt, frequency) / moment;
  const truncation = (outside(tilt) + cutMass(mixture.p, cut)) / moment;
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
        const term = masses[k]! * expm1(t * losses[k]!);
        sum += term;
        room += 1e-15 * size * Math.abs(term);
      }
      return log1p(sum + room + quadratureAt(t, 0) + outside(t));
    },
  };
  return Number.isFinite(found.logMoment + found.perFrequency + found.quadrature + found.truncation)
    ? found
    : null;
}

const own: Ratio = { value: 0, error: 0 };
const other: Ratio = { value: 0, error: 0 };

function spacingOf(mixture: Mixture, { tilt, highest, frequency, nats }: Resolution, count: number): number {
  let spacing = largestSpacing;
  for (let k = 0; k < mostHalvings; k++) {
    if (
      logQuadratureError(mixture, spacing, tilt, frequency) <= -nats &&
      logQuadratureError(mixture, spacing, highest, 0) <= -5 - log(count)
    ) {
      return spacing;
    }
    spacing /= 2;
  }
  return 0;
}
