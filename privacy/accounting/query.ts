import { DptuneError, InvalidParameterError } from '../errors.ts';
import { accountantVersion, digestOf, noBudget } from './answer.ts';
import type { Answer, DeltaAnswer, Direction, Interval, Method } from './answer.ts';
import { infiniteMass } from './composition.ts';
import { directionsOf, dominatingPair } from './dominating.ts';
import type { PairDirection } from './dominating.ts';
import type { DpEvent, Relation } from './events.ts';
import { relations } from './events.ts';
import { isNoiseless, leavesOf } from './leaves.ts';
import type { Leaf } from './leaves.ts';
import { largestLoss } from './pairs.ts';
import { deltaEnclosure, epsilonEnclosure } from './pld.ts';
import type { Enclosure, PairCount } from './pld.ts';
import { deltaFromRdp, epsilonFromRdp, listedOrders, minimiseOverOrders, rdpOf } from './rdp.ts';
import { singleStepDelta, singleStepEpsilon } from './single-step.ts';

export type EpsilonQuery = { readonly delta: number; readonly relation: Relation };
export type DeltaQuery = { readonly epsilon: number; readonly relation: Relation };

/** What one method says: bounds, and where they came from. */
type Found = Enclosure & { readonly method: Method; readonly direction: Direction };

/** Bounds of an answer from one direction's pairs, at full or (for a first comparison) at low precision. */
type Ask = (pairs: readonly PairCount[], coarse: boolean) => Enclosure & { readonly method: Method };

/**
 * Certified interval of the epsilon that the event has at `delta`; `upper` is what a training run enforces.
 * @param query.delta - 0 <= delta <= 1; at 1 epsilon is 0, at 0 it is infinite unless all losses are bounded
 * @throws InvalidParameterError, UnsupportedEventError
 */
export function epsilonOf(event: DpEvent, query: EpsilonQuery): Answer {
  return epsilonAnswer(event, query, Infinity);
}

/**
 * The same, from lattices of at most `maxSize` points: as valid, wider, faster. Calibration searches with these.
 */
export function epsilonAnswer(event: DpEvent, query: EpsilonQuery, maxSize: number): Answer {
  const { delta, relation } = query;
  checkRelation(relation);
  if (!(delta >= 0 && delta <= 1)) {
    throw new InvalidParameterError(
      `delta=${delta}: must be a probability from 0 to 1. Give 1/n^1.1 or less.`,
    );
  }
  const leaves = leavesOf(event, relation);
  const found =
    leaves.length === 0 || delta === 1
      ? trivial(0)
      : delta === 0
        ? pureEpsilon(leaves, relation)
        : bound(
            leaves,
            relation,
            (pairs, coarse) => askEpsilon(pairs, delta, coarse ? coarseSize : maxSize),
            (order, rdp) => epsilonFromRdp(order, rdp, delta),
          );
  return {
    epsilon: isUpperOnly(event) ? upperOnly(found.interval) : found.interval,
    delta,
    relation,
    direction: found.direction,
    method: found.method,
    budget: found.budget,
    grid: found.method === 'pld' ? found.grid : null,
    version: accountantVersion,
    digest: digestOf(event, relation, { delta }),
  };
}

/** Certified interval of the delta that the event has at `epsilon` >= 0. */
export function deltaOf(event: DpEvent, query: DeltaQuery): DeltaAnswer {
  const { epsilon, relation } = query;
  checkRelation(relation);
  if (!(epsilon >= 0)) {
    throw new InvalidParameterError(
      `epsilon=${epsilon}: must be 0 or more. Give the epsilon of the guarantee.`,
    );
  }
  const leaves = leavesOf(event, relation);
  const found =
    leaves.length === 0
      ? trivial(0)
      : bound(
          leaves,
          relation,
          (pairs) => askDelta(pairs, epsilon),
          (order, rdp) => deltaFromRdp(order, rdp, epsilon),
        );
  return {
    epsilon,
    delta: isUpperOnly(event) ? upperOnly(found.interval) : found.interval,
    relation,
    direction: found.direction,
    method: found.method,
    budget: found.budget,
    grid: found.method === 'pld' ? found.grid : null,
    version: accountantVersion,
    digest: digestOf(event, relation, { epsilon }),
  };
}

/** Whether some part's pair or sensitivity is itself only a bound, so that nothing is known from below. */
function isUpperOnly(event: DpEvent): boolean {
  if (event.kind === 'composed') return event.events.some(isUpperOnly);
  if (event.kind === 'tree') return (event.maxParticipations ?? 1) > 1;
  if (['exponential', 'permute-and-flip', 'sampled-without-replacement'].includes(event.kind)) return true;
  if (event.kind === 'poisson-sampled' && isNoiseless(event.event)) return true;
  return 'event' in event && isUpperOnly(event.event);
}

function upperOnly({ upper }: Interval): Interval {
  return { lower: 0, estimate: upper, upper };
}

export function checkRelation(relation: Relation): void {
  if (!relations.includes(relation)) {
    throw new InvalidParameterError(
      `relation=${JSON.stringify(relation)}: must be one of ${relations.join(', ')}. Most training is add-or-remove-one.`,
    );
  }
}

const noGrid = { cells: 0, width: 0, tilt: 0 };

function trivial(value: number): Found {
  const interval = { lower: value, estimate: value, upper: value };
  return { interval, budget: noBudget, grid: noGrid, method: 'trivial', direction: 'both' };
}

/** The pairs of all leaves in one direction, or null where one has none. */
export function pairsOf(
  leaves: readonly Leaf[],
  relation: Relation,
  direction: PairDirection,
): PairCount[] | null {
  const pairs: PairCount[] = [];
  for (const { event, count } of leaves) {
    const pair = dominatingPair(event, relation, direction);
    if (!pair) return null;
    pairs.push({ pair, count });
  }
  return pairs;
}

/** Gaussians are their own mirror images: one direction says it all. */
export function isSymmetric(leaves: readonly Leaf[]): boolean {
  return leaves.every(({ event }) =>
    [
      'gaussian',
      'laplace',
      'exponential',
      'permute-and-flip',
      'epsilon-delta',
      'randomized-response',
    ].includes(event.kind),
  );
}

/**
 * The least of the valid bounds. Every direction of the relation is bounded and the worst one counts; two methods that
 * rest on different mathematics (the loss distribution and Renyi divergences) must not contradict each other.
 */
function bound(
  leaves: readonly Leaf[],
  relation: Relation,
  ask: Ask,
  fromRdp: (order: number, rdp: number) => number,
): Found {
  const directions = isSymmetric(leaves) ? directionsOf(relation).slice(0, 1) : directionsOf(relation);
  const byPairs = boundByPairs(leaves, relation, directions, ask);
  const byRdp = boundByRdp(leaves, relation, directions, fromRdp);
  if (!byPairs) return byRdp;
  const isTight = leaves.every(({ event }) => !isUpperOnly(event));
  if (isTight && byRdp.interval.upper < byPairs.interval.lower * (1 - 1e-9)) {
    throw new DptuneError(
      'violation',
      `accountants disagree: Renyi upper bound ${byRdp.interval.upper} is below the loss distribution's lower bound ` +
        `${byPairs.interval.lower}. Report this event; do not train on it.`,
    );
  }
  if (byRdp.interval.upper >= byPairs.interval.upper) return byPairs;
  const { lower, estimate } = byPairs.interval;
  const { upper } = byRdp.interval;
  return {
    ...byRdp,
    interval: { lower: Math.min(lower, upper), estimate: Math.min(estimate, upper), upper },
  };
}

function boundByPairs(
  leaves: readonly Leaf[],
  relation: Relation,
  directions: readonly PairDirection[],
  ask: Ask,
): Found | null {
  const isBoth = directions.length === 1 && relation !== 'replace-one';
  let best: Found | null = null;
  // The first direction (remove) is nearly always the worst; another is refined only if a coarse bound does not
  // already lie below the first one's certified interval.
  for (const direction of directions) {
    const pairs = pairsOf(leaves, relation, direction);
    if (!pairs) return null;
    let found = ask(pairs, best !== null);
    if (best && found.interval.upper > best.interval.lower) found = ask(pairs, false);
    const named: Found = { ...found, direction: isBoth ? 'both' : direction };
    best = best ? worse(best, named) : named;
  }
  return best;
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

function boundByRdp(
  leaves: readonly Leaf[],
  relation: Relation,
  directions: readonly PairDirection[],
  convert: (order: number, rdp: number) => number,
): Found {
  const curves = directions.map((direction) => rdpOf(leaves, relation, direction));
  const worst = (order: number): number => Math.max(...curves.map((curve) => curve(order)));
  const { value } = minimiseOverOrders((order) => convert(order, worst(order)), listedOrders(leaves));
  const interval = { lower: 0, estimate: value, upper: value };
  return { interval, budget: noBudget, grid: noGrid, method: 'rdp', direction: 'both' };
}

/** Lattice points for a first comparison of directions. */
export const coarseSize = 2 ** 13;

function askEpsilon(pairs: readonly PairCount[], delta: number, maxSize: number): ReturnType<Ask> {
  const [only] = pairs;
  if (pairs.length === 1 && only && only.count === 1) {
    const lower = singleStepEpsilon(only.pair, delta, 'lower');
    const upper = singleStepEpsilon(only.pair, delta, 'upper');
    return closedForm(lower, upper);
  }
  return { ...epsilonEnclosure(pairs, delta, maxSize), method: 'pld' };
}

function askDelta(pairs: readonly PairCount[], epsilon: number): ReturnType<Ask> {
  const [only] = pairs;
  if (pairs.length === 1 && only && only.count === 1) {
    const lower = singleStepDelta(only.pair, epsilon, 'lower');
    const upper = singleStepDelta(only.pair, epsilon, 'upper');
    return closedForm(lower, upper);
  }
  return { ...deltaEnclosure(pairs, epsilon), method: 'pld' };
}

function closedForm(lower: number, upper: number): ReturnType<Ask> {
  const interval = { lower, estimate: upper === Infinity ? upper : (lower + upper) / 2, upper };
  return { interval, budget: noBudget, grid: noGrid, method: 'closed-form' };
}

/** delta = 0: the largest loss of every leaf, added up. */
function pureEpsilon(leaves: readonly Leaf[], relation: Relation): Found {
  let largest = 0;
  for (const direction of directionsOf(relation)) {
    const pairs = pairsOf(leaves, relation, direction);
    if (!pairs || infiniteMass(pairs) > 0) return trivial(Infinity);
    const total = pairs.reduce((sum, { pair, count }) => sum + count * largestLoss(pair), 0);
    largest = Math.max(largest, total);
  }
  return { ...trivial(largest), method: 'closed-form' };
}
