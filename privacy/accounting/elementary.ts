/**
 * Elementary functions of our own. ECMAScript leaves Math.exp and its like to the implementation, so a certificate
 * made with them would differ between machines; +, -, *, / and Math.sqrt are exact IEEE 754 everywhere. Errors against
 * 50-digit tables are below 2 ulp (test/accounting/elementary.test.ts).
 *
 * Method: argument reduction by ln 2 in two parts and Taylor polynomials (Muller, Elementary Functions, 3rd ed., ch. 11).
 */

/** ln 2 in two parts: the first has 32 trailing zero bits, so that k * ln2High is exact for |k| < 2^20. */
const ln2High = 6.9314718036912381649e-1;
const ln2Low = 1.90821492927058770002e-10;
const log2e = 1.4426950408889634;
/** Adding and taking away 1.5 * 2^52 rounds to the nearest integer. */
const roundingShift = 6755399441055744;

/** 2^k for k = -1074 .. 1023, by exact doubling and halving. */
const powersOfTwo = new Float64Array(2098);
for (let k = 0, up = 1; k < 1024; k++, up *= 2) powersOfTwo[k + 1074] = up;
for (let k = 0, down = 1; k <= 1074; k++, down /= 2) powersOfTwo[1074 - k] = down;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** Index of the half that holds sign and exponent. */
const highWord = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/**
 * sum_{n >= 2} r^n / n! for |r| <= 0.35; the first term left out is below 2^-57 of the result. Even and odd powers
 * apart: two short chains of dependent operations take half the time of one long one.
 */
function expTail(r: number): number {
  const z = r * r;
  const even = 1 / 24 + z * (1 / 720 + z * (1 / 40320 + z * (1 / 3628800 + z * (1 / 479001600))));
  const odd =
    1 / 6 + z * (1 / 120 + z * (1 / 5040 + z * (1 / 362880 + z * (1 / 39916800 + z * (1 / 6227020800)))));
  return z * (0.5 + (r * odd + z * even));
}

/** e^x. */
export function exp(x: number): number {
  if (!(x < 709.782712893384)) return x > 0 ? Infinity : x;
  if (x < -745.2) return 0;
  const k = x * log2e + roundingShift - roundingShift;
  const high = x - k * ln2High;
  const low = k * ln2Low;
  const r = high - low;
  const value = 1 + (high + (expTail(r) - low));
  if (k === 1024) return value * 2 * powersOfTwo[1023 + 1074]!;
  if (k < -1022) return value * powersOfTwo[k + 60 + 1074]! * powersOfTwo[1074 - 60]!;
  return value * powersOfTwo[k + 1074]!;
}

/** e^x - 1, without cancellation near 0. */
export function expm1(x: number): number {
  if (x > 0.35 || x < -0.35) return expm1Large(x);
  return x + expTail(x);
}

function expm1Large(x: number): number {
  if (x >= -1.4 && x <= 1.4) {
    // e^2y - 1 = m (m + 2) with m = e^y - 1: no cancellation where e^x is near 1.
    const half = x / 2;
    if (half <= 0.35 && half >= -0.35) {
      const m = half + expTail(half);
      return m * m + 2 * m;
    }
    const quarter = x / 4;
    const m = quarter + expTail(quarter);
    const n = m * m + 2 * m;
    return n * n + 2 * n;
  }
  return exp(x) - 1;
}

/** 2 atanh(s) - 2 s for |s| <= 0.172. */
function logTail(s: number): number {
  const z = s * s;
  const w = z * z;
  const even = 2 / 5 + w * (2 / 9 + w * (2 / 13 + w * (2 / 17 + w * (2 / 21))));
  const odd = 2 / 3 + w * (2 / 7 + w * (2 / 11 + w * (2 / 15 + w * (2 / 19 + w * (2 / 23)))));
  return z * (odd + z * even);
}

/** log(1 + f) for sqrt(1/2) - 1 <= f <= sqrt(2) - 1, to be added to a term `low`: f - (f^2/2 - s (f^2/2 + R)). */
function log1pReduced(f: number, low: number): number {
  const s = f / (2 + f);
  const halfSquare = 0.5 * f * f;
  return f - (halfSquare - (s * (halfSquare + logTail(s)) + low));
}

/** Natural logarithm. */
export function log(x: number): number {
  if (!(x > 0) || x === Infinity) return x === 0 ? -Infinity : x > 0 ? x : NaN;
  const normal = x < 2.2250738585072014e-308 ? x * 18014398509481984 : x;
  float[0] = normal;
  let exponent = (words[highWord]! >>> 20) - 1023;
  let mantissa = normal * powersOfTwo[1074 - exponent]!;
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  if (normal !== x) exponent -= 54;
  if (exponent === 0) return log1pReduced(mantissa - 1, 0);
  return exponent * ln2High + log1pReduced(mantissa - 1, exponent * ln2Low);
}

/** log(1 + x), without cancellation near 0. */
export function log1p(x: number): number {
  if (x > -0.29 && x < 0.41) return log1pReduced(x, 0);
  const u = 1 + x;
  if (!(u > 0) || u === Infinity) return log(u);
  // The part of x that 1 + x rounded away, to first order.
  return log(u) + (x > 1 ? 1 - (u - x) : x - (u - 1)) / u;
}

/** log(e^a + e^b). */
export function logAdd(a: number, b: number): number {
  if (a === b) return a + Math.LN2;
  return a > b ? a + log1p(exp(b - a)) : b + log1p(exp(a - b));
}

/**
 * [cos, sin] of 2 pi k / n, 0 <= k < n, n a multiple of 8: octant reduction is exact, so both are within 1 ulp. The polynomials
 * are a term shorter than those of `rotation`, to the last bit: other roots would be another version of the accountant.
 */
export function unitRoot(k: number, n: number): [number, number] {
  const eighth = n / 8;
  const octant = Math.floor(k / eighth);
  const within = k - octant * eighth;
  const x = ((octant % 2 === 0 ? within : eighth - within) / eighth) * (Math.PI / 4);
  const z = x * x;
  const s =
    x +
    x *
      z *
      (-1 / 6 +
        z *
          (1 / 120 +
            z *
              (-1 / 5040 +
                z * (1 / 362880 + z * (-1 / 39916800 + z * (1 / 6227020800 - z / 1307674368000))))));
  const c =
    1 -
    z *
      (0.5 -
        z *
          (1 / 24 -
            z *
              (1 / 720 -
                z *
                  (1 / 40320 -
                    z * (1 / 3628800 - z * (1 / 479001600 - z * (1 / 87178291200 - z / 20922789888000)))))));
  switch (octant) {
    case 0:
      return [c, s];
    case 1:
      return [s, c];
    case 2:
      return [-s, c];
    case 3:
      return [-c, s];
    case 4:
      return [-c, -s];
    case 5:
      return [-s, -c];
    case 6:
      return [s, -c];
    default:
      return [c, -s];
  }
}

/** pi / 2 in two parts: the first has 33 bits, so that k times it is exact for |k| < 2^20. */
const halfPiHigh = 1.57079632673412561417;
const halfPiLow = 6.07710050650619224932e-11;

/**
 * e^(ix) - 1, real and imaginary part, |x| < 10^6 (else NaN): the error of each is below 2^-52 times the lesser of 2 and
 * |x|, or |part|. Reduction by pi / 2 in two parts (Cody and Waite), then Taylor polynomials.
 */
export function rotation(x: number): { readonly re: number; readonly im: number } {
  if (!(Math.abs(x) < 1e6)) return { re: NaN, im: NaN };
  const k = x / (Math.PI / 2) + roundingShift - roundingShift;
  const r = x - k * halfPiHigh - k * halfPiLow;
  const z = r * r;
  const s =
    r *
    (1 +
      z *
        (-1 / 6 +
          z *
            (1 / 120 +
              z *
                (-1 / 5040 +
                  z *
                    (1 / 362880 +
                      z *
                        (-1 / 39916800 +
                          z * (1 / 6227020800 + z * (-1 / 1307674368000 + z * (1 / 355687428096000)))))))));
  // cos r - 1.
  const c =
    z *
    (-1 / 2 +
      z *
        (1 / 24 +
          z *
            (-1 / 720 +
              z *
                (1 / 40320 +
                  z *
                    (-1 / 3628800 +
                      z *
                        (1 / 479001600 +
                          z * (-1 / 87178291200 + z * (1 / 20922789888000 - z / 6402373705728000))))))));
  switch (((k % 4) + 4) % 4) {
    case 0:
      return { re: c, im: s };
    case 1:
      return { re: -1 - s, im: 1 + c };
    case 2:
      return { re: -2 - c, im: -s };
    default:
      return { re: s - 1, im: -1 - c };
  }
}
