import { cellError } from './cells.ts';
import { edgesOf, massOutside, momentsOf } from './chernoff.ts';
import { compose } from './convolution.ts';
import { expm1, log1p } from './elementary.ts';
import { factorsOf } from './grouping.ts';
import type { Lattice } from './lattice.ts';
import { partsOf } from './parts.ts';
import type { Lost, Part, Phase, Target } from './parts.ts';
import { edgeOf, totalCumulant } from './windows.ts';

/** The whole composition on one lattice, tilted. */
export type Composition = {
  readonly width: number;
  readonly tilt: number;
  /** Loss of lattice point 0. */
  readonly offset: number;
  readonly upper: Lattice;
  readonly lower: Lattice;
  readonly upperScale: number;
  readonly lowerScale: number;
  readonly lost: Lost;
  /** Bound of the rounding error of every point. */
  readonly pointError: number;
  /** P-mass of an infinite loss. */
  readonly infinite: number;
  /** Relative error of the tilted masses. */
  readonly relative: number;
  /** Error of the losses in nats: every step's is rounded. */
  readonly shift: number;
};

/** How often the lattice is made wider when a composition turns out not to fit. */
const attempts = 4;

/** Compose all phases at one tilt on `size` lattice points. */
export function composePhases(
  phases: readonly Phase[],
  tilt: number,
  target: Target,
  size: number,
): Composition {
  const { nats } = target;
  const start: Lost = { truncation: 0, aliasing: 0, below: 0 };
  const parts = phases.flatMap((phase) => partsOf(phase, tilt, target, start));
  const sum = totalCumulant(parts.map((part) => ({ cumulant: part.cumulant, count: part.upperCount })));
  const low = edgeOf(sum, tilt, nats, -1);
  const high = edgeOf(sum, tilt, nats, 1);
  const widest = Math.max(...parts.map((part) => part.highest - part.lowest));
  const offset = parts.reduce((total, part) => total + part.upperCount * part.offset, 0);
  let width = (Math.max(high.loss - low.loss, widest) * 1.01) / (size - 4);
  for (let attempt = 1; ; attempt++) {
    const lost = { ...start };
    const shape = { width, size, tilt, nats };
    const factors = parts.flatMap((part) =>
      factorsOf(part, { upper: part.upperCount, lower: part.lowerCount }, shape, 1, lost),
    );
    const moments = momentsOf(factors, width, low.t, high.t);
    const edges = edgesOf(moments, nats);
    const needed = (edges.high - edges.low) / width;
    if (needed > size && attempt < attempts) {
      width *= Math.min(2, Math.max(1.02, (1.02 * needed) / size));
      continue;
    }
    const first = Math.floor((edges.low + edges.high) / 2 / width - size / 2);
    const composed = compose(factors, first, size);
    const missed = massOutside(moments, first * width, (first + size) * width);
    lost.aliasing += missed.above;
    lost.below += missed.below;
    return {
      width,
      tilt,
      offset,
      upper: composed.upper,
      lower: composed.lower,
      upperScale: scaleOf(parts, 'upperCount'),
      lowerScale: scaleOf(parts, 'lowerCount'),
      lost,
      pointError: composed.pointError,
      infinite: infiniteMass(phases),
      relative: phases.reduce((steps, { count }) => steps + count, 0) * cellError * 2 + size * 4e-16,
      shift: parts.reduce(
        (total, part) => total + part.upperCount * 4e-16 * Math.max(-part.lowest, part.highest),
        0,
      ),
    };
  }
}

function scaleOf(parts: readonly Part[], count: 'upperCount' | 'lowerCount'): number {
  return parts.reduce((total, part) => total + part[count] * part.logScale, 0);
}

/** The probability of at least one outcome of infinite loss. */
export function infiniteMass(
  phases: readonly { readonly pair: { readonly infinite: number }; readonly count: number }[],
): number {
  let finite = 0;
  for (const { pair, count } of phases) finite += count * log1p(-pair.infinite);
  return -expm1(finite);
}
