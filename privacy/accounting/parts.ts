import { cellsOf } from './cells.ts';
import type { Cells } from './cells.ts';
import { cumulantOf } from './cumulant.ts';
import type { CumulantFunction } from './cumulant.ts';
import { exp, log, log1p } from './elementary.ts';
import { lossAt } from './pairs.ts';
import type { LossPair, SmoothPiece } from './pairs.ts';
import { logTailAbove, logTailBelow, massAbove } from './tails.ts';
import { edgeOf, totalCumulant } from './windows.ts';

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

/**
 * Where the result is wanted: an epsilon and -d log delta / d epsilon there; and how much tilted mass, e^-nats, may be
 * left outside any one window or quadrature range. They steer precision, never validity.
 */
export type Target = { readonly epsilon: number; readonly slope: number; readonly nats: number };

/** Rare losses are looked for among more steps than this. */
const directCount = 64;
/** Largest tilted share of losses that may count as rare, and the least that is worth while. */
const rareShares = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6] as const;
/** Precision that keeping rare losses apart may cost, relative to epsilon, of the upper and the lower bound. */
const rareCost = { upper: 3e-6, lower: 1e-4 } as const;

/** The losses of `count` steps as parts: one, or a bulk and its rare large losses apart (see `splitRare`). */
export function partsOf(phase: Phase, tilt: number, target: Target, lost: Lost): Part[] {
  const { pair, count, cumulant } = phase;
  const { nats } = target;
  const scale = cumulant(tilt).value;
  let from = Infinity;
  let to = -Infinity;
  for (const piece of pair.pieces) {
    if (piece.curvature !== 1) continue;
    const allowed = scale - nats - log(count) - 3;
    let low = -5;
    while (logTailBelow(piece, tilt, low) > allowed) low -= 0.5;
    let high = Math.max(...piece.p.map((term) => term.rate), 0);
    while (logTailAbove(piece, tilt, high) > allowed) high += 0.5;
    lost.truncation +=
      count * (exp(logTailBelow(piece, tilt, low) - scale) + exp(logTailAbove(piece, tilt, high) - scale));
    from = Math.min(from, low);
    to = Math.max(to, high);
  }
  if (from > to) {
    from = -Infinity;
    to = Infinity;
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
  const { nats } = target;
  const piece = pair.pieces[0];
  if (count <= directCount || pair.atoms.length > 0 || pair.pieces.length !== 1 || !piece) return null;
  if (piece.curvature !== 1) return null;
  let chosen: { cut: number; below: CumulantFunction } | null = null;
  const slopeScale = phase.cumulant(target.slope).value;
  let reached = 2;
  for (const share of rareShares) {
    reached = cutOf(piece, target.slope, slopeScale + log(share), reached, to);
    const cut = reached;
    if (!(cut < to) || cut < from + 1) continue;
    const below = cumulantOf(pair, cut);
    // Drawing the bulk once too often in `share` of the steps moves epsilon by about slope / 2 times its variance.
    const bulk = (target.slope / 2) * count * below(target.slope).variance;
    const cost = { upper: share * bulk, lower: (rareLimit(count, share, nats) / count) * bulk };
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
  const dropped = rareLimit(count, Math.min(1, rareMass), nats);
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

/** Where the tilted mass above falls to e^logMass, from `start` on. */
function cutOf(piece: SmoothPiece, tilt: number, logMass: number, start: number, to: number): number {
  let cut = start;
  while (cut < to && logTailAbove(piece, tilt, cut) > logMass) cut += 0.25;
  return cut;
}

/** The least m with P(Binomial(count, p) > m) <= e^-nats, by Chernoff's bound. */
function rareLimit(count: number, p: number, nats: number): number {
  const mean = count * p;
  let m = Math.ceil(mean + 10);
  // m log(m / mean) - m + mean >= nats is enough (Poisson bound).
  while (m < count && m * log(m / mean) - m + mean < nats) m = Math.ceil(m * 1.2 + 1);
  return Math.min(m, count);
}
