import { canonicalHash } from '../canonical-json.ts';
import type { DpEvent, Relation } from './events.ts';

/** Changes when any answer may change; it is part of the digest. */
export const accountantVersion = '2';

/** Certified enclosure with the best guess inside it. `upper` is what training enforces. */
export type Interval = { readonly lower: number; readonly estimate: number; readonly upper: number };

/** Which of the two neighbours plays the first part of the divergence; `both` when they coincide. */
export type Direction = 'remove' | 'add' | 'replace' | 'both';

export type Method = 'closed-form' | 'contour' | 'pld' | 'rdp' | 'zcdp' | 'monte-carlo' | 'trivial';

/**
 * Where the width of the interval comes from, each as an absolute probability (a part of delta) that was added to
 * the upper and taken from the lower bound; `discretisation` is in nats, the width that a lattice leaves. (A contour's
 * quadrature over outcomes is part of `rounding`; aliasing only lowers its lower end.)
 */
export type Budget = {
  readonly discretisation: number;
  readonly truncation: number;
  readonly aliasing: number;
  readonly rounding: number;
};

/**
 * The grid that the answer was computed on. `pld`: cells of the loss, their width in nats, exponential tilt. `contour`:
 * frequencies, their distance in 1 / nats, real part of the contour.
 */
export type Grid = { readonly cells: number; readonly width: number; readonly tilt: number };

export type Answer = {
  readonly epsilon: Interval;
  readonly delta: number;
  readonly relation: Relation;
  readonly direction: Direction;
  readonly method: Method;
  readonly budget: Budget;
  readonly grid: Grid | null;
  readonly version: string;
  readonly digest: string;
};

export type DeltaAnswer = Omit<Answer, 'epsilon' | 'delta'> & {
  readonly epsilon: number;
  readonly delta: Interval;
};

export const noBudget: Budget = { discretisation: 0, truncation: 0, aliasing: 0, rounding: 0 };

/** SHA-256 of the question (event, relation, query, version), so that an answer can be tied to it. */
export function digestOf(
  event: DpEvent,
  relation: Relation,
  query: Readonly<Record<string, number>>,
): string {
  return canonicalHash({ event, relation, query, version: accountantVersion });
}
