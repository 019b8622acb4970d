import type { Moment } from './moments.ts';

/** What the second accountant says of an event at one delta. */
export interface SecondOpinion {
  /** Epsilon by inversion of the loss's moment generating function; accurate to `tolerance`, relative. */
  readonly epsilon: number;
  /** Upper bound from Renyi divergences, by the same moments. */
  readonly renyi: number;
  readonly tolerance: number;
}

/** A single sampled step has a loss whose transform decays slowly: its integral is cut at a relative error below this. */
const TOLERANCE = 1e-4;
const MOST_POINTS = 5000;
const SMALLEST_TERM = 1e-7;

/**
 * Epsilon at `delta` without any lattice of losses: the privacy profile is the contour integral
 *   delta(eps) = 1/(2 pi i) Int_{c - i inf}^{c + i inf} exp(K(t) - t eps) / (t (1 + t)) dt,   c > 0,
 * of the log moment generating function K(t) = log E_P[exp(t L)] of the composed loss L, taken along the line through
 * the saddle point, where the integrand does not oscillate much.
 * Reference: Alghamdi et al., "The Saddle-Point Accountant", arXiv:2208.09595, theorem 3.2.
 * @param moments - K of the worst pair in each direction
 * @param delta - 0 < delta < 1
 */
export function epsilonByInversion(moments: readonly Moment[], delta: number): SecondOpinion {
  const renyi = Math.max(...moments.map((moment) => epsilonFromMoment(moment, delta)));
  const epsilon = Math.max(...moments.map((moment) => solve(moment, delta)));
  return { epsilon, renyi, tolerance: TOLERANCE };
}

/** Newton on log delta(eps), whose slope is about -c, from the Renyi bound downwards. */
function solve(moment: Moment, delta: number): number {
  let epsilon = epsilonFromMoment(moment, delta);
  let [low, high] = [0, epsilon];
  if (epsilon === 0 || deltaAt(moment, 0).delta <= delta) return 0;
  for (let round = 0; round < 60; round++) {
    const { delta: found, saddle } = deltaAt(moment, epsilon);
    if (found > delta) low = Math.max(low, epsilon);
    else high = Math.min(high, epsilon);
    const step = found > 0 ? (Math.log(found) - Math.log(delta)) / saddle : -Infinity;
    const next = epsilon + step;
    const inside = next > low && next < high;
    if (Math.abs(step) <= (TOLERANCE / 100) * epsilon) return inside ? next : epsilon;
    epsilon = inside ? next : (low + high) / 2;
  }
  return high;
}

/** delta(eps) and the saddle point c that it was found through. */
function deltaAt(moment: Moment, epsilon: number): { readonly delta: number; readonly saddle: number } {
  const exponent = (c: number): number => moment.value(c) - c * epsilon - Math.log(c) - Math.log1p(c);
  const saddle = Math.exp(minimum((t) => exponent(Math.exp(t)), -12, 12));
  const peak = exponent(saddle);
  // Beyond the largest loss the exponent falls without end.
  if (peak < -700) return { delta: 0, saddle };
  const step = stepOf(exponent, saddle, peak);
  const along = moment.alongLine(saddle);
  let sum = 0.5;
  for (let k = 1, quiet = 0; k < MOST_POINTS && quiet < 30; k++) {
    const s = k * step;
    const [real, imaginary] = along(s);
    // Relative to the integrand at the saddle: exp(K - K(c)) e^(-i s eps) c (1 + c) / ((c + i s)(1 + c + i s)).
    const angle = imaginary - s * epsilon - Math.atan2(s, saddle) - Math.atan2(s, 1 + saddle);
    const size = Math.exp(real) / Math.sqrt((1 + (s / saddle) ** 2) * (1 + (s / (1 + saddle)) ** 2));
    sum += size * Math.cos(angle);
    quiet = size < SMALLEST_TERM ? quiet + 1 : 0;
  }
  return { delta: Math.max(0, (step / Math.PI) * sum * Math.exp(peak)), saddle };
}

/**
 * Step of the trapezoidal rule. It repeats e^(c eps) delta(eps) with period 2 pi / step, so the period must span the loss's
 * tilted spread many times, and e^(-c period) must be small beside delta.
 */
function stepOf(exponent: (c: number) => number, saddle: number, peak: number): number {
  const h = saddle * 1e-3;
  const curvature = (exponent(saddle + h) - 2 * peak + exponent(saddle - h)) / h ** 2;
  const spread = (2 * Math.PI) / (16 * Math.sqrt(Math.max(curvature, 1 / saddle ** 2)));
  return Math.min(spread, (2 * Math.PI * saddle) / (Math.log(1e9) + Math.max(0, -peak)));
}

/** Place of the least value of a convex function, by golden section. */
function minimum(f: (t: number) => number, from: number, to: number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  let [a, b] = [high - golden * (high - low), low + golden * (high - low)];
  let [fa, fb] = [f(a), f(b)];
  for (let k = 0; k < 50; k++) {
    if (fa < fb) {
      [high, b, fb] = [b, a, fa];
      a = high - golden * (high - low);
      fa = f(a);
    } else {
      [low, a, fa] = [a, b, fb];
      b = low + golden * (high - low);
      fb = f(b);
    }
  }
  return (low + high) / 2;
}

/**
 * Least epsilon over the Renyi orders 1 + t:
 *   eps = K(t)/t + log(1 - 1/(1+t)) - (log delta + log(1+t))/t
 * Reference: Canonne, Kamath, Steinke, arXiv:2004.00010v4, proposition 12.
 */
function epsilonFromMoment(moment: Moment, delta: number): number {
  const bound = (t: number): number =>
    moment.value(t) / t + Math.log1p(-1 / (1 + t)) - (Math.log(delta) + Math.log1p(t)) / t;
  const best = minimum((logT) => bound(Math.exp(logT)), -9, 10);
  return Math.max(0, bound(Math.exp(best)));
}
