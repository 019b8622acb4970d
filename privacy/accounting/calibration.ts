import { CalibrationError, InvalidParameterError } from '../errors.ts';
import type { Answer } from './answer.ts';
import type { DpEvent, Relation } from './events.ts';
import { coarseSize } from './asking.ts';
import { epsilonAnswer } from './query.ts';
import { readoutsOf } from './readouts.ts';
import type { Readouts } from './readouts.ts';

export type CalibrationOptions = {
  readonly target: { readonly epsilon: number; readonly delta: number };
  readonly relation: Relation;
  /** The answer is a whole number (steps, epochs, batch size). */
  readonly integer?: boolean;
  /** Epsilon falls as x grows (a noise multiplier; the default) or rises (steps, rate). */
  readonly decreasing?: boolean;
  /** Range that is searched; by default 0.01 .. 10^6 for a noise multiplier, 1 .. 2^53 - 1 for a count, 0 .. 1 for a rate. */
  readonly lower?: number;
  readonly upper?: number;
};

/** The result's certified epsilon is above target * (1 - precision), unless the search range ends first (G22). */
const precision = 1e-3;
/** What the search aims at inside that margin. */
const aim = 2e-4;

/** What is searched for: the upper end of a certified figure, and where it came from. */
type Measured<T> = { readonly upper: number; readonly answer: T };

type Ask<T> = (x: number, maxSize: number) => Measured<T>;

/**
 * The x whose certified epsilon comes nearest to the target from below: the least noise multiplier, the largest number
 * of steps. The post-condition epsilon(value) <= target is that of the returned answer, computed at full precision.
 * @param eventOf - the mechanism as a function of x, epsilon monotone in x
 * @throws CalibrationError when no x in the range meets the target
 */
export function calibrate(
  eventOf: (x: number) => DpEvent,
  options: CalibrationOptions,
): { readonly value: number; readonly answer: Answer } {
  const { target, relation, integer = false, decreasing = true } = options;
  if (!(target.epsilon > 0 && target.epsilon < Infinity)) {
    throw new InvalidParameterError(
      `epsilon=${target.epsilon}: the target must be a finite number above 0. Values from 0.1 to 10 are usual.`,
    );
  }
  if (!(target.delta > 0 && target.delta < 1)) {
    throw new InvalidParameterError(
      `delta=${target.delta}: the target must be between 0 and 1. Give 1/n^1.1.`,
    );
  }
  const lower = options.lower ?? (decreasing ? 0.01 : integer ? 1 : 1e-12);
  const upper = options.upper ?? (decreasing ? 1e6 : integer ? Number.MAX_SAFE_INTEGER : 1);
  const ask: Ask<Answer> = (x, maxSize) => {
    const answer = epsilonAnswer(eventOf(x), { delta: target.delta, relation }, maxSize);
    return { upper: answer.epsilon.upper, answer };
  };
  const refuse = (best: number): CalibrationError =>
    new CalibrationError(
      `epsilon=${target.epsilon}: not reachable at delta=${target.delta}; the least in the searched range is ` +
        `${best.toPrecision(4)}. Raise epsilon, use more units (n), a smaller batch or fewer epochs.`,
    );
  const range = decreasing ? { good: upper, bad: lower } : { good: lower, bad: upper };
  return integer
    ? calibrateInteger(ask, target.epsilon, range, refuse)
    : calibrateReal(ask, target.epsilon, range, refuse);
}

/** The ends of a range: epsilon meets the target at (or beyond) `good` and may not at `bad`. */
type Range = { readonly good: number; readonly bad: number };

/** The error for a target out of reach, given the best figure in the range. */
type Refuse = (best: number) => CalibrationError;

/**
 * The same for another figure of the read-outs: Gaussian DP's mu, an attacker's advantage, or the true positive rate at
 * a false positive rate. The figure's upper end at the result is at most the target, and close to it.
 * @param figure - the upper end of the figure
 */
export function calibrateFigure(
  eventOf: (x: number) => DpEvent,
  options: {
    readonly figure: (readouts: Readouts) => number;
    readonly target: number;
    readonly relation: Relation;
    readonly decreasing?: boolean;
    readonly lower?: number;
    readonly upper?: number;
  },
): { readonly value: number; readonly reached: number } {
  const { figure, target, relation, decreasing = true } = options;
  if (!(target > 0 && target < Infinity)) {
    throw new InvalidParameterError(
      `target=${target}: must be a finite number above 0. Give the figure to reach.`,
    );
  }
  const ask: Ask<null> = (x) => ({ upper: figure(readoutsOf(eventOf(x), { relation })), answer: null });
  const lower = options.lower ?? (decreasing ? 0.05 : 1e-9);
  const upper = options.upper ?? (decreasing ? 1e4 : 1);
  const range = decreasing ? { good: upper, bad: lower } : { good: lower, bad: upper };
  const { value } = calibrateReal(
    ask,
    target,
    range,
    (best) =>
      new CalibrationError(
        `target=${target}: not reachable; the least in the searched range is ${best.toPrecision(4)}. ` +
          'Raise the target, use more units (n), a smaller batch or fewer epochs.',
      ),
  );
  return { value, reached: ask(value, Infinity).upper };
}

function calibrateReal<T>(
  ask: Ask<T>,
  epsilon: number,
  range: Range,
  refuse: Refuse,
): { value: number; answer: T } {
  const goal = Math.log(epsilon * (1 - aim));
  const gapAt = (x: number): number => clamp(Math.log(ask(x, coarseSize).upper) - goal);
  // Bracket from the middle of the usual values outwards; log epsilon is nearly linear in log x.
  const toward = Math.sign(Math.log(range.good / range.bad));
  const inside = (t: number): number => {
    const ends = [Math.log(range.good), Math.log(range.bad)];
    return Math.min(Math.max(t, Math.min(...ends)), Math.max(...ends));
  };
  let good = inside(0);
  let goodGap = gapAt(Math.exp(good));
  let bad = good;
  let badGap = goodGap;
  for (let step = 0.7; goodGap > 0; step *= 2) {
    if (good === Math.log(range.good)) break;
    bad = good;
    badGap = goodGap;
    good = inside(good + toward * step);
    goodGap = gapAt(Math.exp(good));
  }
  for (let step = 0.7; badGap <= 0; step *= 2) {
    if (bad === Math.log(range.bad)) break;
    good = bad;
    goodGap = badGap;
    bad = inside(bad - toward * step);
    badGap = gapAt(Math.exp(bad));
  }
  for (let k = 0; k < 40 && goodGap < -0.1 * aim && goodGap < 0 && badGap > 0; k++) {
    const secant = good + ((bad - good) * goodGap) / (goodGap - badGap);
    const t = k % 4 === 3 ? (good + bad) / 2 : secant;
    const gap = gapAt(Math.exp(t));
    if (gap > 0) {
      bad = t;
      badGap = gap;
    } else {
      good = t;
      goodGap = gap;
    }
    if (Math.abs(good - bad) < 1e-6) break;
  }
  // The rate at which log epsilon changes, for the last corrections at full precision.
  const slope = good === bad ? -toward : (badGap - goodGap) / (bad - good);
  let best: { value: number; answer: T; upper: number } | null = null;
  let t = good;
  for (let k = 0; k < 8; k++) {
    const value =
      t === Math.log(range.good) ? range.good : t === Math.log(range.bad) ? range.bad : Math.exp(t);
    const { upper: found, answer } = ask(value, Infinity);
    if (found <= epsilon && (!best || found > best.upper)) best = { value, answer, upper: found };
    if (found <= epsilon && (found >= epsilon * (1 - precision / 2) || value === range.bad)) break;
    if (value === range.good && found > epsilon) throw refuse(found);
    const change = Number.isFinite(found) && found > 0 ? (goal - Math.log(found)) / slope : toward * 0.1;
    t = inside(t + change + (found > epsilon ? toward * k * 1e-4 : 0));
  }
  if (best) return { value: best.value, answer: best.answer };
  throw refuse(ask(range.good, Infinity).upper);
}

function calibrateInteger<T>(
  ask: Ask<T>,
  epsilon: number,
  range: Range,
  refuse: Refuse,
): { value: number; answer: T } {
  const meets = (x: number, maxSize: number): boolean => ask(x, maxSize).upper <= epsilon;
  const first = ask(range.good, Infinity);
  if (!(first.upper <= epsilon)) throw refuse(first.upper);
  const direction = Math.sign(range.bad - range.good) || 1;
  const search = (start: number, step: number, maxSize: number): { good: number; bad: number } => {
    let good = start;
    let bad = range.bad + direction;
    for (let size = step; ; size *= 2) {
      const next = good + direction * size;
      if (direction * (next - bad) >= 0) break;
      if (meets(next, maxSize)) good = next;
      else {
        bad = next;
        break;
      }
    }
    while (Math.abs(bad - good) > 1) {
      const middle = good + direction * Math.floor(Math.abs(bad - good) / 2);
      if (meets(middle, maxSize)) good = middle;
      else bad = middle;
    }
    return { good, bad };
  };
  // A coarse bound is never below the full one, so what it admits stands; then on from there at full precision.
  const coarse = search(range.good, 1, coarseSize).good;
  const step = Math.max(1, Math.floor(Math.abs(coarse) * 1e-3));
  const value = search(coarse, step, Infinity).good;
  const last = ask(value, Infinity);
  if (!(last.upper <= epsilon)) return { value: range.good, answer: first.answer };
  return { value, answer: last.answer };
}

/** Infinite gaps would stop a secant. */
function clamp(gap: number): number {
  return Number.isNaN(gap) ? 50 : Math.min(50, Math.max(-50, gap));
}
