import { exp, log } from './elementary.ts';
import { normalTail } from './normal.ts';
import type { Atom, LossPair } from './pairs.ts';
import { contraction, emptyBins, momentsOfRatios, spread, sumOf } from './ratio-sums.ts';
import type { Bins, Ratios } from './ratio-sums.ts';
import type { Side } from './profile.ts';

/** Below this noise a unit's one step is bounded as if it were known: its ratios would overflow. */
export const leastAllocationNoise = 0.05;
/** More steps than this are bounded as this many: choosing among more hides more. */
const maxSteps = 1e8;

/** Bins below the bulk of a sum, evenly in the bulk, and above it. */
const lowBins = 200;
const bulkBins = 1500;
const tailBins = 1300;
/** The bulk: so many standard deviations around the mean. */
const bulkReach = 9;
/** Beyond so many standard deviations of the noise a step's ratio counts as infinite, or as 0: 1e-45 of it. */
const reach = 14;

/** Relative error of one sum's masses (`sumOf`), with at most the square of that many terms; doubled. */
const sumError = (lowBins + bulkBins + tailBins) ** 2 * 2 ** -52;
/** Relative error of the masses of one step, and of a ratio after all sums. */
const stepError = 1e-11;
const ratioError = 2e-12;
/** Above what masses that underflow in a sum can hold of P. */
const underflow = 1e-100;

type Allocation = { readonly upper: Ratios; readonly lower: Ratios; readonly error: number };

const known = new Map<string, Allocation>();
/** Allocations kept. */
const maxKnown = 8;

/**
 * One of `steps` Gaussian steps, chosen uniformly, has the unit: P = mean over i of N(shift e_i), Q = N(0) dominates it,
 * for adaptive steps too (Feldman and Shenfeld, arXiv:2502.08202; Chua et al., arXiv:2412.16802). With
 * y_i = e^(shift x_i - shift^2 / 2) independent under Q, the ratio P / Q is their mean. Its law is summed by repeated
 * doubling, spread outwards for the upper bound and contracted for the lower one.
 */
export function allocationPair(
  steps: number,
  noiseMultiplier: number,
  direction: 'remove' | 'add',
  side: Side,
): LossPair {
  const count = Math.min(steps, maxSteps);
  const shift = 1 / noiseMultiplier;
  const allocation = allocationOf(count, shift);
  const sign = side === 'upper' ? 1 : -1;
  const { value, mass } = allocation[side];
  const scale = exp(sign * count * allocation.error) / count;
  const atoms: Atom[] = [];
  // P(some ratio beyond reach) <= P(x_i > shift + reach for the unit's own step) + count Q(x > shift + reach).
  const beyond = normalTail(reach) + count * normalTail(reach + shift);
  let infinite =
    side === 'lower' ? 0 : underflow + (direction === 'remove' ? beyond : count * normalTail(reach + shift));
  for (let k = 0; k < value.length; k++) {
    const own = mass[k]! * scale * count;
    if (own === 0) continue;
    if (value[k] === 0) {
      if (direction === 'add' && side === 'upper') infinite += own;
      continue;
    }
    const loss = log(value[k]! / count);
    atoms.push(
      direction === 'remove'
        ? { mass: mass[k]! * scale * value[k]!, loss: loss + sign * ratioError }
        : { mass: own, loss: -loss + sign * ratioError },
    );
  }
  return { pieces: [], atoms, infinite };
}

function allocationOf(count: number, shift: number): Allocation {
  const key = `${count} ${shift}`;
  const found = known.get(key);
  if (found) return found;
  const single = stepBins(shift);
  // By the binary digits of the count, from the second: double, then add one where the digit is 1.
  const bits = count.toString(2).slice(1);
  const total = (finish: (bins: Bins) => Ratios): Ratios => {
    const one = finish(single);
    const { variance } = momentsOfRatios(one);
    let sum = one;
    let n = 1;
    for (const bit of bits) {
      n *= 2;
      sum = finish(sumOf(sum, sum, edgesFor(n, shift, variance)));
      if (bit === '0') continue;
      n += 1;
      sum = finish(sumOf(sum, one, edgesFor(n, shift, variance)));
    }
    return sum;
  };
  const allocation = { upper: total(spread), lower: total(contraction), error: stepError + sumError };
  if (known.size >= maxKnown) known.delete(known.keys().next().value!);
  known.set(key, allocation);
  return allocation;
}

/** One step's ratio by bins: Q-mass of x in the bin, and P-mass (x is N(shift, 1)) less the lower end's share. */
function stepBins(shift: number): Bins {
  const bins = emptyBins(edgesFor(1, shift, Infinity));
  const position = (ratio: number): number => log(ratio) / shift + shift / 2;
  for (let k = 0; k < bins.mass.length; k++) {
    const from = k === 0 ? -Infinity : position(bins.edges[k]!);
    const to = position(bins.edges[k + 1]!);
    const q = massBetween(from, to);
    const p = massBetween(from - shift, to - shift);
    bins.mass[k] = q;
    bins.moment[k] = Math.min(q * (bins.edges[k + 1]! - bins.edges[k]!), Math.max(0, p - bins.edges[k]! * q));
  }
  return bins;
}

/** P(from < N(0, 1) <= to), from the side of the nearer tail. */
function massBetween(from: number, to: number): number {
  if (from >= 0) return normalTail(from) - normalTail(to);
  if (to <= 0) return normalTail(-to) - normalTail(-from);
  return 1 - normalTail(-from) - normalTail(to);
}

/**
 * Bins for the sum of n ratios, each with the given variance. A spread-out sum has geometric ones; else they are even in
 * the bulk, and geometric in the distance from the mean above it, where one large ratio adds to n ordinary ones.
 */
function edgesFor(n: number, shift: number, variance: number): Float64Array {
  const largest = n * exp(shift * (reach + shift) - (shift * shift) / 2);
  const deviation = Math.sqrt(n * variance);
  // Sums of positive numbers hardly fall below their mean by more (Bernstein): finer bins there would stay empty.
  const least = Math.max(
    exp(-shift * reach - (shift * shift) / 2),
    n - 14 * Math.sqrt(n * exp(shift * shift)),
  );
  const points: number[] = [0, largest];
  const geometric = (count: number, from: number, to: number, origin: number): void => {
    const step = (log(to) - log(from)) / count;
    for (let k = 0; k < count; k++) points.push(origin + exp(log(from) + step * k));
  };
  if (deviation < n / 3) {
    geometric(lowBins, least, n, 0);
    for (let k = 0; k < bulkBins; k++) points.push(n + deviation * bulkReach * ((2 * k) / bulkBins - 1));
    geometric(tailBins, deviation / 2, largest, n);
  } else geometric(lowBins + bulkBins + tailBins, least, largest, 0);
  const sorted = Float64Array.from(points.filter((point) => point >= 0 && point <= largest)).sort();
  return sorted.filter((point, k) => k === 0 || point > sorted[k - 1]! * (1 + 1e-9));
}
