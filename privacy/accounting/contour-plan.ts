import type { CumulantFunction } from './cumulant.ts';
import { cutoffOf, layersOf } from './decay.ts';
import type { Layers } from './decay.ts';
import { meanCentre } from './mixture.ts';
import type { Mixture } from './mixture.ts';
import type { SmoothPiece } from './pairs.ts';
import { edgeOf, totalCumulant } from './windows.ts';

/** `count` independent losses of one pair of Gaussian mixtures; the cumulant steers, it certifies nothing. */
export type SmoothPhase = {
  readonly piece: SmoothPiece;
  readonly mixture: Mixture;
  readonly count: number;
  readonly cumulant: CumulantFunction;
};

/** Where delta(epsilon) is wanted; `slope` is the best tilt there, -d log delta / d epsilon. */
export type Near = { readonly epsilon: number; readonly logDelta: number; readonly slope: number };

/** A contour Re z = tilt, and how it is sampled. */
export type ContourPlan = {
  readonly tilt: number;
  /** Copies of the curve, this many nats apart, add up (see `contourOf`): 2 pi / the distance of the frequencies. */
  readonly period: number;
  /** Beyond this frequency the characteristic function is below e^-nats. */
  readonly cutoff: number;
  readonly nats: number;
  /** Orders at which Chernoff's bound shows that the copies above and below are small: lowest < tilt < highest. */
  readonly highest: number;
  readonly lowest: number;
};

/** Errors are to be about e^-precision of delta. */
const precision = 25;
/** Chernoff's bound at the tilt may be e^this times delta: rounding is amplified by as much. */
const mostExcess = 13;
/** Modes farther out than this are left to lattices, which can cut them off. */
const farthestPosition = 60;

/**
 * The contour that needs the fewest frequencies. The best tilt has the least rounding, but rare large losses can make
 * its period many times longer than that of a smaller one.
 */
export function contourPlan(phases: readonly SmoothPhase[], near: Near): ContourPlan | null {
  const { epsilon, logDelta, slope } = near;
  const cumulant = totalCumulant(phases);
  let best: ContourPlan | null = null;
  for (let k = 0, worse = 0, tilt = slope; k < 16 && worse < 2; k++, tilt *= 0.75) {
    if (phases.some((phase) => farthest(phase, tilt) > farthestPosition)) continue;
    const { value, variance } = cumulant(tilt);
    const excess = value - tilt * epsilon - logDelta;
    if (!(excess < mostExcess)) break;
    const nats = Math.max(0, excess) + precision;
    const high = edgeOf(cumulant, tilt, nats, 1, { tolerance: 0.1 });
    const low = edgeOf(cumulant, tilt, nats, -1, { tolerance: 0.1 });
    // delta is at most 1: the bound of order 0. Negative orders bound no delta.
    const lowest = Math.max(0, tilt + low.t);
    const below = lowest > 0 ? epsilon - low.loss : epsilon + (nats - value) / tilt;
    const period = 1.05 * Math.max(high.loss - epsilon, below);
    const layers = phases.map((phase) => ({
      layers: tiltedLayers(phase, tilt, phase.cumulant(tilt).value),
      count: phase.count,
    }));
    const cutoff = cutoffOf(layers, Math.sqrt((2 * nats) / variance), nats);
    if (period > 0 && period * cutoff < (best ? best.period * best.cutoff : Infinity)) {
      best = { tilt, period, cutoff, nats, highest: tilt + high.t, lowest };
      worse = 0;
    } else worse++;
  }
  return best;
}

/** Where the tilted density of a step can have its last mode, in units of the noise. */
function farthest({ mixture: { p, q } }: SmoothPhase, tilt: number): number {
  return (1 + tilt) * p.reach + tilt * q.reach;
}

/** Layers of a step's loss where most of its tilted mass lies: around the first mode. */
export function tiltedLayers({ mixture }: SmoothPhase, tilt: number, logMoment: number): Layers {
  let mode = 0;
  for (let k = 0; k < 20; k++) {
    const next = (1 + tilt) * meanCentre(mixture.p, mode) - tilt * meanCentre(mixture.q, mode);
    if (next - mode < 0.1) break;
    mode = next;
  }
  return layersOf(mixture, tilt, logMoment, -6, mode + 6);
}
