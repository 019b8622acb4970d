import type { Interval } from './answer.ts';
import { contourOf } from './contour.ts';
import type { Contour } from './contour.ts';
import { cumulantOf } from './cumulant.ts';
import { log } from './elementary.ts';
import { mixtureOf } from './mixture.ts';
import type { Enclosure, PairCount } from './pld.ts';
import type { Phase } from './parts.ts';
import { truncated } from './tails.ts';
import { saddleOf, totalCumulant } from './windows.ts';

/** Relative width above which an answer is left to the lattices. */
const tolerance = 3e-5;

/** Certified interval of epsilon at `delta` by `contourOf`; null where that is not the way, or not a close one. */
export function contourEpsilon(pairs: readonly PairCount[], delta: number): Enclosure | null {
  const phases = phasesOf(pairs, delta);
  if (!phases) return null;
  const cumulant = totalCumulant(phases);
  const saddle = saddleOf(cumulant, { delta });
  if (!(saddle.epsilon > 0)) return null;
  const slope = saddle.tilt;
  let near = { epsilon: saddle.epsilon, logDelta: log(delta), slope };
  for (let attempt = 0; attempt < attempts; attempt++) {
    const contour = contourOf(phases, near);
    const middle = contour && solve(contour, delta, near.epsilon, slope);
    if (middle === null) return null;
    const found = enclose(contour!, delta, middle, slope);
    if (found) return found;
    // Where rare losses decide, the saddle point can be far off.
    near = { ...near, epsilon: middle };
  }
  return null;
}

/** Contours that are tried, each planned for the epsilon that the last one gave. */
const attempts = 3;

function enclose(contour: Contour, delta: number, middle: number, slope: number): Enclosure | null {
  const upper = step(contour, middle, slope, 1, (epsilon) => contour.at(epsilon).upper <= delta);
  const lower = step(contour, middle, slope, -1, (epsilon) => contour.at(epsilon).lower >= delta);
  if (upper === null || lower === null || !(upper - lower <= tolerance * upper)) return null;
  return enclosureOf(contour, middle, { lower, estimate: Math.min(upper, Math.max(lower, middle)), upper });
}

/** Certified interval of delta at `epsilon` > 0 in the same way. */
export function contourDelta(pairs: readonly PairCount[], epsilon: number): Enclosure | null {
  const phases = epsilon > 0 ? phasesOf(pairs, 1e-14) : null;
  if (!phases) return null;
  const cumulant = totalCumulant(phases);
  const saddle = saddleOf(cumulant, { epsilon });
  const contour = contourOf(phases, { epsilon, logDelta: saddle.logDelta, slope: saddle.tilt });
  if (!contour) return null;
  const { lower, estimate, upper } = contour.at(epsilon);
  if (!(upper - lower <= tolerance * upper)) return null;
  return enclosureOf(contour, epsilon, {
    lower,
    estimate: Math.min(upper, Math.max(lower, estimate)),
    upper,
  });
}

/** Contours near the epsilons of some deltas, largest first, or null where one of them is not the way. */
export function contoursAt(pairs: readonly PairCount[], deltas: readonly number[]): Contour[] | null {
  const phases = phasesOf(pairs, deltas.at(-1)!);
  if (!phases) return null;
  const cumulant = totalCumulant(phases);
  const least = 0.1 * Math.sqrt(cumulant(0).variance);
  const contours: Contour[] = [];
  for (const delta of deltas) {
    const epsilon = Math.max(least, saddleOf(cumulant, { delta }).epsilon);
    const { tilt: slope, logDelta } = saddleOf(cumulant, { epsilon });
    const contour = contourOf(phases, { epsilon, logDelta, slope });
    if (!contour) return null;
    contours.push(contour);
  }
  return contours;
}

/** Cumulants are those of pairs without absurdly rare losses: they steer, and infinite moments would lead astray. */
function phasesOf(pairs: readonly PairCount[], delta: number): Phase[] | null {
  if (!pairs.every(({ pair }) => mixtureOf(pair))) return null;
  return pairs.map(({ pair, count }) => ({
    pair,
    count,
    cumulant: cumulantOf(truncated(pair, count, 1e-10 * delta)),
  }));
}

/** The epsilon at which the estimate is `delta`, by secants in log delta. */
function solve(contour: Contour, delta: number, start: number, slope: number): number | null {
  const gapAt = (epsilon: number): number => log(contour.at(epsilon).estimate / delta);
  let epsilon = start;
  let gap = gapAt(epsilon);
  let steepness = slope;
  for (let k = 0; k < 40; k++) {
    if (!Number.isFinite(gap)) return null;
    const next = Math.max(epsilon / 2, epsilon + gap / steepness);
    if (Math.abs(next - epsilon) <= 1e-14 * epsilon) return next;
    const nextGap = gapAt(next);
    const found = (gap - nextGap) / (next - epsilon);
    if (found > slope / 8 && found < 8 * slope) steepness = found;
    epsilon = next;
    gap = nextGap;
  }
  return epsilon;
}

/** The nearest epsilon on one side that passes the certified test. */
function step(
  contour: Contour,
  middle: number,
  slope: number,
  side: 1 | -1,
  holds: (epsilon: number) => boolean,
): number | null {
  const { lower, estimate, upper } = contour.at(middle);
  let distance = (upper - lower) / estimate / slope + 1e-14 * middle;
  for (let k = 0; k < 40; k++, distance *= 2) {
    const epsilon = middle + side * distance;
    if (!(epsilon > 0)) return null;
    if (holds(epsilon)) return epsilon;
  }
  return null;
}

function enclosureOf(contour: Contour, epsilon: number, interval: Interval): Enclosure {
  const { truncation, aliasing, rounding } = contour.at(epsilon);
  const { frequencies, spacing, tilt } = contour;
  return {
    interval,
    budget: { discretisation: 0, truncation, aliasing, rounding },
    grid: { cells: frequencies, width: spacing, tilt },
  };
}
