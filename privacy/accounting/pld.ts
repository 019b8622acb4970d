import type { Budget, Grid, Interval } from './answer.ts';
import { composePhases, infiniteMass } from './composition.ts';
import type { Composition } from './composition.ts';
import { cumulantOf } from './cumulant.ts';
import type { CumulantFunction } from './cumulant.ts';
import { exp, log } from './elementary.ts';
import { largestLoss } from './pairs.ts';
import type { LossPair } from './pairs.ts';
import type { Phase } from './parts.ts';
import { deltaBound, lowerEpsilon, profileOf, upperEpsilon } from './profile.ts';
import { truncated } from './tails.ts';
import { saddleOf, tiltFor, tiltNear, totalCumulant } from './windows.ts';

/** Independent repetitions of pairs that dominate the steps of a mechanism, in one direction. */
export type PairCount = { readonly pair: LossPair; readonly count: number };

export type Enclosure = { readonly interval: Interval; readonly budget: Budget; readonly grid: Grid };

/** Lattice sizes, tried in turn until the interval is narrow enough. */
const sizes = [2 ** 13, 2 ** 15, 2 ** 17] as const;
/** Relative width at which an interval is narrow enough. */
const tolerance = 1e-4;
/** More steps than this are left to Renyi divergences (from above): the rounding of each step would add up. */
const maxSteps = 1e10;
/** Part of delta that may be spent on giving absurdly rare outcomes an infinite loss. */
const truncationShare = 1e-7;

export type Prepared = { readonly phases: Phase[]; readonly cumulant: CumulantFunction };

export function prepare(pairs: readonly PairCount[], delta: number): Prepared {
  const phases = pairs.map(({ pair, count }) => {
    const cut = truncated(pair, count, (truncationShare * delta) / pairs.length);
    return { pair: cut, count, cumulant: cumulantOf(cut) };
  });
  return { phases, cumulant: totalCumulant(phases) };
}

/** Nats of precision that a narrower window may cost: rounding is about 1e-13, and 1e-6 of delta is allowed. */
const spareNats = 14;

/** Tilted mass left outside where delta is not known in advance: e^-35, about 1e-15. */
export const wideNats = 35;

/** Certified interval of epsilon at `delta`, 0 < delta < 1. */
export function epsilonEnclosure(pairs: readonly PairCount[], delta: number, maxSize = Infinity): Enclosure {
  if (infiniteMass(pairs) >= delta) return unbounded();
  if (stepsOf(pairs) > maxSteps) {
    const { lower } = epsilonEnclosure(fewer(pairs), delta, maxSize).interval;
    return { ...unbounded(), interval: { lower, estimate: Infinity, upper: Infinity } };
  }
  const { phases, cumulant } = prepare(pairs, delta);
  const saddle = saddleOf(cumulant, { delta });
  let guess = Math.max(saddle.epsilon, 1e-300);
  let chosen = tiltFor(cumulant, guess, log(delta), saddle.tilt, spareNats);
  let lower = 0;
  // No loss is larger than all largest ones together.
  let upper = infiniteMass(pairs) > 0 ? Infinity : totalLoss(pairs);
  let last: Composition | null = null;
  for (const size of sizes) {
    if (size > maxSize && last) break;
    const { tilt, ...rest } = chosen;
    const composition = composePhases(phases, tilt, { epsilon: guess, ...rest }, size);
    last = composition;
    const profile = profileOf(composition);
    const found = upperEpsilon(profile, delta);
    const gain = upper - found;
    upper = Math.min(upper, found);
    lower = Math.max(lower, lowerEpsilon(profile, delta, upper));
    if (upper < Infinity && upper - lower <= tolerance * upper) break;
    // Four times finer lattices have about a sixteenth of the error.
    if (gain >= 0 && gain < 5 * tolerance * upper) break;
    if (!Number.isFinite(found)) continue;
    const isNear = Math.abs(found - guess) <= 0.02 * guess;
    guess = Math.max(found, 1e-300);
    chosen = isNear
      ? tiltNear(chosen, cumulant, guess, log(delta))
      : tiltFor(cumulant, guess, log(delta), chosen.slope, spareNats);
  }
  return enclosure(lower, upper, last!, guess);
}

/** Certified interval of delta at `epsilon` >= 0. */
export function deltaEnclosure(pairs: readonly PairCount[], epsilon: number): Enclosure {
  if (stepsOf(pairs) > maxSteps) {
    const { lower } = deltaEnclosure(fewer(pairs), epsilon).interval;
    return { ...unbounded(), interval: { lower, estimate: 1, upper: 1 } };
  }
  if (epsilon >= totalLoss(pairs)) {
    const least = infiniteMass(pairs);
    return { ...unbounded(), interval: { lower: 0, estimate: least, upper: least } };
  }
  let delta = 1e-12;
  let lower = 0;
  let upper = 1;
  let last: Composition | null = null;
  for (const size of sizes) {
    const { phases, cumulant } = prepare(pairs, delta);
    const saddle = saddleOf(cumulant, { epsilon });
    const { tilt, ...rest } = tiltFor(cumulant, epsilon, log(delta), saddle.tilt, spareNats, wideNats);
    const composition = composePhases(phases, tilt, { epsilon: Math.max(epsilon, 1e-3), ...rest }, size);
    last = composition;
    const profile = profileOf(composition);
    lower = Math.max(lower, deltaBound(profile, epsilon, 'lower'));
    upper = Math.min(upper, deltaBound(profile, epsilon, 'upper'));
    if (upper - lower <= 10 * tolerance * upper) break;
    delta = Math.max(1e-290, lower > 0 ? lower : Math.min(upper / 10, exp(saddle.logDelta)));
  }
  return enclosure(lower, upper, last!, epsilon);
}

/** As many steps of a longer composition as are composed here: fewer show less. */
function fewer(pairs: readonly PairCount[]): PairCount[] {
  const share = (0.999 * maxSteps) / stepsOf(pairs);
  return pairs.map(({ pair, count }) => ({ pair, count: Math.max(1, Math.floor(count * share)) }));
}

function stepsOf(pairs: readonly PairCount[]): number {
  return pairs.reduce((total, { count }) => total + count, 0);
}

/** The largest finite loss of a composition. */
function totalLoss(pairs: readonly PairCount[]): number {
  return pairs.reduce((total, { pair, count }) => total + count * largestLoss(pair), 0);
}

/** The optimistic lattice errs about twice as much as the pessimistic one, to leading order. */
function enclosure(lower: number, upper: number, composition: Composition, epsilon: number): Enclosure {
  const close = upper - lower <= 0.1 * upper;
  const estimate = close ? (2 * upper + lower) / 3 : upper;
  const { lost, width, tilt, upperScale } = composition;
  const weight = exp(upperScale - tilt * epsilon - log(1 + tilt) - 1);
  return {
    interval: { lower: Math.min(lower, estimate), estimate, upper },
    budget: {
      discretisation: Math.max(0, upper - estimate),
      truncation: lost.truncation * weight + composition.infinite,
      aliasing: (lost.aliasing + lost.below) * weight,
      rounding: composition.pointError * weight * Math.min(composition.upper.mass.length, 1 / (tilt * width)),
    },
    grid: { cells: composition.upper.mass.length, width, tilt },
  };
}

function unbounded(): Enclosure {
  return {
    interval: { lower: Infinity, estimate: Infinity, upper: Infinity },
    budget: { discretisation: 0, truncation: 0, aliasing: 0, rounding: 0 },
    grid: { cells: 0, width: 0, tilt: 0 },
  };
}
