import { CalibrationError, InvalidParameterError } from '../errors.ts';
import type { Answer } from './answer.ts';
import type { DpEvent, Relation } from './events.ts';
import { coarseSize, epsilonAnswer } from './query.ts';

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

type Ask = (x: number, maxSize: number) => Answer;

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
  const ask: Ask = (x, maxSize) => epsilonAnswer(eventOf(x), { delta: target.delta, relation }, maxSize);
  const range = decreasing ? { good: upper, bad: lower } : { good: lower, bad: upper };
  return integer
    ? calibrateInteger(ask, target.epsilon, range, target.delta)
    : calibrateReal(ask, target.epsilon, range, target.delta);
}

/** The ends of a range: epsilon meets the target at (or beyond) `good` and may not at `bad`. */
type Range = { readonly good: number; readonly bad: number };

function unreachable(epsilon: number, delta: number, best: Answer): CalibrationError {
  return new CalibrationError(
    `epsilon=${epsilon}: not reachable at delta=${delta}; the least in the searched range is ` +
      `${best.epsilon.upper.toPrecision(4)}. Raise epsilon, use more units (n), a smaller batch or fewer epochs.`,
  );
}

function calibrateReal(
  ask: Ask,
  epsilon: number,
  range: Range,
  delta: number,
): { value: number; answer: Answer } {
  const goal = Math.log(epsilon * (1 - aim));
  const gapAt = (x: number): number => clamp(Math.log(ask(x, coarseSize).epsilon.upper) - goal);
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
  let best: { value: number; answer: Answer } | null = null;
  let t = good;
  for (let k = 0; k < 8; k++) {
    const value =
      t === Math.log(range.good) ? range.good : t === Math.log(range.bad) ? range.bad : Math.exp(t);
    const answer = ask(value, Infinity);
    const found = answer.epsilon.upper;
    if (found <= epsilon && (!best || found > best.answer.epsilon.upper)) best = { value, answer };
    if (found <= epsilon && (found >= epsilon * (1 - precision / 2) || value === range.bad)) break;
    if (value === range.good && found > epsilon) throw unreachable(epsilon, delta, answer);
    const change = Number.isFinite(found) && found > 0 ? (goal - Math.log(found)) / slope : toward * 0.1;
    t = inside(t + change + (found > epsilon ? toward * k * 1e-4 : 0));
  }
  if (best) return best;
  throw unreachable(epsilon, delta, ask(range.good, Infinity));
}

function calibrateInteger(
  ask: Ask,
  epsilon: number,
  range: Range,
  delta: number,
): { value: number; answer: Answer } {
  const meets = (x: number, maxSize: number): Answer | null => {
    const answer = ask(x, maxSize);
    return answer.epsilon.upper <= epsilon ? answer : null;
  };
  const first = ask(range.good, Infinity);
  if (!(first.epsilon.upper <= epsilon)) throw unreachable(epsilon, delta, first);
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
  const answer = ask(value, Infinity);
  if (!(answer.epsilon.upper <= epsilon)) return { value: range.good, answer: first };
  return { value, answer };
}

/** Infinite gaps would stop a secant. */
function clamp(gap: number): number {
  return Number.isNaN(gap) ? 50 : Math.min(50, Math.max(-50, gap));
}
