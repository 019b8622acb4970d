import { InvalidParameterError } from '../../privacy/index.ts';

/** Series of log n! against Stirling's formula: the error term d(n), n > 0 (Loader, "Fast and accurate computation of binomial probabilities", 2000). */
function stirlingError(n: number): number {
  let [correction, at] = [0, n];
  for (; at < 16; at++) correction += (at + 0.5) * Math.log1p(1 / at) - 1;
  const s = 1 / (at * at);
  return correction + (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s / 1188)))) / at;
}

/** x log(x / mean) + mean - x, without cancellation where x is near the mean (Loader 2000). */
function deviance(x: number, mean: number): number {
  const v = (x - mean) / (x + mean);
  if (Math.abs(v) >= 0.1) return x * Math.log(x / mean) + mean - x;
  let sum = (x - mean) * v;
  let term = 2 * x * v;
  for (let j = 1; j < 200; j++) {
    term *= v * v;
    const next = sum + term / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/**
 * log of C(n, x) p^x (1 - p)^(n - x), for real 0 <= x <= n, 0 < p < 1; relative error of the probability about 1e-14.
 * @param complement - 1 - p, given apart because p may be close to 1
 */
export function logBinomial(x: number, n: number, p: number, complement = 1 - p): number {
  if (x < 0 || x > n) return -Infinity;
  if (x === 0) return n * (p < 0.5 ? Math.log1p(-p) : Math.log(complement));
  if (x === n) return n * (complement < 0.5 ? Math.log1p(-complement) : Math.log(p));
  const tails = deviance(x, n * p) + deviance(n - x, n * complement);
  const errors = stirlingError(n) - stirlingError(x) - stirlingError(n - x);
  return errors - tails - 0.5 * Math.log((2 * Math.PI * x * (n - x)) / n);
}

/**
 * Regularised incomplete beta function I_x(a, b), a, b > 0: the distribution function of Beta(a, b). By its continued fraction
 * (Abramowitz and Stegun 26.5.8) on the side where that converges.
 * @returns NaN where it does not converge
 */
export function incompleteBeta(x: number, a: number, b: number, complement = 1 - x): number {
  if (!(x > 0)) return x <= 0 ? 0 : Number.NaN;
  if (!(complement > 0)) return 1;
  if (x * (a + b + 2) > a + 1) return 1 - continuedBeta(complement, b, a, x);
  return continuedBeta(x, a, b, complement);
}

/** Lentz's method, for x below about the mean. */
function continuedBeta(x: number, a: number, b: number, complement: number): number {
  const tiny = 1e-300;
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  const terms = 200 + 20 * Math.ceil(Math.sqrt(Math.max(a, b)));
  for (let k = 1; k <= terms; k++) {
    const even = (k * (b - k) * x) / ((a + 2 * k - 1) * (a + 2 * k));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + k) * (a + b + k) * x) / ((a + 2 * k) * (a + 2 * k + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const change = c * d;
    fraction *= change;
    // x^a (1 - x)^b / (a B(a, b)) = b / (a + b) C(a + b, a) x^a (1 - x)^b.
    if (Math.abs(change - 1) < 1e-15) {
      return (Math.exp(logBinomial(a, a + b, x, complement)) * b * fraction) / (a + b);
    }
  }
  return Number.NaN;
}

/** P[Binomial(n, p) >= k]. */
export function binomialTail(k: number, n: number, p: number, complement = 1 - p): number {
  if (k <= 0) return 1;
  return k > n ? 0 : incompleteBeta(p, k, n - k + 1, complement);
}

/**
 * Clopper and Pearson's upper confidence limit of a probability, from `k` events in `n` independent trials.
 * @param significance - probability that the limit is below the truth, at most
 * @returns 1 where the numbers fail
 */
export function upperRate(k: number, n: number, significance: number): number {
  checkCounts(k, n);
  if (k === n) return 1;
  // P[Binomial(n, p) <= k] falls with p; the limit is where it equals the significance. Newton's method inside a bracket.
  let [low, high, p] = [k / n, 1, (k + 1 + 2 * Math.sqrt(k + 1)) / (n + 2 * Math.sqrt(k + 1) + 1)];
  for (let step = 0; step < 200; step++) {
    const excess = incompleteBeta(1 - p, n - k, k + 1, p) - significance;
    if (excess > 0) low = p;
    else high = p;
    // The density of Beta(k + 1, n - k) at p.
    const slope = (Math.exp(logBinomial(k, n, p)) * (n - k)) / (1 - p);
    const next = p + excess / slope;
    const previous = p;
    p = next > low && next < high ? next : (low + high) / 2;
    if (Number.isNaN(excess)) return 1;
    // Up by more than the rounding of the last step: the limit errs on the safe side.
    if (Math.abs(p - previous) <= 1e-15 * p) return Math.min(1, p * (1 + 1e-14));
  }
  return high;
}

/** The lower limit: one minus the upper limit of the complement. */
export function lowerRate(k: number, n: number, significance: number): number {
  return 1 - upperRate(n - k, n, significance);
}

function checkCounts(k: number, n: number): void {
  if (!(Number.isInteger(k) && Number.isInteger(n) && k >= 0 && n >= 1 && k <= n)) {
    throw new InvalidParameterError(
      `count=${k} of ${n}: must be whole numbers with 0 <= count <= trials, and a trial. Count again.`,
    );
  }
}
