import { exp, expm1, log } from './elementary.ts';
import type { Cells } from './cells.ts';

/**
 * A distribution of the privacy loss on lattice points k * width, from k = `first`, as tilted masses. One that is
 * `pessimistic` belongs to a pair that dominates the true one, an `optimistic` one to a pair that the true one
 * dominates, up to the mass that the caller accounts for as lost.
 */
export type Lattice = { readonly first: number; readonly mass: Float64Array };

/** Each cell's mass goes to its two ends: the dominating pair of `Cells`. */
export function pessimistic(cells: Cells, width: number, tilt: number): Lattice {
  const size = cells.up.length;
  const mass = new Float64Array(size + 1);
  const raise = exp(tilt * width);
  for (let k = 0; k < size; k++) {
    mass[k]! += cells.down[k]!;
    mass[k + 1]! += cells.up[k]! * raise;
  }
  return { first: cells.first, mass };
}

/**
 * A pair dominated by the one in `cells`, by merging outcomes (data processing). Point k takes a share a_k of cell
 * k - 1, below it, and what point k + 1 leaves of cell k, above it, such that P / Q of the merged outcome is at least
 * e^(kh), and so counts as kh:
 *   (1 - a_(k+1)) up_k (1 - e^-h) >= a_k down_(k-1) (e^h - 1)     (both sides are differences P - e^(kh) Q)
 * With r_k = e^h down_(k-1) / up_k the rule is r_k a_k + a_(k+1) <= 1. For a constant r its best solution is
 * 1 / (1 + r); going up, each share takes what that leaves to its successor, or less where the last one took more. For
 * smooth densities the bound is of second order in h; it is valid for all.
 */
export function optimistic(cells: Cells, width: number, tilt: number): Lattice {
  const size = cells.up.length;
  const mass = new Float64Array(size + 1);
  const raise = exp(tilt * width);
  // Masses are stored with the tilt of their own lower end. The excess covers the cells' errors, to the safe side.
  const scale = exp((1 + tilt) * width) * (1 + 1e-11);
  const ratio = (k: number): number => {
    if (k > size || k < 1) return 0;
    const down = cells.down[k - 1]!;
    const needed = scale * (down + 1e-13 * (down + cells.up[k - 1]!));
    return needed > 0 ? needed / (k < size ? cells.up[k]! : 0) : 0;
  };
  let share = 0;
  let current = 0;
  let next = ratio(1);
  for (let k = 0; k < size; k++) {
    const afterNext = ratio(k + 2);
    const left = afterNext === Infinity ? 1 : afterNext / (1 + afterNext);
    const room = 1 - (current === Infinity ? 0 : current * share);
    const taken = next === Infinity ? 0 : Math.max(0, Math.min(1, room, next > 0 ? left / next : 1));
    const whole = cells.up[k]! + cells.down[k]!;
    mass[k]! += (1 - taken) * whole;
    mass[k + 1]! += taken * raise * whole;
    share = taken;
    current = next;
    next = afterNext;
  }
  return { first: cells.first, mass };
}

/** The cells of width `factor` * `width` that hold a lattice's points. */
export function regroup(lattice: Lattice, width: number, factor: number, tilt: number): Cells {
  const first = Math.floor(lattice.first / factor);
  const last = Math.floor((lattice.first + lattice.mass.length - 1) / factor);
  const up = new Float64Array(last - first + 1);
  const down = new Float64Array(last - first + 1);
  const goesUp = new Float64Array(factor);
  const goesDown = new Float64Array(factor);
  for (let n = 0; n < factor; n++) {
    const share = expm1(-n * width) / expm1(-factor * width);
    const lower = exp(-tilt * n * width);
    goesUp[n] = lower * share;
    goesDown[n] = lower * (1 - share);
  }
  let cell = 0;
  let within = lattice.first - first * factor;
  for (let k = 0; k < lattice.mass.length; k++) {
    up[cell]! += lattice.mass[k]! * goesUp[within]!;
    down[cell]! += lattice.mass[k]! * goesDown[within]!;
    if (++within === factor) {
      within = 0;
      cell++;
    }
  }
  return { first, up, down };
}

/**
 * log of sum mass_k e^(t k width): the moment that bounds what lies beyond a window. Weights are taken relative to the
 * end where they are largest; those that underflow are bounded by 1e-300.
 */
export function logMoment(lattice: Lattice, width: number, t: number): number {
  const { first, mass } = lattice;
  const ratio = exp(-Math.abs(t) * width);
  const last = mass.length - 1;
  let weight = 1;
  let sum = 0;
  let total = 0;
  for (let k = 0; k <= last; k++) {
    const value = mass[t < 0 ? k : last - k]!;
    sum += value * weight;
    total += value;
    weight *= ratio;
  }
  return log(sum + 1e-300 * total) + t * (t < 0 ? first : first + last) * width;
}
