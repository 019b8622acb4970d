import type { Relation } from './events.ts';
import { normalTail } from './normal.ts';
import type { LossPair } from './pairs.ts';
import { gaussianMixture, identicalPair, swapped } from './smooth-pairs.ts';

/**
 * A unit that takes part with probability `rate` and then moves the mean of unit noise by `shift`, in the remove
 * direction. Under replace-one the worst other unit moves it the other way (see `mixtureOfGaussians`).
 */
export function poissonGaussian(rate: number, shift: number, relation: Relation): LossPair {
  if (rate === 0) return identicalPair;
  return mixtureOfGaussians([1 - rate, rate], [0, shift], relation);
}

/**
 * A unit that moves the mean by at most shifts[i] with probability probabilities[i]: for unit noise and any dimension,
 * one line is the worst, with the replacing unit on the other side of 0.
 *
 * Proof. With v_i and w_j the moves of the two units, H_a = E[(sum p_i e^(<v_i,x> - |v_i|^2/2) - a sum p_j e^(<w_j,x> -
 * |w_j|^2/2))+] over standard normal x. Its derivative along a path of covariances of the exponents is E[sum of
 * dCov_ij y_i y_j d_ij F / 2] (Gaussian interpolation, as in Kahane's inequality; the terms of the normalisation
 * cancel), and d_ij F is >= 0 within the v's and within the w's, <= 0 between. So H_a is largest where <v_i, v_j> and
 * <w_i, w_j> are largest and <v_i, w_j> least: v_i = shift_i e, w_j = -shift_j e has all at their limits, at every a.
 * (Without w: Ganesh, arXiv:2401.10294.)
 */
export function mixtureOfGaussians(
  probabilities: readonly number[],
  shifts: readonly number[],
  relation: Relation,
): LossPair {
  const components = (sign: number) => shifts.map((shift, k) => [probabilities[k]!, sign * shift] as const);
  return gaussianMixture(components(1), relation === 'replace-one' ? components(-1) : [[1, 0]]);
}

/**
 * Sampling without replacement under replace-one; `shift` is the distance under replacement. For orders a >= 1 the
 * hockey-stick divergence is at most that of ((1 - rate) N(0) + rate N(shift), N(0)), below 1 that of
 * (N(0), (1 - rate) N(0) + rate N(shift)) (Zhu, Dong, Wang, arXiv:2106.08567). Why: draw `sampleSize` other units, one of
 * which gives way to the unit at hand with probability `rate`. Given the others, all three of the sums without the unit,
 * with it, and with its replacement differ by `shift` at most, and H_a((1-q) A + q B, (1-q) A + q C) = q H_a'(B,
 * (1-w) A + w C), a' = 1 + (a - 1) / q (advanced joint convexity: Balle, Barthe, Gaboardi, arXiv:1807.01647, theorem 2),
 * which is at most q H_a'(N(shift), N(0)). Below 1 the roles change.
 *
 * One pair has both: the first one's losses above 0, the second one's below, and the rest of the mass at 0.
 */
export function withoutReplacement(rate: number, shift: number): LossPair {
  if (rate === 0) return identicalPair;
  if (rate === 1) return gaussianMixture([[1, shift]], [[1, 0]]);
  const above = oneSided(rate, shift);
  // The loss of the mixture is 0 halfway; that of its mirror image at minus that.
  const middle = shift / 2;
  const [high] = above.pieces;
  const [low] = swapped(above).pieces;
  const tail = normalTail(middle);
  const massAbove = (1 - rate) * tail + rate * (1 - tail);
  return {
    pieces: [
      { ...high!, from: middle },
      { ...low!, to: -middle },
    ],
    atoms: [{ mass: 1 - massAbove - tail, loss: 0 }],
    infinite: 0,
  };
}

function oneSided(rate: number, shift: number): LossPair {
  return gaussianMixture(
    [
      [1 - rate, 0],
      [rate, shift],
    ],
    [[1, 0]],
  );
}

/** A pair that sampling without replacement dominates: all others move the sum like the replacing unit. */
export function withoutReplacementLower(rate: number, shift: number): LossPair {
  return rate === 0 ? identicalPair : oneSided(rate, shift);
}
