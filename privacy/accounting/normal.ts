import { exp, expm1, log, log1p } from './elementary.ts';

/**
 * Chebyshev coefficients of (1 + 2x) erfcx(x) in t = (x - 3.75) / (x + 3.75), x >= 0 (the map of Schonfelder, Math.
 * Comp. 32, 1978), computed with 60 digits (test/golden/accounting/elementary.py). The first is halved.
 */
const coefficients = [
  1.1775789345674017, -0.004590054580646478, -0.08424913336651792, 0.05920993999819189, -0.026658668435305753,
  0.009074997670705265, -0.002413163540417608, 0.0004907758365258086, -6.916973302501207e-5,
  4.13902798607301e-6, 7.74038306619849e-7, -2.1886401049234394e-7, 1.0764999465670912e-8,
  4.521959811218287e-9, -7.754400208831351e-10, -6.318088340886684e-11, 2.86879501093067e-11,
  1.9455868545777347e-13, -9.65469674843344e-13, 3.25254814814874e-14, 3.3478119482868056e-14,
  -1.864562880419313e-15, -1.2507950530688648e-15, 7.418235256624044e-17, 5.068148904796111e-17,
  -2.2370566594359995e-18, -2.187342944303018e-18, 2.6766327399258762e-20, 9.736561401741451e-20,
] as const;

/** A number as the sum of a double and a correction far below it. */
type Pair = readonly [high: number, low: number];

/** What the rounded product of a and b lost (Dekker 1971): factors below 2^995. */
function productError(a: number, b: number, product: number): number {
  const scaledA = 134217729 * a;
  const aHigh = scaledA - (scaledA - a);
  const aLow = a - aHigh;
  const scaledB = 134217729 * b;
  const bHigh = scaledB - (scaledB - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

/** The part of the first coefficient below its double. */
const firstLow = 5.1306823190208525e-17;

/** e^(x^2) erfc(x), 0 <= x <= 1e8: Clenshaw's recurrence, its last sum and the division by 1 + 2x with corrections. */
function erfcxPair(x: number): Pair {
  const t = (x - 3.75) / (x + 3.75);
  let b1 = 0;
  let b2 = 0;
  for (let k = coefficients.length - 1; k > 0; k--) {
    const b = 2 * t * b1 - b2 + coefficients[k]!;
    b2 = b1;
    b1 = b;
  }
  const rest = t * b1 - b2;
  const sum = coefficients[0] + rest;
  const sumLow = rest - (sum - coefficients[0]) + firstLow;
  const divisor = 1 + 2 * x;
  const divisorLow = x < 0.5 ? 2 * x - (divisor - 1) : 1 - (divisor - 2 * x);
  const quotient = sum / divisor;
  const product = quotient * divisor;
  const remainder = sum - product - productError(quotient, divisor, product);
  return [quotient, (remainder + sumLow - quotient * divisorLow) / divisor];
}

/** Scaled complementary error function e^(x^2) erfc(x), x >= 0. */
export function erfcx(x: number): number {
  if (x > 1e8) return 0.5641895835477563 / x;
  const [high, low] = erfcxPair(x);
  return high + low;
}

/** e^(-scale x^2) times a pair, scale 1 or 1/2: the square is split, so that its rounding does not reach the exponent. */
function timesGaussian([high, low]: Pair, x: number, scale: number): number {
  const xHigh = Math.fround(x);
  const main = exp(-scale * xHigh * xHigh);
  const change = expm1(-scale * (x - xHigh) * (x + xHigh));
  return main * high + main * (change * high + low);
}

/** Error function for |x| <= 0.7, by its Taylor series. */
function erfSmall(x: number): number {
  const z = -x * x;
  let term = 1;
  let sum = 0;
  for (let n = 1; n <= 17; n++) {
    term *= z / n;
    sum += term / (2 * n + 1);
  }
  return 1.1283791670955126 * (x + x * sum);
}

/** Complementary error function. */
export function erfc(x: number): number {
  if (x < 0.7) return x > -0.7 ? 1 - erfSmall(x) : 2 - erfc(-x);
  return x > 28 ? 0 : timesGaussian(erfcxPair(x), x, 1);
}

/** P(N(0, 1) > x). */
export function normalTail(x: number): number {
  if (x < 0.9) return x > -0.9 ? 0.5 - 0.5 * erfSmall(x * Math.SQRT1_2) : 1 - normalTail(-x);
  if (x > 40) return 0;
  return 0.5 * timesGaussian(erfcxPair(x * Math.SQRT1_2), x, 0.5);
}

/** log P(N(0, 1) > x), for any x. */
export function logNormalTail(x: number): number {
  if (x < -38.5) return 0;
  if (x < 0) return log1p(-normalTail(-x));
  if (x < 5) return log(normalTail(x));
  return -0.5 * x * x + log(0.5 * erfcx(x * Math.SQRT1_2));
}

/** Mills' ratio P(N(0, 1) > x) / density(x), x >= 0. */
export function millsRatio(x: number): number {
  return 1.2533141373155003 * erfcx(x * Math.SQRT1_2);
}
