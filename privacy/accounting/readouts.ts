import { InvalidParameterError, UnsupportedEventError } from '../errors.ts';
import type { Interval } from './answer.ts';
import { coarseSize } from './asking.ts';
import { pairsOf } from './bounds.ts';
import type { DirectedPairs } from './bounds.ts';
import { composePhases } from './composition.ts';
import { contoursAt } from './contour-enclosure.ts';
import { isLoose } from './dominating.ts';
import { exp, log } from './elementary.ts';
import type { DpEvent, Relation } from './events.ts';
import { leavesOf } from './leaves.ts';
import { normalTail } from './normal.ts';
import { prepare, wideNats } from './pld.ts';
import type { PairCount } from './pld.ts';
import { deltaBound, profileOf } from './profile.ts';
import type { Profile } from './profile.ts';
import { checkRelation } from './query.ts';
import { singleStepDelta } from './single-step.ts';
import { saddleOf, tiltFor } from './windows.ts';

/**
 * What a mechanism's privacy means for an attacker, all from its certified curve delta(epsilon). Every upper figure is
 * one that no attack exceeds; every lower figure one that the best attack on the worst pair of data sets reaches.
 */
export type Readouts = {
  /** delta at each epsilon >= 0. */
  delta(epsilon: number): Interval;
  /** Least false negative rate at a false positive rate: the trade-off function f, made symmetric. */
  falseNegativeRate(falsePositiveRate: number): Interval;
  /** Largest true positive rate at a false positive rate. */
  truePositiveRate(falsePositiveRate: number): Interval;
  /** Largest true positive rate minus false positive rate: delta(0), the total variation distance. */
  advantage(): Interval;
  /** Largest probability of a right guess about one unit's presence, from a prior probability. */
  accuracy(prior: number): Interval;
  /** Largest probability of reconstructing a unit that a guess without the output hits with probability `baseline`. */
  reconstruction(baseline: number): Interval;
  /** Gaussian differential privacy. */
  mu(): GaussianReadout;
};

/**
 * `mu`: the mechanism is mu-GDP wherever delta >= `floor` (below it the curve is not looked at). `regret`: how far the
 * trade-off curve of N(0, 1) against N(mu, 1) falls below the mechanism's own at most: the price of one number.
 * Reference: Gomez et al., arXiv:2503.10945.
 */
export type GaussianReadout = { readonly mu: number; readonly regret: number; readonly floor: number };

/** Deltas around which the curve is computed: one tilted composition each. */
const anchors = [0.3, 1e-2, 1e-4, 1e-7, 1e-11] as const;
const latticeSize = 2 ** 15;
/** Points of epsilon that the curve is sampled at, evenly in epsilon, up to where delta falls below the last anchor. */
const samples = 1500;
const deltaFloor = 1e-10;

type Curve = (epsilon: number) => { readonly lower: number; readonly upper: number };

/**
 * @throws UnsupportedEventError for an event known only by Renyi divergences
 */
export function readoutsOf(event: DpEvent, query: { readonly relation: Relation }): Readouts {
  checkRelation(query.relation);
  const curve = curveOf(event, query.relation);
  const points = sample(curve);
  const falseNegativeRate = (rate: number): Interval => {
    checkProbability('falsePositiveRate', rate);
    return tradeOff(points, rate);
  };
  const success = (baseline: number): Interval => {
    const { lower, estimate, upper } = falseNegativeRate(baseline);
    return { lower: 1 - upper, estimate: 1 - estimate, upper: 1 - lower };
  };
  return {
    delta: (epsilon) => {
      if (!(epsilon >= 0))
        throw new InvalidParameterError(`epsilon=${epsilon}: must be 0 or more. Give another.`);
      return interval(curve(epsilon));
    },
    falseNegativeRate,
    truePositiveRate: success,
    advantage: () => interval(curve(0)),
    accuracy: (prior) => accuracyOf(points, prior),
    reconstruction: success,
    mu: () => gaussianReadout(points),
  };
}

function interval({ lower, upper }: { lower: number; upper: number }): Interval {
  return { lower, estimate: (lower + 2 * upper) / 3, upper };
}

function checkProbability(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) {
    throw new InvalidParameterError(`${name}=${value}: must be a probability from 0 to 1. Give another.`);
  }
}

function curveOf(event: DpEvent, relation: Relation): Curve {
  if (leavesOf(event, relation).length === 0) return () => ({ lower: 0, upper: 0 });
  const upperPairs = pairsOf(event, relation, 'upper');
  if (!upperPairs) {
    throw new UnsupportedEventError(
      `event=${event.kind}: read-outs need a loss distribution, and some part has Renyi bounds only. ` +
        'Ask for epsilon at a delta instead.',
    );
  }
  const most = worstCurve(upperPairs);
  if (!isLoose(event, relation)) return most;
  const least = worstCurve(pairsOf(event, relation, 'lower')!);
  return (epsilon) => {
    const { upper } = most(epsilon);
    return { lower: Math.min(least(epsilon).lower, upper), upper };
  };
}

function worstCurve(directed: readonly DirectedPairs[]): Curve {
  const curves: Curve[] = [];
  for (const { pairs } of directed) if (pairs.length > 0) curves.push(curveOfPairs(pairs, curves[0]));
  return (epsilon) => {
    let lower = 0;
    let upper = 0;
    for (const curve of curves) {
      const at = curve(epsilon);
      lower = Math.max(lower, at.lower);
      upper = Math.max(upper, at.upper);
    }
    return { lower, upper };
  };
}

/** @param other - where it lies above, a coarse lattice will do: the larger of the curves counts */
function curveOfPairs(pairs: readonly PairCount[], other?: Curve): Curve {
  const [only] = pairs;
  if (pairs.length === 1 && only && only.count === 1) {
    return (epsilon) => ({
      lower: singleStepDelta(only.pair, epsilon, 'lower'),
      upper: singleStepDelta(only.pair, epsilon, 'upper'),
    });
  }
  const contours = contoursAt(pairs, anchors);
  if (contours) return closest(contours.map((contour) => (epsilon) => contour.at(epsilon)));
  const { phases, cumulant } = prepare(pairs, 1e-14);
  const usual = Math.sqrt(cumulant(0).variance);
  const profiles = anchors.map((delta) => {
    const saddle = saddleOf(cumulant, { delta });
    const epsilon = Math.max(saddle.epsilon, 0);
    const { tilt, ...rest } = tiltFor(cumulant, epsilon, log(delta), saddle.tilt, 2, wideNats);
    const target = { epsilon: Math.max(epsilon, usual), ...rest };
    const profile = (size: number): Profile => profileOf(composePhases(phases, tilt, target, size));
    if (!other) return profile(latticeSize);
    const coarse = profile(coarseSize);
    return deltaBound(coarse, epsilon, 'upper') <= other(epsilon).lower ? coarse : profile(latticeSize);
  });
  return closest(
    profiles.map((profile) => (epsilon) => ({
      lower: deltaBound(profile, epsilon, 'lower'),
      upper: deltaBound(profile, epsilon, 'upper'),
    })),
  );
}

/** All of the curves hold: the largest lower and the least upper bound. */
function closest(curves: readonly Curve[]): Curve {
  return (epsilon) => {
    let lower = 0;
    let upper = 1;
    for (const curve of curves) {
      const at = curve(epsilon);
      // A bound far from where its contour was planned may not be a number.
      if (at.lower > lower) lower = at.lower;
      if (at.upper < upper) upper = at.upper;
    }
    return { lower: Math.min(lower, upper), upper };
  };
}

type Point = { readonly epsilon: number; readonly lower: number; readonly upper: number };

function sample(curve: Curve): readonly Point[] {
  let end = 1e-6;
  while (curve(end).upper > deltaFloor && end < 1e6) end *= 1.5;
  return Array.from({ length: samples + 1 }, (_, k) => {
    // Denser near 0, where most of the trade-off curve lies.
    const epsilon = end * (k / samples) ** 2;
    return { epsilon, ...curve(epsilon) };
  });
}

/**
 * f(a) = sup over epsilon of max(1 - delta - e^epsilon a, e^-epsilon (1 - delta - a), 0) (Dong, Roth, Su,
 * arXiv:1905.02383, proposition 2.12). Any epsilon gives a lower bound; between two samples delta is at least its lower
 * bound at the second, which gives the upper one.
 */
function tradeOff(points: readonly Point[], rate: number): Interval {
  let lower = 0;
  let upper = 0;
  points.forEach(({ epsilon, upper: delta }, k) => {
    const grow = exp(epsilon);
    // Infinity is no number of times 0.
    const grown = rate === 0 ? 0 : grow * rate;
    lower = Math.max(lower, 1 - delta - grown, (1 - delta - rate) / grow);
    const least = points[k + 1]?.lower ?? 0;
    upper = Math.max(upper, 1 - least - grown, (1 - least - rate) / grow);
  });
  upper = Math.min(upper, 1 - rate);
  return { lower: Math.min(lower, upper), estimate: Math.min(lower, upper), upper };
}

/** 1 - min over a of (1 - prior) a + prior f(a), and never below the better trivial guess. */
function accuracyOf(points: readonly Point[], prior: number): Interval {
  checkProbability('prior', prior);
  const trivial = Math.max(prior, 1 - prior);
  // The least weighted error is p (1 - delta(log((1 - p) / p))), for the rarer of the two cases: the tangent of f.
  const rare = Math.min(prior, 1 - prior);
  if (rare === 0) return { lower: 1, estimate: 1, upper: 1 };
  const odds = log((1 - rare) / rare);
  let upper = 1;
  let lower = trivial;
  for (const { epsilon, lower: least, upper: most } of points) {
    if (epsilon <= odds) upper = 1 - rare * (1 - most);
    else {
      lower = Math.max(lower, 1 - rare * (1 - least) - (exp(epsilon) * rare - (1 - rare)));
      break;
    }
  }
  upper = Math.max(trivial, upper, odds > points.at(-1)!.epsilon ? 1 - rare * (1 - deltaFloor) : 0);
  return { lower: Math.min(lower, upper), estimate: upper, upper };
}

function gaussianReadout(points: readonly Point[]): GaussianReadout {
  let mu = 0;
  points.forEach(({ upper }, k) => {
    if (upper <= deltaFloor) return;
    // Up to the next sample delta is at most this one's.
    const epsilon = points[k + 1]?.epsilon ?? points[k]!.epsilon;
    if (gaussianDelta(mu, epsilon) < upper) mu = muOf(epsilon, upper);
  });
  let regret = 0;
  for (let k = 1; k < 400; k++) {
    const rate = k / 400;
    regret = Math.max(regret, tradeOff(points, rate).upper - gaussianFalseNegative(mu, rate));
  }
  return { mu, regret, floor: deltaFloor };
}

/** delta(epsilon) of N(mu, 1) against N(0, 1) (Balle and Wang, arXiv:1805.06530, theorem 5). */
function gaussianDelta(mu: number, epsilon: number): number {
  if (mu === 0) return 0;
  return normalTail(epsilon / mu - mu / 2) - exp(epsilon) * normalTail(epsilon / mu + mu / 2);
}

function muOf(epsilon: number, delta: number): number {
  let low = 0;
  let high = 1;
  while (gaussianDelta(high, epsilon) < delta && high < 1e6) high *= 2;
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (gaussianDelta(middle, epsilon) < delta) low = middle;
    else high = middle;
  }
  return high;
}

/** Phi(Phi^-1(1 - rate) - mu), by bisection for the quantile. */
function gaussianFalseNegative(mu: number, rate: number): number {
  let low = -10;
  let high = 10;
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (normalTail(middle) > rate) low = middle;
    else high = middle;
  }
  return 1 - normalTail(low - mu);
}
