import { exp, expm1, log } from './elementary.ts';
import { normalTail } from './normal.ts';
import { lossAt, positionOf } from './pairs.ts';
import type { LossPair, SmoothPiece } from './pairs.ts';
import { logNormalTail } from './normal.ts';
import type { Side } from './profile.ts';

/**
 * delta(epsilon) of one draw from a pair, in closed form: P(X > x) - e^epsilon Q(X > x), where x is where the loss is
 * epsilon. (For a Gaussian: Balle and Wang, arXiv:1805.06530, theorem 5.) The difference is taken term by term; its
 * rounding is bounded by `slack` times both parts.
 */
export function singleStepDelta(pair: LossPair, epsilon: number, side: Side): number {
  let value = pair.infinite;
  let error = 0;
  for (const { mass, loss } of pair.atoms) {
    if (loss > epsilon) {
      value += mass * -expm1(epsilon - loss);
      error += mass * slack(loss);
    }
  }
  for (const piece of pair.pieces) {
    const x = Math.min(piece.to, Math.max(piece.from, positionOf(piece, epsilon, 0)));
    if (x === Infinity || x >= piece.to) continue;
    const p = massBetween(piece, 'p', x, 0);
    const q = massBetween(piece, 'q', x, epsilon);
    value += p.sum - q.sum;
    error += p.error + q.error;
  }
  const sign = side === 'upper' ? 1 : -1;
  return Math.min(1, Math.max(0, value + sign * error));
}

/** Relative error of a tail whose exponent (in nats) is rounded a few times. */
function slack(exponent: number): number {
  return 4e-16 * (8 + Math.abs(exponent));
}

/** e^logFactor P(N(0, 1) > z). */
function scaledTail(z: number, logFactor: number): number {
  return logFactor < 600 ? exp(logFactor) * normalTail(z) : exp(logFactor + logNormalTail(z));
}

/** e^logFactor times the mass of P or Q above x, with a bound of its error. */
function massBetween(
  piece: SmoothPiece,
  which: 'p' | 'q',
  x: number,
  logFactor: number,
): { readonly sum: number; readonly error: number } {
  let sum = 0;
  let error = 0;
  for (const term of piece[which]) {
    if (piece.curvature === 1) {
      const z = x - term.rate;
      const beyond = piece.to < Infinity ? scaledTail(piece.to - term.rate, logFactor) : 0;
      const tail = term.weight * scaledTail(z, logFactor);
      sum -= term.weight * beyond;
      sum += tail;
      // The rounding of z = x - rate moves the tail by (1 + |z|) of it at most.
      error +=
        tail * slack((1 + Math.abs(z)) * (1 + Math.abs(x) + Math.abs(term.rate)) + Math.abs(logFactor));
    } else {
      const from = term.log + term.rate * x + logFactor;
      const to = term.log + term.rate * piece.to + logFactor;
      sum += (exp(to) - exp(from)) / term.rate;
      error += (exp(to) + exp(from)) * slack(Math.max(Math.abs(from), Math.abs(to)));
    }
  }
  return { sum, error };
}

/** Bound of epsilon at `delta` by bisection: the end of the last bracket on the safe side. */
export function singleStepEpsilon(pair: LossPair, delta: number, side: Side): number {
  if (singleStepDelta(pair, 0, side) <= delta) return 0;
  let low = 0;
  let high = largestLoss(pair, delta);
  if (singleStepDelta(pair, high, side) > delta) return side === 'upper' ? Infinity : high;
  const target = log(delta);
  let lowValue = log(singleStepDelta(pair, low, side)) - target;
  let highValue = log(singleStepDelta(pair, high, side)) - target;
  for (let k = 0; k < 200 && high - low > 4e-16 * high; k++) {
    const secant = low + ((high - low) * lowValue) / (lowValue - highValue);
    const middle =
      Number.isFinite(highValue) && k % 3 !== 2 && secant > low && secant < high ? secant : (low + high) / 2;
    if (middle === low || middle === high) break;
    const value = log(singleStepDelta(pair, middle, side)) - target;
    if (value > 0) {
      low = middle;
      lowValue = value;
    } else {
      high = middle;
      highValue = value;
    }
  }
  return side === 'upper' ? high : low;
}

/** A loss above which P has at most `delta`. */
function largestLoss(pair: LossPair, delta: number): number {
  let largest = 0;
  for (const atom of pair.atoms) largest = Math.max(largest, atom.loss);
  for (const piece of pair.pieces) {
    let x = piece.to;
    if (x === Infinity) {
      x = Math.max(...piece.p.map((term) => term.rate), 0);
      while (massBetween(piece, 'p', x, 0).sum > delta) x += 1;
    }
    largest = Math.max(largest, lossAt(piece, x));
  }
  return largest;
}
