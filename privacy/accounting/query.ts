import { InvalidParameterError } from '../errors.ts';
import { accountantVersion, digestOf } from './answer.ts';
import type { Answer, DeltaAnswer, Interval } from './answer.ts';
import { askDelta, askEpsilon, askEpsilonOnLattice, coarseSize } from './asking.ts';
import { bound, boundByRdp, pureEpsilon, trivial } from './bounds.ts';
import type { DpEvent, Relation } from './events.ts';
import { relations } from './events.ts';
import { leavesOf } from './leaves.ts';
import { deltaFromRdp, epsilonFromRdp } from './rdp.ts';

export type EpsilonQuery = { readonly delta: number; readonly relation: Relation };
export type DeltaQuery = { readonly epsilon: number; readonly relation: Relation };

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
        ? pureEpsilon(event, relation)
        : bound(
            event,
            relation,
            (pairs, coarse) => askEpsilon(pairs, delta, coarse ? coarseSize : maxSize),
            (order, rdp) => epsilonFromRdp(order, rdp, delta),
          );
  return {
    epsilon: found.interval,
    delta,
    relation,
    direction: found.direction,
    method: found.method,
    budget: found.budget,
    grid: found.grid.cells > 0 ? found.grid : null,
    version: accountantVersion,
    digest: digestOf(event, relation, { delta }),
  };
}

/**
 * An upper bound from Renyi divergences alone, minimised over orders: a second opinion on other mathematics than the loss
 * distribution's. It is looser, and never below the truth.
 * Reference: Mironov, arXiv:1702.07476; conversion of Canonne, Kamath and Steinke, arXiv:2004.00010, proposition 12.
 * @throws as `epsilonOf`
 */
export function epsilonByRenyi(event: DpEvent, { delta, relation }: EpsilonQuery): number {
  checkRelation(relation);
  if (leavesOf(event, relation).length === 0) return 0;
  return boundByRdp(event, relation, (order, rdp) => epsilonFromRdp(order, rdp, delta)).interval.upper;
}

/**
 * The interval that lattices of losses give without contours: a second opinion from another discretisation, wider.
 * @throws as `epsilonOf`
 */
export function epsilonOnLattice(event: DpEvent, { delta, relation }: EpsilonQuery): Interval {
  checkRelation(relation);
  if (leavesOf(event, relation).length === 0) return trivial(0).interval;
  return bound(
    event,
    relation,
    (pairs, coarse) => askEpsilonOnLattice(pairs, delta, coarse ? coarseSize : Infinity),
    (order, rdp) => epsilonFromRdp(order, rdp, delta),
  ).interval;
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
          event,
          relation,
          (pairs) => askDelta(pairs, epsilon),
          (order, rdp) => deltaFromRdp(order, rdp, epsilon),
        );
  return {
    epsilon,
    delta: found.interval,
    relation,
    direction: found.direction,
    method: found.method,
    budget: found.budget,
    grid: found.grid.cells > 0 ? found.grid : null,
    version: accountantVersion,
    digest: digestOf(event, relation, { epsilon }),
  };
}

export function checkRelation(relation: Relation): void {
  if (!relations.includes(relation)) {
    throw new InvalidParameterError(
      `relation=${JSON.stringify(relation)}: must be one of ${relations.join(', ')}. Most training is add-or-remove-one.`,
    );
  }
}
