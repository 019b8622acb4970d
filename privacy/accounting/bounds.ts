import { DptuneError } from '../errors.ts';
import { noBudget } from './answer.ts';
import type { Direction, Method } from './answer.ts';
import { noGrid } from './asking.ts';
import type { Ask } from './asking.ts';
import { infiniteMass } from './composition.ts';
import { directionsOf, dominatingPair, isLoose } from './dominating.ts';
import type { PairDirection } from './dominating.ts';
import type { DpEvent, Relation } from './events.ts';
import { leavesOf } from './leaves.ts';
import type { Leaf } from './leaves.ts';
import { largestLoss } from './pairs.ts';
import type { Enclosure, PairCount } from './pld.ts';
import type { Side } from './profile.ts';
import { listedOrders, minimiseOverOrders, rdpOf } from './rdp.ts';

/** What one method says: bounds, and where they came from. */
type Found = Enclosure & { readonly method: Method; readonly direction: Direction };

export function trivial(value: number): Found {
  const interval = { lower: value, estimate: value, upper: value };
  return { interval, budget: noBudget, grid: noGrid, method: 'trivial', direction: 'both' };
}

/** Independent pairs for one direction, and which direction it is. */
export type DirectedPairs = { readonly direction: PairDirection; readonly pairs: readonly PairCount[] };

/**
 * The pairs of an event in each direction that an answer has to cover; null where some part has Renyi bounds only. On
 * the lower side such parts are left out: releasing less shows less.
 */
export function pairsOf(event: DpEvent, relation: Relation, side: Side): DirectedPairs[] | null {
  const leaves = leavesOf(event, relation, side);
  const directions = isSymmetric(leaves) ? directionsOf(relation).slice(0, 1) : directionsOf(relation);
  const result: DirectedPairs[] = [];
  for (const direction of directions) {
    const pairs: PairCount[] = [];
    for (const { event: leaf, count } of leaves) {
      const pair = dominatingPair(leaf, relation, direction, side);
      if (pair) pairs.push({ pair, count });
      else if (side === 'upper') return null;
    }
    result.push({ direction, pairs });
  }
  return result;
}

/** These are their own mirror images: one direction says it all. */
function isSymmetric(leaves: readonly Leaf[]): boolean {
  return leaves.every(({ event }) =>
    [
      'gaussian',
      'laplace',
      'exponential',
      'permute-and-flip',
      'epsilon-delta',
      'randomized-response',
      'ranked-selection',
    ].includes(event.kind),
  );
}

/**
 * The least of the valid bounds. Every direction of the relation is bounded and the worst one counts; two methods that
 * rest on different mathematics (the loss distribution and Renyi divergences) must not contradict each other.
 */
export function bound(
  event: DpEvent,
  relation: Relation,
  ask: Ask,
  fromRdp: (order: number, rdp: number) => number,
): Found {
  const upperPairs = pairsOf(event, relation, 'upper');
  const byPairs = upperPairs && worstOf(upperPairs, relation, ask);
  const byRdp = boundByRdp(event, relation, fromRdp);
  const isApart = !byPairs || isLoose(event, relation);
  const known = isApart ? lowerBound(event, relation, ask) : byPairs.interval.lower;
  if (byRdp.interval.upper < known * (1 - 1e-9)) {
    throw new DptuneError(
      'violation',
      `accountants disagree: Renyi upper bound ${byRdp.interval.upper} is below the loss distribution's lower bound ` +
        `${known}. Report this event; do not train on it.`,
    );
  }
  const found = !byPairs || byRdp.interval.upper < byPairs.interval.upper ? byRdp : byPairs;
  const { upper } = found.interval;
  const lower = Math.min(known, upper);
  const isClose = upper - lower <= 0.1 * upper;
  const apart = isClose ? (lower + upper) / 2 : upper;
  const estimate = isApart ? apart : Math.min(byPairs.interval.estimate, upper);
  return { ...found, interval: { lower, estimate, upper } };
}

/** What is known from below of an event whose dominating pair is only a bound. */
function lowerBound(event: DpEvent, relation: Relation, ask: Ask): number {
  const pairs = pairsOf(event, relation, 'lower')!.filter((directed) => directed.pairs.length > 0);
  return pairs.length === 0 ? 0 : worstOf(pairs, relation, ask).interval.lower;
}

function worstOf(directed: readonly DirectedPairs[], relation: Relation, ask: Ask): Found {
  const isBoth = directed.length === 1 && relation !== 'replace-one';
  let worst: Found | null = null;
  // The first direction (remove) is nearly always the worst; another is refined only if a coarse bound does not
  // already lie below the first one's certified interval.
  for (const { direction, pairs } of directed) {
    let found = ask(pairs, worst !== null);
    if (worst && found.interval.upper > worst.interval.lower) found = ask(pairs, false);
    const named: Found = { ...found, direction: isBoth ? 'both' : direction };
    worst = worst ? worse(worst, named) : named;
  }
  return worst!;
}

/** The worse of two directions' bounds, as an enclosure of the larger true value. */
function worse(a: Found, b: Found): Found {
  const interval = {
    lower: Math.max(a.interval.lower, b.interval.lower),
    estimate: Math.max(a.interval.estimate, b.interval.estimate),
    upper: Math.max(a.interval.upper, b.interval.upper),
  };
  return { ...(b.interval.upper > a.interval.upper ? b : a), interval };
}

/** Upper bound from Renyi divergences alone. */
export function boundByRdp(
  event: DpEvent,
  relation: Relation,
  convert: (order: number, rdp: number) => number,
): Found {
  const leaves = leavesOf(event, relation);
  const directions = isSymmetric(leaves) ? directionsOf(relation).slice(0, 1) : directionsOf(relation);
  const curves = directions.map((direction) => rdpOf(leaves, relation, direction));
  const worst = (order: number): number => Math.max(...curves.map((curve) => curve(order)));
  const { value } = minimiseOverOrders((order) => convert(order, worst(order)), listedOrders(leaves));
  const interval = { lower: 0, estimate: value, upper: value };
  return { interval, budget: noBudget, grid: noGrid, method: 'rdp', direction: 'both' };
}

/** delta = 0: the largest loss of every leaf, added up. */
export function pureEpsilon(event: DpEvent, relation: Relation): Found {
  const upper = largestLossOf(pairsOf(event, relation, 'upper'));
  const lower = isLoose(event, relation) ? largestLossOf(pairsOf(event, relation, 'lower')) : upper;
  return {
    ...trivial(upper),
    interval: { lower: Math.min(lower, upper), estimate: upper, upper },
    method: 'closed-form',
  };
}

function largestLossOf(directed: readonly DirectedPairs[] | null): number {
  if (!directed) return Infinity;
  return Math.max(
    ...directed.map(({ pairs }) =>
      infiniteMass(pairs) > 0
        ? Infinity
        : pairs.reduce((sum, { pair, count }) => sum + count * largestLoss(pair), 0),
    ),
  );
}
