import type { CumulantFunction } from './cumulant.ts';
import { cutoffOf, layersOf } from './decay.ts';
import type { Layers } from './decay.ts';
import { exp, log1p } from './elementary.ts';
import { cutMass, meanCentre, noCut } from './mixture.ts';
import type { Cut, Mixture } from './mixture.ts';
import type { SmoothPiece } from './pairs.ts';
import { edgeOf, totalCumulant } from './windows.ts';

/** `count` independent losses of one pair of Gaussian mixtures; the cumulant steers, it certifies nothing. */
export type SmoothPhase = {
  readonly piece: SmoothPiece;
  readonly mixture: Mixture;
  readonly count: number;
  readonly cumulant: CumulantFunction;
};

/** Where delta(epsilon) is wanted; `slope` is the saddle point there, about -d log delta / d epsilon. */
export type Near = { readonly epsilon: number; readonly logDelta: number; readonly slope: number };

/** A contour Re z = tilt, and how it is sampled. */
export type ContourPlan = {
  readonly epsilon: number;
  readonly tilt: number;
  /** Copies of the curve, this many nats apart, add up (see `contourOf`): 2 pi / the distance of the frequencies. */
  readonly period: number;
  /** Beyond this frequency the characteristic function is below e^-nats. */
  readonly cutoff: number;
  readonly nats: number;
  /** One for each phase. */
  readonly cuts: readonly Cut[];
  /** Orders at which Chernoff's bound shows that the copies above and below are small: lowest < tilt < highest. */
  readonly highest: number;
  readonly lowest: number;
};

/** Errors are to be about e^-precision of delta. */
const precision = 25;
/** Chernoff's bound at the tilt may be e^this times delta: rounding is amplified by as much. */
const mostExcess = 13;

/**
 * The contour that needs the fewest frequencies. The best tilt has the least rounding, but rare large losses can make
 * its period many times longer than that of a smaller one.
 */
export function contourPlan(phases: readonly SmoothPhase[], near: Near): ContourPlan | null {
  const { epsilon, logDelta, slope } = near;
  const cumulant = totalCumulant(phases);
  let best: ContourPlan | null = null;
  for (let k = 0, worse = 0, tilt = slope; k < 16 && worse < 2; k++, tilt *= 0.75) {
    const { value, variance } = cumulant(tilt);
    // Chernoff's bound over delta; e (1 + tilt) is nearly what 1 - e^-y takes off.
    const excess = value - tilt * epsilon - log1p(tilt) - logDelta;
    if (!(excess < mostExcess)) break;
    const nats = Math.max(0, excess) + precision;
    const high = edgeOf(cumulant, tilt, nats, 1, { tolerance: 0.1 });
    const low = edgeOf(cumulant, tilt, nats, -1, { tolerance: 0.1 });
    // delta is at most 1: the bound of order 0. Negative orders bound no delta.
    const lowest = Math.max(0, tilt + low.t);
    const below = lowest > 0 ? epsilon - low.loss : epsilon + (nats + log1p(tilt) - value) / tilt;
    const period = 1.05 * Math.max(high.loss - epsilon, below);
    const highest = tilt + high.t;
    const spare = exp(logDelta - precision) / phases.length;
    const cuts = phases.map((phase) => cutFor(phase, highest, spare / phase.count));
    const layers = phases.map((phase, n) => ({
      layers: tiltedLayers(withCut(phase, cuts[n]!), tilt, phase.cumulant(tilt).value),
      count: phase.count,
    }));
    const cutoff = cutoffOf(layers, Math.sqrt((2 * nats) / variance), nats);
    if (period > 0 && period * cutoff < (best ? best.period * best.cutoff : Infinity)) {
      best = { epsilon, tilt, period, cutoff, nats, cuts, highest, lowest };
      worse = 0;
    } else worse++;
  }
  return best;
}

/**
 * A cut where losses have less than this mass, if moments of this order can see beyond it. Sharp against the slope that
 * the tilted density has there, and against the steepest one that it can have at all.
 */
function cutFor({ mixture: { p, q } }: SmoothPhase, order: number, mass: number): Cut {
  const lastMode = (1 + order) * p.reach + order * q.reach;
  const widest = Math.min(0.25, Math.sqrt(2 / lastMode));
  let at = 2;
  while (at < 60 && cutMass(p, { at, width: widest }) > mass) at += 0.125;
  if (lastMode < at) return noCut;
  const slope = (1 + order) * meanCentre(p, at) - order * meanCentre(q, at) - at;
  return { at, width: Math.min(widest, 1.5 / Math.max(slope, 1)) };
}

export function withCut(phase: SmoothPhase, cut: Cut): SmoothPhase {
  return { ...phase, mixture: { ...phase.mixture, cut } };
}

/** Layers of a step's loss where most of its tilted mass lies: around the first mode. */
export function tiltedLayers({ mixture }: SmoothPhase, tilt: number, logMoment: number): Layers {
  let mode = 0;
  for (let k = 0; k < 20; k++) {
    const next = (1 + tilt) * meanCentre(mixture.p, mode) - tilt * meanCentre(mixture.q, mode);
    if (next - mode < 0.1) break;
    mode = Math.min(next, mixture.cut.at);
  }
  return layersOf(mixture, tilt, logMoment, -6, mode + 6);
}
