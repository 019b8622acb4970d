import { exp, log } from './elementary.ts';
import type { Mixture } from './mixture.ts';
import { logDensity, lossAt, steepestSlope } from './pairs.ts';
import type { SmoothPiece } from './pairs.ts';
import { logTailAbove, logTailBelow } from './tails.ts';

/** Nodes from `low` on as far as `high`, and a bound of what sums and integrals of p (e^(tl) - 1) have outside. */
export type NodeRange = {
  readonly low: number;
  readonly high: number;
  /** For any order from 0 to the largest that was asked for, and complex ones of this real part. */
  readonly outside: (t: number) => number;
};

/** Outcomes are looked for up to here, in units of the noise. */
const farthest = 200;

/**
 * The range outside of which p and p e^(tilt l) have at most e^-nats, and p e^(highest l) not much. Integrands rise
 * below it and fall above it, so that a sum of their values times the spacing is at most the integral.
 */
export function nodeRange(
  piece: SmoothPiece,
  mixture: Mixture,
  tilt: number,
  highest: number,
  nats: number,
): NodeRange | null {
  const { cut } = mixture;
  const isCut = cut.at < Infinity;
  const above = (t: number, x: number): number => {
    if (!isCut) return x > steepestSlope(piece, t, x) ? logTailAbove(piece, t, x) : Infinity;
    // P(N(0, 1) > z) <= e^(-z^2 / 2) / 2: the logarithm falls at a rate of at least `fall`, which grows with x.
    const z = (x - cut.at) / cut.width;
    const fall = x + z / cut.width - steepestSlope(piece, t, x);
    if (!(fall > 0)) return Infinity;
    return logDensity(piece, x) + t * lossAt(piece, x) - 0.5 * z * z - log(2 * fall);
  };
  let low = -4;
  while (low > -60 && Math.max(logTailBelow(piece, tilt, low), logTailBelow(piece, 0, low)) > -nats)
    low -= 0.5;
  let high = isCut ? cut.at : Math.ceil(Math.max(4, steepestSlope(piece, highest, 0)));
  const stride = isCut ? cut.width / 2 : 0.5;
  const isShort = (x: number): boolean =>
    above(tilt, x) > -nats || above(0, x) > -nats || !(above(highest, x) < -8);
  while (high < farthest && isShort(high)) high += stride;
  if (high >= farthest) return null;
  const outside = (t: number): number =>
    exp(logTailBelow(piece, t, low)) +
    exp(logTailBelow(piece, 0, low)) +
    exp(above(t, high)) +
    exp(above(0, high));
  return { low, high, outside };
}
