import { log, logAdd } from './elementary.ts';
import { millsRatio, normalTail } from './normal.ts';
import { logDensity, lossAt, meanRate, steepestSlope } from './pairs.ts';
import type { LossPair, SmoothPiece, Term } from './pairs.ts';

/** log of an upper bound of the integral of p e^(tilt loss) above x (a Gaussian piece; 0 <= tilt). */
export function logTailAbove(piece: SmoothPiece, tilt: number, x: number): number {
  if (x >= piece.to) return -Infinity;
  const step = 0.25;
  let total = -Infinity;
  let at = x;
  for (let k = 0; k < 100_000; k++) {
    const exponent = logDensity(piece, at) + tilt * lossAt(piece, at);
    const steepest = steepestSlope(piece, tilt, at);
    if (at > steepest) {
      // From here on the exponent is at most exponent + (steepest - at) d - d^2 / 2.
      return logAdd(total, exponent + log(millsRatio(at - steepest)));
    }
    const slope = -at + (1 + tilt) * meanRate(piece.p, at + step) - tilt * meanRate(piece.q, at);
    // Log-sum-exp is convex: its slope rises along the step, that of -x^2 / 2 falls.
    const peak = exponent + Math.max(0, slope) * step;
    total = logAdd(total, peak + log(step));
    at += step;
    if (at > piece.to) return total;
  }
  return Infinity;
}

/** log of an upper bound of the integral of p e^(tilt loss) below x. */
export function logTailBelow(piece: SmoothPiece, tilt: number, x: number): number {
  if (x <= piece.from) return -Infinity;
  // Below x the slope of log p + tilt loss is at least that of its gentlest parts.
  const gentlest = (1 + tilt) * Math.min(...piece.p.map((term) => term.rate)) - tilt * meanRate(piece.q, x);
  const rise = gentlest - x;
  if (rise < 0) return Infinity;
  return logDensity(piece, x) + tilt * lossAt(piece, x) + log(millsRatio(rise));
}

/** The mass of a mixture of unit Gaussians above x; the terms are those of a piece of curvature 1. */
export function massAbove(terms: readonly Term[], x: number): number {
  let sum = 0;
  for (const term of terms) sum += term.weight * normalTail(x - term.rate);
  return sum;
}

/**
 * The pair with every outcome above some x given an infinite loss, such that count * P(above) <= mass: it dominates the
 * first, costs at most `mass` of delta, and keeps absurdly rare losses from stretching windows.
 */
export function truncated(pair: LossPair, count: number, mass: number): LossPair {
  let infinite = pair.infinite;
  const share = mass / count / pair.pieces.length;
  const pieces = pair.pieces.map((piece) => {
    if (piece.curvature !== 1 || piece.to !== Infinity) return piece;
    let to = Math.max(...piece.p.map((term) => term.rate));
    while (massAbove(piece.p, to) > share) to += 0.125;
    infinite += massAbove(piece.p, to);
    return { ...piece, to };
  });
  return { ...pair, pieces, infinite };
}

export const halfLogTwoPi = 0.9189385332046727;
