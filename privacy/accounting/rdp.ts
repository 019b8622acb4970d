import { UnsupportedEventError } from '../errors.ts';
import { cumulantOf } from './cumulant.ts';
import { directionsOf, dominatingPair } from './dominating.ts';
import type { PairDirection } from './dominating.ts';
import { exp, expm1, log, log1p } from './elementary.ts';
import type { DpEvent, Relation } from './events.ts';
import { leavesOf } from './leaves.ts';
import type { Leaf } from './leaves.ts';
import { lossAt } from './pairs.ts';
import type { LossPair } from './pairs.ts';
import { repeatedRdp } from './repetition.ts';
import type { RdpFunction } from './repetition.ts';

/** Quadrature error allowed for in a divergence from `cumulantOf`, relative and absolute. */
const slack = 1e-9;

/**
 * Renyi divergence of a composition in one direction. Orders are continuous; where a leaf is known only at some orders,
 * others take the next larger one's bound (divergences rise with the order).
 */
export function rdpOf(leaves: readonly Leaf[], relation: Relation, direction: PairDirection): RdpFunction {
  const parts = leaves.map(({ event, count }) => {
    const bound = leafRdp(event, relation, direction);
    return (order: number): number => count * bound(order);
  });
  return (order) => parts.reduce((total, part) => total + part(order), 0);
}

function leafRdp(event: DpEvent, relation: Relation, direction: PairDirection): RdpFunction {
  switch (event.kind) {
    case 'zcdp':
      return (order) => (event.xi ?? 0) + event.rho * order;
    case 'rdp-curve':
      return (order) => {
        let best = Infinity;
        event.orders.forEach((known, k) => {
          if (known >= order) best = Math.min(best, event.rdp[k]!);
        });
        return best;
      };
    case 'exponential':
      return (order) => Math.min(boundedRange(event.epsilon, order), pureRdp(event.epsilon, order));
    case 'permute-and-flip':
      return (order) => pureRdp(event.epsilon, order);
    case 'repeat-and-select': {
      const leaves = leavesOf(event.event, relation);
      const either = directionsOf(relation).map((one) => rdpOf(leaves, relation, one));
      return repeatedRdp(event, rdpOf(leaves, relation, direction), (order) =>
        Math.max(...either.map((bound) => bound(order))),
      );
    }
    case 'ranked-selection':
      return leafRdp(event.event, 'replace-one', 'replace');
    case 'one-of': {
      // Quasi-convexity (van Erven and Harremoes 2014, theorem 13): a mixture diverges no more than its worst part.
      const bounds = event.events.map((part) => rdpOf(leavesOf(part, relation), relation, direction));
      return (order) => Math.max(0, ...bounds.map((bound) => bound(order)));
    }
    default: {
      const pair = dominatingPair(event, relation, direction);
      if (!pair) {
        throw new UnsupportedEventError(
          `event=${event.kind}: no accountant here bounds it under relation=${relation}. Bound it by zcdp, ` +
            'rdp-curve or epsilon-delta.',
        );
      }
      if (pair.infinite > 0) return () => Infinity;
      const cumulant = cumulantOf(withoutFlatPieces(pair));
      return (order) => {
        const value = (cumulant(order - 1).value / (order - 1)) * (1 + slack) + slack * 1e-3;
        return Number.isNaN(value) ? Infinity : Math.max(0, value);
      };
    }
  }
}

const flatParts = 2048;

/**
 * A pair with larger moments of every positive order, without pieces of bounded losses (Laplace): quadrature misses how
 * steep e^(tL) becomes there at high orders. Each part's mass gets the loss of its upper end.
 */
function withoutFlatPieces(pair: LossPair): LossPair {
  const flat = pair.pieces.filter((piece) => piece.curvature === 0);
  if (flat.length === 0) return pair;
  const atoms = flat.flatMap((piece) => {
    const at = (k: number): number => piece.from + ((piece.to - piece.from) * k) / flatParts;
    return Array.from({ length: flatParts }, (_, k) => ({
      mass: piece.p.reduce(
        (sum, { log: height, rate }) =>
          sum + (exp(height + rate * at(k)) * expm1(rate * (at(k + 1) - at(k)))) / rate,
        0,
      ),
      loss: lossAt(piece, at(k + 1)),
    }));
  });
  return {
    ...pair,
    pieces: pair.pieces.filter((piece) => piece.curvature === 1),
    atoms: [...pair.atoms, ...atoms],
  };
}

/** Renyi divergence of randomized response with parameter epsilon, which bounds every epsilon-DP mechanism. */
function pureRdp(epsilon: number, order: number): number {
  if (epsilon === 0) return 0;
  // (1 / (a - 1)) log (p^a q^(1-a) + q^a p^(1-a)), p = 1 / (1 + e^-epsilon).
  const excess = (1 - order) * epsilon;
  const value = epsilon + (log1p(exp(-epsilon + 2 * excess)) - log1p(exp(-epsilon))) / (order - 1);
  return Math.min(epsilon, Math.max(0, value));
}

/**
 * Renyi divergence of a mechanism of epsilon-bounded range: the pair of losses t and t - epsilon, at the worst t
 * (Dong, Durfee, Rogers, arXiv:1909.13830; Bun and Steinke's D <= epsilon^2 a / 8 is its limit for small epsilon).
 */
function boundedRange(epsilon: number, order: number): number {
  return Math.min(epsilon, (epsilon * epsilon * order) / 8);
}

/**
 * (epsilon, delta) from a Renyi divergence bound at one order.
 * Reference: Canonne, Kamath, Steinke, arXiv:2004.00010v4, Proposition 12; Asoodeh et al., arXiv:2008.06529, Lemma 1.
 */
export function epsilonFromRdp(order: number, rdp: number, delta: number): number {
  const value = rdp + log1p(-1 / order) - (log(delta) + log(order)) / (order - 1);
  return Number.isNaN(value) ? Infinity : Math.max(0, value);
}

/** delta from a Renyi divergence bound at one order: the same proposition, solved for delta. */
export function deltaFromRdp(order: number, rdp: number, epsilon: number): number {
  const value = (order - 1) * (rdp - epsilon + log1p(-1 / order)) - log(order);
  return Number.isNaN(value) ? 1 : Math.min(1, exp(value), Math.sqrt(Math.max(0, -expm1(-rdp))));
}

/** Orders known exactly to some leaf: the continuous search must not step over them. */
export function listedOrders(leaves: readonly Leaf[]): number[] {
  return leaves.flatMap(({ event }) => (event.kind === 'rdp-curve' ? event.orders : []));
}

/** Least value of `f` over orders above 1: a scan in log(order - 1), then golden section. */
export function minimiseOverOrders(
  f: (order: number) => number,
  listed: readonly number[],
): { readonly order: number; readonly value: number } {
  let best = { order: 2, value: f(2) };
  for (const order of listed) {
    const value = f(order);
    if (value < best.value) best = { order, value };
  }
  const at = (t: number): number => {
    const order = 1 + exp(t);
    const value = f(order);
    if (value < best.value) best = { order, value };
    return value;
  };
  let centre = 0;
  let least = Infinity;
  for (let t = -9, rises = 0; t <= 14 && rises < 3; t += 1) {
    const value = at(t);
    rises = value > least ? rises + 1 : 0;
    if (value < least) {
      least = value;
      centre = t;
    }
  }
  const golden = (Math.sqrt(5) - 1) / 2;
  let low = centre - 1;
  let high = centre + 1;
  let a = high - golden * (high - low);
  let b = low + golden * (high - low);
  let fa = at(a);
  let fb = at(b);
  for (let k = 0; k < 14; k++) {
    if (fa < fb) {
      high = b;
      b = a;
      fb = fa;
      a = high - golden * (high - low);
      fa = at(a);
    } else {
      low = a;
      a = b;
      fa = fb;
      b = low + golden * (high - low);
      fb = at(b);
    }
  }
  return best;
}
