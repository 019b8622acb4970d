import { cellError, cellsOf } from './cells.ts';
import type { Cells } from './cells.ts';
import { compose } from './convolution.ts';
import type { Factor } from './convolution.ts';
import { cumulantOf } from './cumulant.ts';
import type { CumulantFunction } from './cumulant.ts';
import { exp, expm1, log, log1p } from './elementary.ts';
import { logMoment, optimistic, pessimistic, regroup } from './lattice.ts';
import type { Lattice } from './lattice.ts';
import { lossAt } from './pairs.ts';
import type { LossPair, SmoothPiece } from './pairs.ts';
import { logTailAbove, logTailBelow, massAbove } from './tails.ts';
import { edgeOf, totalCumulant } from './windows.ts';
import type { Summand } from './windows.ts';

/** `count` independent losses of one pair. */
export type Phase = { readonly pair: LossPair; readonly count: number; readonly cumulant: CumulantFunction };

/**
 * A stream of independent losses on a lattice of its own offset. The pessimistic bound composes it `upperCount` times,
 * the optimistic one `lowerCount` times.
 */
export type Part = {
  readonly cumulant: CumulantFunction;
  readonly offset: number;
  readonly logScale: number;
  readonly upperCount: number;
  readonly lowerCount: number;
  /** All losses (less the offset) that `cells` can see lie here. */
  readonly lowest: number;
  readonly highest: number;
  /** Composed step by step on the last lattice, however many they are. */
  readonly direct: boolean;
  readonly cells: (width: number, first: number, last: number) => Cells;
};

/**
 * Tilted probability that a bound does not see, by cause. What lies above the last window is missing from the upper
 * bound; what lies below it wraps around to the top, where only the lower bound has to take it off (`below`).
 */
export type Lost = { truncation: number; aliasing: number; below: number };

/** Where the result is wanted: an epsilon and -d log delta / d epsilon there. They steer precision, never validity. */
export type Target = { readonly epsilon: number; readonly slope: number };

/** Tilted mass left outside any one window or quadrature range: e^-nats, about 1e-15. */
const nats = 35;
/** Compositions above this many go through a finer lattice first. */
const directCount = 64;
/** Largest tilted share of losses that may count as rare, and the least that is worth while. */
const rareShares = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6] as const;
/** Precision that keeping rare losses apart may cost, relative to epsilon, of the upper and the lower bound. */
const rareCost = { upper: 3e-6, lower: 1e-4 } as const;

/** The losses of `count` steps as parts: one, or a bulk and its rare large losses apart (see `splitRare`). */
function partsOf(phase: Phase, tilt: number, target: Target, lost: Lost): Part[] {
  const { pair, count, cumulant } = phase;
  const scale = cumulant(tilt).value;
  let from = -Infinity;
  let to = Infinity;
  for (const piece of pair.pieces) {
    if (piece.curvature !== 1) continue;
    const target = scale - nats - log(count) - 3;
    from = Math.max(-1e9, -5);
    while (logTailBelow(piece, tilt, from) > target) from -= 0.5;
    to = Math.max(...piece.p.map((term) => term.rate), 0);
    while (logTailAbove(piece, tilt, to) > target) to += 0.5;
    lost.truncation +=
      count * (exp(logTailBelow(piece, tilt, from) - scale) + exp(logTailAbove(piece, tilt, to) - scale));
  }
  const whole: Part = {
    cumulant,
    offset: 0,
    logScale: scale,
    upperCount: count,
    lowerCount: count,
    ...supportOf(pair, from, to, 0),
    direct: false,
    cells: (width, first, last) =>
      cellsOf(pair, { width, tilt, logScale: scale, offset: 0, first, last }, from, to),
  };
  return splitRare(phase, whole, tilt, target, from, to, lost) ?? [whole];
}

/**
 * Rare large losses make windows wide and lattices coarse, while the many small losses need a fine one. They are
 * separated at x = cut: the outcome "above the cut, and where" is composed on the coarse lattice; the outcome "below"
 * has loss log(P(below) / Q(below)) and is followed by a draw from the pair restricted to below (the bulk).
 * Upper bound: the bulk is drawn in every step (more is released: data processing). Lower bound: it is drawn only
 * count - m times, with m so that more than m rare steps have negligible probability (less is released).
 */
function splitRare(
  phase: Phase,
  whole: Part,
  tilt: number,
  target: Target,
  from: number,
  to: number,
  lost: Lost,
): Part[] | null {
  const { pair, count } = phase;
  const piece = pair.pieces[0];
  if (count <= directCount || pair.atoms.length > 0 || pair.pieces.length !== 1 || !piece) return null;
  if (piece.curvature !== 1) return null;
  let chosen: { cut: number; below: CumulantFunction } | null = null;
  for (const share of rareShares) {
    const cut = cutOf(piece, target.slope, phase.cumulant(target.slope).value + log(share), to);
    if (!(cut < to) || cut < from + 1) continue;
    const below = cumulantOf(pair, cut);
    // Drawing the bulk once too often in `share` of the steps moves epsilon by about slope / 2 times its variance.
    const bulk = (target.slope / 2) * count * below(target.slope).variance;
    const cost = { upper: share * bulk, lower: (rareLimit(count, share) / count) * bulk };
    if (cost.upper <= rareCost.upper * target.epsilon && cost.lower <= rareCost.lower * target.epsilon) {
      chosen = { cut, below };
      break;
    }
  }
  if (!chosen) return null;
  const { cut, below } = chosen;
  const firstStage = Math.min(count, directCount / 2);
  const span = (cumulant: CumulantFunction): number => {
    const sum = totalCumulant([{ cumulant, count: firstStage }]);
    return edgeOf(sum, tilt, nats, 1).loss - edgeOf(sum, tilt, nats, -1).loss;
  };
  if (span(whole.cumulant) < 1.5 * span(below)) return null;
  const aboveP = massAbove(piece.p, cut);
  const aboveQ = massAbove(piece.q, cut);
  const massBelow = 1 - aboveP;
  // Rounded down: a smaller offset only raises the losses that the bulk is charged for rare steps.
  const offset = log1p(-aboveP) - log1p(-aboveQ) - 4e-16 * (aboveP + aboveQ);
  const bulkScale = below(tilt).value;
  const rarePair: LossPair = { ...pair, atoms: [{ mass: massBelow, loss: offset }] };
  const rareCumulant = cumulantOf(rarePair, Infinity, cut);
  const rareScale = rareCumulant(tilt).value;
  const rareMass = exp(logTailAbove(piece, tilt, cut) - rareScale);
  const dropped = rareLimit(count, Math.min(1, rareMass));
  lost.truncation += exp(-nats);
  const bulkCumulant: CumulantFunction = (t) => {
    const at = below(t);
    return { ...at, value: at.value - log(massBelow) - t * offset, mean: at.mean - offset };
  };
  return [
    {
      cumulant: bulkCumulant,
      offset: 0,
      logScale: bulkCumulant(tilt).value,
      upperCount: count,
      lowerCount: Math.max(0, count - dropped),
      ...supportOf(pair, from, cut, offset),
      direct: false,
      cells: (width, first, last) =>
        cellsOf(pair, { width, tilt, logScale: bulkScale, offset, first, last }, from, cut),
    },
    {
      cumulant: rareCumulant,
      offset,
      logScale: rareScale,
      upperCount: count,
      lowerCount: count,
      ...supportOf(rarePair, cut, to, offset),
      direct: true,
      cells: (width, first, last) =>
        cellsOf(rarePair, { width, tilt, logScale: rareScale, offset, first, last }, cut, to),
    },
  ];
}

function supportOf(
  pair: LossPair,
  from: number,
  to: number,
  offset: number,
): { lowest: number; highest: number } {
  const losses = pair.atoms.map((atom) => atom.loss);
  for (const piece of pair.pieces) {
    losses.push(lossAt(piece, Math.max(from, piece.from)), lossAt(piece, Math.min(to, piece.to)));
  }
  return { lowest: Math.min(...losses) - offset, highest: Math.max(...losses) - offset };
}

/** Where the tilted mass above falls to e^logMass. */
function cutOf(piece: SmoothPiece, tilt: number, logMass: number, to: number): number {
  let cut = 2;
  while (cut < to && logTailAbove(piece, tilt, cut) > logMass) cut += 0.25;
  return cut;
}

/** The least m with P(Binomial(count, p) > m) <= e^-nats, by Chernoff's bound. */
function rareLimit(count: number, p: number): number {
  const mean = count * p;
  let m = Math.ceil(mean + 10);
  // m log(m / mean) - m + mean >= nats is enough (Poisson bound).
  while (m < count && m * log(m / mean) - m + mean < nats) m = Math.ceil(m * 1.2 + 1);
  return Math.min(m, count);
}

/**
 * Factors on the lattice of the given width whose composition is the part: its single steps where there are few, else
 * groups of steps that were composed on a finer lattice and rounded once (Ghazi et al., arXiv:2207.04381), plus the
 * few steps left over. Every window holds `size` points.
 * @param uses - how many copies of this composition the whole has
 */
export function factorsOf(
  part: Part,
  counts: { readonly upper: number; readonly lower: number },
  lattice: { readonly width: number; readonly size: number; readonly tilt: number },
  uses: number,
  lost: Lost,
): Factor[] {
  const { width, size, tilt } = lattice;
  if (part.direct || counts.upper <= directCount) {
    return [singleSteps(part, counts, lattice)];
  }
  const stages = Math.ceil(log(counts.upper) / log(directCount));
  const groups = Math.ceil(counts.upper ** (1 / stages));
  const upper = Math.floor(counts.upper / groups);
  const lower = Math.floor(counts.lower / groups);
  const rest = { upper: counts.upper - groups * upper, lower: counts.lower - groups * lower };
  const sum = totalCumulant([{ cumulant: part.cumulant, count: upper }]);
  const margin = nats + log(uses * groups);
  const low = edgeOf(sum, tilt, margin, -1);
  const high = edgeOf(sum, tilt, margin, 1);
  const ideal = (Math.max(high.loss - low.loss, part.highest - part.lowest) * 1.02) / (size - 4);
  const finer = Math.min(Math.floor(width / ideal), size / 4);
  // Where even a group is as wide as the whole, a finer lattice cannot hold it.
  if (finer < 2) return [singleSteps(part, counts, lattice)];
  const inner = { width: width / finer, size, tilt };
  const factors = factorsOf(part, { upper, lower }, inner, uses * groups, lost);
  const first = Math.floor((low.loss + high.loss) / 2 / inner.width - size / 2);
  const composed = compose(factors, first, size);
  // Beyond its own edges a composition is rounding noise, which the next one would carry into its tails.
  const edges = latticeEdges(factors, inner.width, low.t, high.t, margin);
  const from = Math.max(first, Math.floor(edges.low / inner.width));
  const to = Math.min(first + size, Math.ceil(edges.high / inner.width) + 1);
  const missed = outside(factors, inner.width, from, to, edges);
  lost.aliasing += uses * groups * (missed.below + missed.above);
  const error = composed.pointError;
  const caps = [edges.lowT, edges.lowT / 2, edges.highT / 2, edges.highT].map((t) => ({
    t,
    log: compositionMoment(factors, inner.width, t),
  }));
  const coarse = (one: Lattice): Cells => regroup(one, inner.width, finer, tilt);
  const group: Factor = {
    upper: pessimistic(coarse(trim(composed.upper, from, to, error, caps, inner.width)), width, tilt),
    lower: optimistic(coarse(trim(composed.lower, from, to, -error, [], inner.width)), width, tilt),
    upperCount: groups,
    lowerCount: groups,
  };
  if (rest.upper === 0 && rest.lower === 0) return [group];
  return [group, singleSteps(part, rest, lattice)];
}

function singleSteps(
  part: Part,
  counts: { readonly upper: number; readonly lower: number },
  lattice: { readonly width: number; readonly size: number; readonly tilt: number },
): Factor {
  const { width, tilt } = lattice;
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

/** e^(log - t * loss): Chernoff's bound for the mass at each loss. */
type Cap = { readonly log: number; readonly t: number };

/**
 * The points from .. to - 1, each moved by what its rounding may be, but not above what Chernoff's bound allows it:
 * else noise in the tails would look like rare large losses to the next composition.
 */
function trim(
  lattice: Lattice,
  from: number,
  to: number,
  error: number,
  caps: readonly Cap[],
  width: number,
): Lattice {
  const mass = lattice.mass.slice(from - lattice.first, to - lattice.first);
  for (let k = 0; k < mass.length; k++) mass[k] = Math.max(0, mass[k]! + error);
  for (const { log: start, t } of caps) {
    let cap = exp(start - t * (t > 0 ? to : from) * width) * 1.01;
    const grow = exp(Math.abs(t) * width);
    for (let n = 0; n < mass.length && cap < 1; n++) {
      const k = t > 0 ? mass.length - 1 - n : n;
      // The bound at the outer end of the point's cell is the smaller one: allow for a whole cell.
      cap *= grow;
      mass[k] = Math.min(mass[k]!, cap);
    }
  }
  return { first: from, mass };
}

/** Fractions of the order that is best for smooth tails: rounding to a lattice and noise call for smaller ones. */
const orders = [1, 0.6, 0.3, 0.1, 0.03, 0.01] as const;

type LatticeEdges = {
  readonly low: number;
  readonly high: number;
  readonly lowT: number;
  readonly highT: number;
};

/** log moment of a composition at order t: the larger of the two bounds'. */
function compositionMoment(factors: readonly Factor[], width: number, t: number): number {
  let upper = 0;
  let lower = 0;
  for (const factor of factors) {
    if (factor.upperCount > 0) upper += factor.upperCount * logMoment(factor.upper, width, t);
    if (factor.lowerCount > 0) lower += factor.lowerCount * logMoment(factor.lower, width, t);
  }
  return Math.max(upper, lower);
}

/** Losses below and above which a composition of lattices has at most e^-margin of its tilted mass each (Chernoff). */
function latticeEdges(
  factors: readonly Factor[],
  width: number,
  lowT: number,
  highT: number,
  margin: number,
): LatticeEdges {
  const best = { low: -Infinity, high: Infinity, lowT, highT };
  for (const order of orders) {
    const low = (compositionMoment(factors, width, lowT * order) + margin) / (lowT * order);
    if (low > best.low) {
      best.low = low;
      best.lowT = lowT * order;
    }
    const high = (compositionMoment(factors, width, highT * order) + margin) / (highT * order);
    if (high < best.high) {
      best.high = high;
      best.highT = highT * order;
    }
  }
  return best;
}

/** log of bounds of the mass below `from` and at or above `to` of a composition. */
function outside(
  factors: readonly Factor[],
  width: number,
  from: number,
  to: number,
  edges: LatticeEdges,
): { readonly below: number; readonly above: number } {
  const below = compositionMoment(factors, width, edges.lowT) - edges.lowT * from * width;
  const above = compositionMoment(factors, width, edges.highT) - edges.highT * to * width;
  return { below: 1.01 * exp(Math.min(0, below)), above: 1.01 * exp(Math.min(0, above)) };
}

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

/** Compose all phases at one tilt on `size` lattice points. */
export function composePhases(
  phases: readonly Phase[],
  tilt: number,
  target: Target,
  size: number,
): Composition {
  const lost: Lost = { truncation: 0, aliasing: 0, below: 0 };
  const parts = phases.flatMap((phase) => partsOf(phase, tilt, target, lost));
  const summands: Summand[] = parts.map((part) => ({ cumulant: part.cumulant, count: part.upperCount }));
  const sum = totalCumulant(summands);
  const low = edgeOf(sum, tilt, nats, -1);
  const high = edgeOf(sum, tilt, nats, 1);
  const widest = Math.max(...parts.map((part) => part.highest - part.lowest));
  const width = (Math.max(high.loss - low.loss, widest) * 1.02) / (size - 4);
  const factors = parts.flatMap((part) =>
    factorsOf(part, { upper: part.upperCount, lower: part.lowerCount }, { width, size, tilt }, 1, lost),
  );
  const offset = parts.reduce((total, part) => total + part.upperCount * part.offset, 0);
  const first = Math.floor(((low.loss + high.loss) / 2 - offset) / width - size / 2);
  const composed = compose(factors, first, size);
  const edges = latticeEdges(factors, width, low.t, high.t, nats);
  const missed = outside(factors, width, first, first + size, edges);
  lost.aliasing += missed.above;
  lost.below += missed.below;
  let logFinite = 0;
  let steps = 0;
  for (const { pair, count } of phases) {
    logFinite += count * log1p(-pair.infinite);
    steps += count;
  }
  return {
    width,
    tilt,
    offset,
    upper: composed.upper,
    lower: composed.lower,
    upperScale: parts.reduce((total, part) => total + part.upperCount * part.logScale, 0),
    lowerScale: parts.reduce((total, part) => total + part.lowerCount * part.logScale, 0),
    lost,
    pointError: composed.pointError,
    infinite: -expm1(logFinite),
    relative: steps * cellError * 2 + size * 4e-16,
    shift: parts.reduce(
      (total, part) => total + part.upperCount * 4e-16 * Math.max(-part.lowest, part.highest),
      0,
    ),
  };
}
