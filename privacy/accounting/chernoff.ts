import type { Factor } from './convolution.ts';
import { exp } from './elementary.ts';
import { logMoment } from './lattice.ts';
import type { Lattice } from './lattice.ts';

/** log E e^(t loss) of a composition of lattices, at orders below and above 0: the larger of the two bounds'. */
export type MomentTable = readonly { readonly t: number; readonly log: number }[];

/** Fractions of the order that is best for smooth tails: rounding to a lattice and noise call for smaller ones. */
const orders = [1, 0.6, 0.3, 0.1, 0.03, 0.01] as const;
/** Largest change of e^(t loss) from one lattice point to the next, in nats: enough for any bound, and no overflow. */
const steepest = 20;

export function momentsOf(
  factors: readonly Factor[],
  width: number,
  lowT: number,
  highT: number,
): MomentTable {
  const limit = steepest / width;
  return [Math.max(lowT, -limit), Math.min(highT, limit)].flatMap((best) =>
    orders.map((order) => {
      const t = best * order;
      let upper = 0;
      let lower = 0;
      for (const factor of factors) {
        if (factor.upperCount > 0) upper += factor.upperCount * logMoment(factor.upper, width, t);
        if (factor.lowerCount > 0) lower += factor.lowerCount * logMoment(factor.lower, width, t);
      }
      return { t, log: Math.max(upper, lower) };
    }),
  );
}

/** Losses below and above which a composition has at most e^-margin of its mass each (Chernoff). */
export function edgesOf(
  moments: MomentTable,
  margin: number,
): { readonly low: number; readonly high: number } {
  let low = -Infinity;
  let high = Infinity;
  for (const { t, log } of moments) {
    const edge = (log + margin) / t;
    if (t < 0) low = Math.max(low, edge);
    else high = Math.min(high, edge);
  }
  return { low, high };
}

/** Bounds of the mass below `low` and above `high`. */
export function massOutside(
  moments: MomentTable,
  low: number,
  high: number,
): { readonly below: number; readonly above: number } {
  let below = 0;
  let above = 0;
  for (const { t, log } of moments) {
    if (t < 0) below = Math.min(below, log - t * low);
    else above = Math.min(above, log - t * high);
  }
  return { below: 1.01 * exp(below), above: 1.01 * exp(above) };
}

/**
 * The points from .. to - 1, each moved by what its rounding may be, but (going up) not above what Chernoff's bound
 * allows it: else noise in the tails would look like rare large losses to the next composition.
 */
export function trim(
  lattice: Lattice,
  from: number,
  to: number,
  error: number,
  moments: MomentTable,
  width: number,
): Lattice {
  const mass = lattice.mass.slice(from - lattice.first, to - lattice.first);
  for (let k = 0; k < mass.length; k++) mass[k] = Math.max(0, mass[k]! + error);
  if (error < 0) return { first: from, mass };
  for (const { t, log } of moments) {
    // The bound at the outer end of each point's cell, 1.01 for the rounding of its growth.
    let cap = 1.01 * exp(log - t * (t > 0 ? to : from) * width + Math.abs(t) * width);
    const grow = exp(Math.abs(t) * width);
    for (let n = 0; n < mass.length && cap < 1; n++) {
      const k = t > 0 ? mass.length - 1 - n : n;
      mass[k] = Math.min(mass[k]!, cap);
      cap *= grow;
    }
  }
  return { first: from, mass };
}
