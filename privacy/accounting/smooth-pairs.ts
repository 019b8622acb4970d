import { logMixture } from './discrete-pairs.ts';
import { exp, log, log1p } from './elementary.ts';
import type { Atom, LossPair, SmoothPiece, Term } from './pairs.ts';
import { halfLogTwoPi } from './tails.ts';

/** A unit Gaussian of a mixture. */
export type Component = readonly [weight: number, centre: number];

/** Mixtures of unit Gaussians, P centred at or above 0, Q at or below. */
export function gaussianMixture(p: readonly Component[], q: readonly Component[]): LossPair {
  const terms = (components: readonly Component[]): Term[] =>
    components
      .filter(([weight]) => weight > 0)
      .map(([weight, centre]) => ({
        log: log(weight) - 0.5 * centre * centre - halfLogTwoPi,
        rate: centre,
        weight,
      }));
  const piece: SmoothPiece = { curvature: 1, p: terms(p), q: terms(q), from: -Infinity, to: Infinity };
  return { pieces: [piece], atoms: [], infinite: 0 };
}

/** (1 - rate) Laplace(0, b) + rate Laplace(1, b) against Laplace(0, b): constant loss outside [0, 1]. */
export function laplace(rate: number, b: number): LossPair {
  const outside = (shift: number): number => log(1 - rate + rate * exp(shift / b));
  const rest = rate < 1 ? [{ log: log1p(-rate) - log(2), rate: -1, weight: 1 - rate }] : [];
  // In units of the scale b.
  const width = 1 / b;
  const piece: SmoothPiece = {
    curvature: 0,
    p: [...rest, { log: log(rate) - log(2) - width, rate: 1, weight: rate }],
    q: [{ log: -log(2), rate: -1, weight: 1 }],
    from: 0,
    to: width,
  };
  const lowest = rate < 1 ? outside(-1) : -width;
  const highest = rate < 1 ? logMixture(rate, width) : width;
  const atoms: Atom[] = [
    { mass: 0.5 * exp(lowest), loss: lowest },
    { mass: 0.5 * exp(highest - width), loss: highest },
  ];
  return { pieces: [piece], atoms, infinite: 0 };
}

/**
 * (1 - rate) Laplace(0, b) + rate Laplace(1, b) against (1 - rate) Laplace(0, b) + rate Laplace(-1, b), rate < 1: a
 * scalar query of a sampled unit that is replaced. Constant loss outside [-1, 1], and mirrored at 0.
 */
export function replacedLaplace(rate: number, b: number): LossPair {
  const width = 1 / b;
  const high = logMixture(rate, width);
  const low = log1p(-rate * (1 - exp(-width)));
  const own = log1p(-rate) - log(2);
  const other = log(rate) - log(2) - width;
  // Right of 0 the densities are e^-x / 2 times 1 - rate + rate e^(2x - width) and 1 - rate + rate e^-width.
  const right: SmoothPiece = {
    curvature: 0,
    p: [
      { log: own, rate: -1, weight: 1 - rate },
      { log: other, rate: 1, weight: rate },
    ],
    q: [{ log: low - log(2), rate: -1, weight: 1 }],
    from: 0,
    to: width,
  };
  const [left] = swapped({ pieces: [right], atoms: [], infinite: 0 }).pieces;
  const atoms: Atom[] = [
    { mass: 0.5 * exp(low - width), loss: low - high },
    { mass: 0.5 * exp(high - width), loss: high - low },
  ];
  return { pieces: [left!, right], atoms, infinite: 0 };
}

function mirrored(terms: readonly Term[]): Term[] {
  return terms.map((term) => ({ ...term, rate: term.rate === 0 ? 0 : -term.rate }));
}

/** The pair (Q, P). Both must have the same support. */
export function swapped(pair: LossPair): LossPair {
  return {
    pieces: pair.pieces.map((piece) => ({
      curvature: piece.curvature,
      p: mirrored(piece.q),
      q: mirrored(piece.p),
      from: -piece.to,
      to: -piece.from,
    })),
    atoms: pair.atoms.map(({ mass, loss }) => ({ mass: mass * exp(-loss), loss: -loss })),
    infinite: pair.infinite,
  };
}

/** No difference at all. */
export const identicalPair: LossPair = { pieces: [], atoms: [{ mass: 1, loss: 0 }], infinite: 0 };

/** One of several pairs, chosen with the given weights independently of the data; which one is known. */
export function mixed(parts: readonly (readonly [weight: number, pair: LossPair])[]): LossPair {
  const pieces: SmoothPiece[] = [];
  const atoms: Atom[] = [];
  let infinite = 0;
  for (const [weight, pair] of parts) {
    if (weight === 0) continue;
    const scaled = (terms: readonly Term[]): Term[] =>
      terms.map((term) => ({ ...term, log: term.log + log(weight), weight: term.weight * weight }));
    pieces.push(...pair.pieces.map((piece) => ({ ...piece, p: scaled(piece.p), q: scaled(piece.q) })));
    atoms.push(...pair.atoms.map(({ mass, loss }) => ({ mass: mass * weight, loss })));
    infinite += weight * pair.infinite;
  }
  return { pieces, atoms, infinite };
}
