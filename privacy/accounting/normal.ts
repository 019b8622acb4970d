import { exp, log, log1p } from './elementary.ts';

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

/** Scaled complementary error function e^(x^2) erfc(x), x >= 0. */
export function erfcx(x: number): number {
  if (x > 1e8) return 0.5641895835477563 / x;
  const t = (x - 3.75) / (x + 3.75);
  let b1 = 0;
  let b2 = 0;
  for (let k = coefficients.length - 1; k > 0; k--) {
    const b = 2 * t * b1 - b2 + coefficients[k]!;
    b2 = b1;
    b1 = b;
  }
  return (t * b1 - b2 + coefficients[0]) / (1 + 2 * x);
}

/** e^(-x^2): the square is split, so that its rounding does not reach the exponent. */
function expMinusSquare(x: number): number {
  const high = Math.fround(x);
  return exp(-high * high) * exp(-(x - high) * (x + high));
}

/** Error function for |x| <= 0.5, by its Taylor series. */
function erfSmall(x: number): number {
  const z = -x * x;
  let term = 1;
  let sum = 0;
  for (let n = 1; n <= 14; n++) {
    term *= z / n;
    sum += term / (2 * n + 1);
  }
  return 1.1283791670955126 * (x + x * sum);
}

/** Complementary error function. */
export function erfc(x: number): number {
  if (x < 0.5) return x > -0.5 ? 1 - erfSmall(x) : 2 - erfc(-x);
  return x > 28 ? 0 : expMinusSquare(x) * erfcx(x);
}

/** P(N(0, 1) > x). */
export function normalTail(x: number): number {
  if (x < 0) return 1 - normalTail(-x);
  if (x > 40) return 0;
  const high = Math.fround(x);
  const density = exp(-0.5 * high * high) * exp(-0.5 * (x - high) * (x + high));
  return 0.5 * density * erfcx(x * Math.SQRT1_2);
}

/** log P(N(0, 1) > x), for any x. */
export function logNormalTail(x: number): number {
  if (x < 1) return x < -38.5 ? 0 : log1p(-normalTail(-x));
  return -0.5 * x * x + log(0.5 * erfcx(x * Math.SQRT1_2));
}

/** Mills' ratio P(N(0, 1) > x) / density(x), x >= 0. */
export function millsRatio(x: number): number {
  return 1.2533141373155003 * erfcx(x * Math.SQRT1_2);
}

/** log of the density of N(0, 1). */
export function logNormalDensity(x: number): number {
  return -0.5 * x * x - 0.9189385332046727;
}
