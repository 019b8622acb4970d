import { log } from './elementary.ts';
import type { Cumulant, CumulantFunction } from './cumulant.ts';

/** A sum of independent losses: cumulants, each times its count. */
export type Summand = { readonly cumulant: CumulantFunction; readonly count: number };

export function totalCumulant(summands: readonly Summand[]): CumulantFunction {
  return (t) => {
    const total = { value: 0, mean: 0, variance: 0 };
    for (const { cumulant, count } of summands) {
      const part: Cumulant = cumulant(t);
      total.value += count * part.value;
      total.mean += count * part.mean;
      total.variance += count * part.variance;
    }
    return total;
  };
}

/** An edge beyond which the tilted distribution has mass at most e^-nats, and the order t that shows it. */
export type Edge = { readonly loss: number; readonly t: number };

/**
 * Chernoff: P_tilted(S >= b) <= exp(K(tilt + t) - K(tilt) - t b). The least such b for e^-nats solves
 * t K'(tilt + t) - (K(tilt + t) - K(tilt)) = nats, whose left side rises with t. (t < 0 for the lower edge.)
 */
export function edgeOf(
  cumulant: CumulantFunction,
  tilt: number,
  nats: number,
  side: 1 | -1,
  search: { readonly start?: number; readonly tolerance: number } = { tolerance: 0.02 },
): Edge {
  const base = cumulant(tilt);
  const excess = (size: number): { gap: number; loss: number; newton: number } => {
    const t = side * size;
    const at = cumulant(tilt + t);
    const rise = at.value - base.value;
    const gap = t * at.mean - rise - nats;
    const newton = size - gap / (size * at.variance);
    return { gap: Number.isNaN(gap) ? Infinity : gap, loss: (rise + nats) / t, newton };
  };
  let low = 0;
  let high = Infinity;
  const usual = Math.sqrt((2 * nats) / Math.max(base.variance, 1e-300));
  let size = search.start ?? usual;
  // Where the loss is bounded the best order is infinite: this one shows nearly as much.
  const largest = 64 * usual;
  let best: Edge = { loss: side * Infinity, t: side * size };
  for (let k = 0; k < 60; k++) {
    const { gap, loss, newton } = excess(size);
    if (side * loss < side * best.loss) best = { loss, t: side * size };
    if (Math.abs(gap) < search.tolerance * nats) break;
    if (gap > 0) high = size;
    else low = size;
    if (newton > Math.max(low, size / 4) && newton < Math.min(high, size * 4)) size = newton;
    else size = high === Infinity ? size * 2 : low === 0 ? size / 2 : Math.sqrt(low * high);
    if (high / low < 1.001 || size > largest) break;
  }
  return best;
}

/** The saddle point of the tail: tilt and the epsilon that it belongs to. */
export type Saddle = { readonly tilt: number; readonly epsilon: number; readonly logDelta: number };

/**
 * First-order saddle point for delta(epsilon) (Alghamdi et al., arXiv:2208.09595; Butler 2007):
 *   log delta = K(t) - t epsilon - log(t (t + 1)) - log(2 pi K''(t)) / 2,   K'(t) = epsilon + 1/t + 1/(t + 1)
 * Good to a few per cent: it starts searches and places windows, and is never reported as certified.
 */
export function saddleOf(
  cumulant: CumulantFunction,
  query: { readonly delta: number } | { readonly epsilon: number },
): Saddle {
  const at = (t: number): Saddle & { gap: number } => {
    const { value, mean, variance: spread } = cumulant(t);
    // At the end of a bounded loss the tilted distribution is an exponential one, not a point.
    const variance = Math.max(spread, 1 / (t * t));
    const epsilon = mean - 1 / t - 1 / (t + 1);
    const logDelta = value - t * epsilon - log(t * (t + 1)) - 0.5 * log(2 * Math.PI * variance);
    const gap = 'epsilon' in query ? epsilon - query.epsilon : log(query.delta) - logDelta;
    return { tilt: t, epsilon, logDelta, gap: Number.isNaN(gap) ? Infinity : gap };
  };
  let low = 0;
  let high = Infinity;
  let t = Math.min(1e12, 3 / Math.sqrt(Math.max(cumulant(0).variance, 1e-300)));
  let found = at(t);
  for (let k = 0; k < 60; k++) {
    if (found.gap > 0) high = t;
    else low = t;
    if (high / low < 1.002) break;
    t = high === Infinity ? t * 3 : low === 0 ? t / 3 : Math.sqrt(low * high);
    if (t < 1e-9 || t > 1e15) break;
    found = at(t);
  }
  return found;
}

/** Tilted mass e^-nats outside moves delta by e^(excess - nats) of it at most: nats that leave 10^-8 of delta. */
function outsideFor(excess: number): number {
  return Math.min(35, Math.max(20, excess + 18));
}

export type Tilt = { readonly tilt: number; readonly slope: number; readonly nats: number };

/** The same tilt for an epsilon close by. */
export function tiltNear(chosen: Tilt, cumulant: CumulantFunction, epsilon: number, logDelta: number): Tilt {
  const excess = cumulant(chosen.tilt).value - chosen.tilt * epsilon - logDelta;
  return { ...chosen, nats: outsideFor(excess) };
}

/** The tilt t >= 0 at which Chernoff's bound K(t) - t epsilon is least (within a fifth), and the bound. */
function bestTilt(
  cumulant: CumulantFunction,
  epsilon: number,
  start: number,
): { readonly tilt: number; readonly least: number } {
  const bound = (t: number): number => {
    const value = cumulant(t).value - t * epsilon;
    return Number.isNaN(value) ? Infinity : value;
  };
  let tilt = start;
  let least = bound(tilt);
  for (const factor of [1.25, 0.8]) {
    for (let k = 0; k < 60; k++) {
      const value = bound(tilt * factor);
      if (!(value < least)) break;
      least = value;
      tilt *= factor;
    }
  }
  return { tilt, least };
}

/**
 * The tilt at which to compute delta near `epsilon`. Where Chernoff's bound K(t) - t epsilon is least, rounding is
 * least, but rare large losses may make the window many times wider; smaller tilts narrow it. Chosen: the narrowest
 * window among tilts whose bound is at most `nats` above `logDelta`.
 * @param seen - tilted mass e^-seen may be left outside of the window, if given; else as much as is 10^-8 of delta
 * @returns also the best tilt itself: -d log delta / d epsilon, roughly
 */
export function tiltFor(
  cumulant: CumulantFunction,
  epsilon: number,
  logDelta: number,
  start: number,
  nats: number,
  seen?: number,
): Tilt {
  const { tilt: slope, least } = bestTilt(cumulant, epsilon, start);
  let tilt = slope;
  const limit = Math.max(least + 0.5, logDelta + nats);
  let best = { tilt, slope, nats: seen ?? 35 };
  let narrowest = Infinity;
  const starts = { low: {}, high: {} };
  for (let k = 0, wider = 0; k < 20 && wider < 3; k++, wider++) {
    const value = cumulant(tilt).value - tilt * epsilon;
    if (!(value <= limit)) break;
    const margin = seen ?? outsideFor(value - logDelta);
    const high = edgeOf(cumulant, tilt, margin, 1, { tolerance: 0.1, ...starts.high });
    const low = edgeOf(cumulant, tilt, margin, -1, { tolerance: 0.1, ...starts.low });
    starts.high = { start: high.t };
    starts.low = { start: -low.t };
    const width = high.loss - low.loss;
    if (width < narrowest) {
      narrowest = width;
      wider = 0;
      best = { tilt, slope, nats: margin };
    }
    tilt *= 0.8;
  }
  return best;
}
