import { UnsupportedEventError } from '../errors.ts';
import { cumulantOf } from './cumulant.ts';
import type { TruncatedPoissonSampledEvent, Relation } from './events.ts';
import type { LossPair } from './pairs.ts';
import { poissonGaussian, withoutReplacement } from './sampled-pairs.ts';
import { identicalPair, mixed } from './smooth-pairs.ts';

/** Relative error allowed for in every probability here: recurrences of up to 10^6 terms, three roundings each. */
const slack = 1e-9;
/** Above what is left out of a binomial distribution beyond the terms that a double can hold. */
const leftOut = 1e-280;

/** How many of `others` units are sampled, against room for `maxBatch` with the unit at hand. */
type Crowding = {
  /** P(K <= maxBatch - 2), P(K = maxBatch - 1), P(K >= maxBatch). */
  readonly below: number;
  readonly last: number;
  readonly above: number;
  /** E[maxBatch / (K + 1); K >= maxBatch]: a sampled unit survives the cut. */
  readonly survives: number;
};

/** K ~ Binomial(others, rate), summed outwards from its mode. */
function crowding(others: number, rate: number, maxBatch: number): Crowding {
  if (others * rate * (1 - rate) > 1e10) {
    throw new UnsupportedEventError(
      `datasetSize=${others}: too many units for the law of the batch's size. Ask for poisson-sampled, maxBatch unset.`,
    );
  }
  const mode = Math.min(others, Math.floor((others + 1) * rate));
  const sums = { below: 0, last: 0, above: 0, survives: 0 };
  const add = (k: number, mass: number): void => {
    if (k < maxBatch - 1) sums.below += mass;
    else if (k === maxBatch - 1) sums.last += mass;
    else {
      sums.above += mass;
      sums.survives += (mass * maxBatch) / (k + 1);
    }
  };
  const odds = rate / (1 - rate);
  if (rate === 1) add(others, 1);
  else {
    for (let k = mode, mass = 1; k <= others && mass > 0; k++) {
      add(k, mass);
      mass *= ((others - k) / (k + 1)) * odds;
    }
    for (let k = mode, mass = 1; k > 0;) {
      mass *= k / (others - k + 1) / odds;
      if (mass === 0) break;
      add(--k, mass);
    }
  }
  const total = sums.below + sums.last + sums.above;
  return {
    below: sums.below / total,
    last: sums.last / total,
    above: sums.above / total,
    survives: sums.survives / total,
  };
}

/**
 * Pair that dominates one step of Poisson sampling whose batches above maxBatch are cut to maxBatch, uniformly
 * (the sampling of arXiv:2508.15089; the pairs are derived here). Two ways to see the step:
 *
 * - Slots (zero-out and replace-one, where the other unit keeps the slot). Given the batch without the slot, T, the rest
 *   is one unit that takes part or not; T's law does not depend on the data. For |T| <= maxBatch - 2 it takes part
 *   with probability q; for |T| = maxBatch - 1 with the larger one of all cut batches; for |T| = maxBatch never.
 * - Displacement. Given which others fill the batch without the unit: if there is room, it takes part with probability
 *   q; else it takes the place of one of them with probability q maxBatch / (K + 1): the sum moves by 2 C at most. Under
 *   replace-one that is a step of sampling without replacement.
 *
 * Released with T, or the others: more is known (joint convexity). Add-or-remove-one has no slots; data sets one
 * larger and one smaller are covered, since K grows with their size and q bounds the probability of a displacement.
 */
export function truncatedPoissonPair(
  event: TruncatedPoissonSampledEvent,
  shift: number,
  relation: Relation,
): LossPair {
  const { datasetSize, rate, maxBatch } = event;
  const plain = poissonGaussian(rate, shift, relation);
  if (relation === 'add-or-remove-one') {
    if (maxBatch > datasetSize) return plain;
    const { below, last, above } = crowding(datasetSize, rate, maxBatch);
    return allowing(
      mixed([
        [below + last, plain],
        [above, poissonGaussian(rate, 2 * shift, relation)],
      ]),
    );
  }
  if (maxBatch >= datasetSize) return plain;
  const { below, last, above, survives } = crowding(datasetSize - 1, rate, maxBatch);
  const full = (1 - rate) * last;
  const taken = rate * (last + survives);
  const share = Math.min(1, (taken / (full + taken)) * (1 + slack));
  const slots = mixed([
    [below, plain],
    [full + taken, poissonGaussian(share, shift, relation)],
    [(1 - rate) * above + rate * (above - survives), identicalPair],
  ]);
  const displaced = above > 0 ? Math.min(1, ((rate * survives) / above) * (1 + slack)) : 0;
  const displacement = mixed([
    [below + last, plain],
    [above, withoutReplacement(displaced, 2 * shift)],
  ]);
  // Both are valid for any choice that does not look at data: the one with the smaller divergence of order 4.
  return allowing(divergence(slots) <= divergence(displacement) ? slots : displacement);
}

/** All weights a little larger, and what was left out of them counted as revealed. */
function allowing(pair: LossPair): LossPair {
  const larger = mixed([[1 + slack, pair]]);
  return { ...larger, infinite: larger.infinite + leftOut };
}

/** A pair that the step dominates: all other units contribute nothing, so that only the unit's presence shows. */
export function truncatedPoissonLower(
  event: TruncatedPoissonSampledEvent,
  shift: number,
  relation: Relation,
): LossPair {
  const { datasetSize, rate, maxBatch } = event;
  const { below, last, survives } = crowding(datasetSize - 1, rate, maxBatch);
  return poissonGaussian(rate * (below + last + survives) * (1 - slack), shift, relation);
}

/** Renyi divergence of order 4, times 3. */
function divergence(pair: LossPair): number {
  return cumulantOf(pair)(3).value;
}
