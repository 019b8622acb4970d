import { edgesOf, massOutside, momentsOf, trim } from './chernoff.ts';
import type { Cells } from './cells.ts';
import { compose } from './convolution.ts';
import type { Factor } from './convolution.ts';
import { log } from './elementary.ts';
import { optimistic, pessimistic, regroup } from './lattice.ts';
import type { Lattice } from './lattice.ts';
import type { Lost, Part } from './parts.ts';
import { edgeOf, totalCumulant } from './windows.ts';

/** A lattice to compose on: `size` points, `width` nats apart, masses tilted by `tilt`, e^-nats of them outside. */
export type LatticeShape = {
  readonly width: number;
  readonly size: number;
  readonly tilt: number;
  readonly nats: number;
};

/**
 * Compositions above this many go through a finer lattice first. Each stage errs about as much as the others and costs
 * a transform, so few stages are best as long as their counts are.
 */
const longestRun = 256;

type Counts = { readonly upper: number; readonly lower: number };

/**
 * Factors on the given lattice whose composition is the part: its single steps where there are few, else groups of
 * steps that were composed on a finer lattice and rounded once (Ghazi et al., arXiv:2207.04381), plus the few steps
 * left over.
 * @param uses - how many copies of this composition the whole has
 */
export function factorsOf(
  part: Part,
  counts: Counts,
  shape: LatticeShape,
  uses: number,
  lost: Lost,
): Factor[] {
  if (part.direct || counts.upper <= longestRun) return [singleSteps(part, counts, shape)];
  const { width, size, tilt, nats } = shape;
  const stages = Math.ceil(log(counts.upper) / log(longestRun));
  const groups = Math.ceil(counts.upper ** (1 / stages));
  const inside = { upper: Math.floor(counts.upper / groups), lower: Math.floor(counts.lower / groups) };
  const rest = {
    upper: counts.upper - groups * inside.upper,
    lower: counts.lower - groups * inside.lower,
  };
  const sum = totalCumulant([{ cumulant: part.cumulant, count: inside.upper }]);
  const margin = nats + log(uses * groups);
  const low = edgeOf(sum, tilt, margin, -1);
  const high = edgeOf(sum, tilt, margin, 1);
  const ideal = (Math.max(high.loss - low.loss, part.highest - part.lowest) * 1.02) / (size - 4);
  let finer = Math.min(Math.floor(width / ideal), size / 4);
  // Where a group is nearly as wide as the whole, a finer lattice cannot hold it.
  for (; finer >= 2; finer = Math.floor(finer / 2)) {
    const group = composeGroup(part, inside, shape, finer, [low.t, high.t], uses * groups, lost);
    if (!group) continue;
    const factor = { ...group, upperCount: groups, lowerCount: groups };
    return rest.upper === 0 && rest.lower === 0 ? [factor] : [factor, singleSteps(part, rest, shape)];
  }
  return [singleSteps(part, counts, shape)];
}

/** One group, composed on a lattice `finer` times as fine and rounded to the given one; null where it does not fit. */
function composeGroup(
  part: Part,
  counts: Counts,
  { width, size, tilt, nats }: LatticeShape,
  finer: number,
  [lowT, highT]: readonly [number, number],
  uses: number,
  lost: Lost,
): { readonly upper: Lattice; readonly lower: Lattice } | null {
  const inner = { width: width / finer, size, tilt, nats };
  const innerLost: Lost = { truncation: 0, aliasing: 0, below: 0 };
  const factors = factorsOf(part, counts, inner, uses, innerLost);
  const moments = momentsOf(factors, inner.width, lowT, highT);
  // Beyond its own edges a composition is rounding noise, which the next one would carry into its tails.
  const edges = edgesOf(moments, nats + log(uses));
  const from = Math.floor(edges.low / inner.width);
  const to = Math.ceil(edges.high / inner.width) + 1;
  if (!(to - from <= size)) return null;
  const composed = compose(factors, Math.floor((from + to - size) / 2), size);
  const missed = massOutside(moments, from * inner.width, to * inner.width);
  lost.aliasing += innerLost.aliasing + uses * (missed.below + missed.above);
  const coarse = (lattice: Lattice, error: number): Cells =>
    regroup(trim(lattice, from, to, error, moments, inner.width), inner.width, finer, tilt);
  return {
    upper: pessimistic(coarse(composed.upper, composed.pointError), width, tilt),
    lower: optimistic(coarse(composed.lower, -composed.pointError), width, tilt),
  };
}

function singleSteps(part: Part, counts: Counts, { width, tilt }: LatticeShape): Factor {
  const first = Math.floor(part.lowest / width) - 1;
  const last = Math.ceil(part.highest / width) + 1;
  const cells = part.cells(width, first, last);
  return {
    upper: pessimistic(cells, width, tilt),
    lower: optimistic(cells, width, tilt),
    upperCount: counts.upper,
    lowerCount: counts.lower,
  };
}
