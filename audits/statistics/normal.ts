import { epsilonOf, logNormalTail, normalTail } from '../../privacy/index.ts';

/** Rational approximations of the normal quantile, centre and tail, to 1.2e-9 (P. J. Acklam, 2003). */
const centre = {
  over: [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
    2.506628277459239,
  ],
  under: [
    -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1,
  ],
} as const;
const tail = {
  over: [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ],
  under: [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
} as const;

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}

/** Phi(x), the standard normal distribution function. */
export function normalCdf(x: number): number {
  return normalTail(-x);
}

/** Phi^-1(p), to about 1e-15: Acklam's approximation and one step of Halley's method. */
export function normalQuantile(p: number): number {
  if (p <= 0) return -Infinity;
  if (p >= 1) return Infinity;
  if (p > 0.5) return -normalQuantile(1 - p);
  const start = p < 0.02425 ? lowerTail(p) : central(p);
  if (start < -37.5) return start;
  const error = normalTail(-start) - p;
  const step = error * Math.sqrt(2 * Math.PI) * Math.exp((start * start) / 2);
  return start - step / (1 + (start * step) / 2);
}

function central(p: number): number {
  const q = p - 0.5;
  return (polynomial(centre.over, q * q) * q) / polynomial(centre.under, q * q);
}

function lowerTail(p: number): number {
  const q = Math.sqrt(-2 * Math.log(p));
  return polynomial(tail.over, q) / polynomial(tail.under, q);
}

/** log of the normal density. */
export function logNormalDensity(x: number, mean: number, deviation: number): number {
  const z = (x - mean) / deviation;
  return -0.5 * z * z - Math.log(deviation) - 0.5 * Math.log(2 * Math.PI);
}

/**
 * The epsilon that a mu-GDP mechanism has at `delta` (Dong, Roth, Su, arXiv:1905.02383, corollary 2.13), from below.
 * @param mu - 0 or more
 */
export function epsilonOfMu(mu: number, delta: number): number {
  if (!(mu > 0)) return 0;
  // Beyond this the mechanism hides nothing, and the accountant need not be asked.
  if (mu > 1e6) return Infinity;
  const gaussian = { kind: 'gaussian', noiseMultiplier: 1 / mu } as const;
  return epsilonOf(gaussian, { delta, relation: 'add-or-remove-one' }).epsilon.lower;
}

/** The least mu whose epsilon at `delta` is `epsilon`: the Gaussian mechanism that a claim of (epsilon, delta) allows. */
export function muOfEpsilon(epsilon: number, delta: number): number {
  const excess = (mu: number): number =>
    normalTail(epsilon / mu - mu / 2) - Math.exp(epsilon + logNormalTail(epsilon / mu + mu / 2)) - delta;
  let [low, high] = [0, 1];
  while (excess(high) < 0 && high < 1e6) high *= 2;
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (excess(middle) < 0) low = middle;
    else high = middle;
  }
  return low;
}
