import { exp, log } from './elementary.ts';

const unit = 2 ** -53;
/** |error| of a complex product is below sqrt(5) u |product|; rounded up. */
export const productError = 3 * unit;
/** The same for differences from 1, whose magnitudes are taken as |re| + |im|. */
const differenceError = 5 * unit;

/** Result of `power`: real part, imaginary part, bound of the error. */
export const powered = new Float64Array(3);

/** Powers below this are taken as 0, and this as their error: far below every other one. */
const negligiblePower = 1e-22;

/** Numbers whose power is below `negligiblePower`. */
export function negligibleBase(count: number): number {
  return count > 1 ? exp(log(negligiblePower) / count) : 0;
}

/**
 * (1 + g)^count into `powered`, g = x + iy, with an error bound, by repeated squaring. As long as g is small everything is
 * kept as the difference from 1 (a square is 1 + g (2 + g), a product 1 + (g + h + g h)), so that a spectrum near 1
 * keeps the relative precision of its difference; then as it is. Each operation adds its own rounding; earlier errors
 * grow with the power.
 */
export function power(x: number, y: number, count: number, inputError: number, negligible: number): void {
  const first = Math.sqrt((1 + x) * (1 + x) + y * y) + inputError;
  if (first <= negligible) {
    powered[0] = 0;
    powered[1] = 0;
    powered[2] = negligiblePower;
    return;
  }
  let baseRe = x;
  let baseIm = y;
  let baseError = inputError;
  let re = 0;
  let im = 0;
  let error = 0;
  let bits = count;
  while (bits > 0) {
    const size = Math.abs(baseRe) + Math.abs(baseIm);
    if (size > 0.5) break;
    // |1 + g| and the size of what has been multiplied so far, rounded up.
    const modulus = Math.sqrt((1 + baseRe) * (1 + baseRe) + baseIm * baseIm) + baseError;
    if (bits % 2 === 1) {
      const own = Math.abs(re) + Math.abs(im);
      const whole = Math.sqrt((1 + re) * (1 + re) + im * im);
      error = error * modulus + baseError * whole + differenceError * (own + size + own * size);
      const t = re + baseRe + (re * baseRe - im * baseIm);
      im = im + baseIm + (re * baseIm + im * baseRe);
      re = t;
    }
    bits = Math.floor(bits / 2);
    if (bits === 0) break;
    baseError = baseError * 2 * modulus + differenceError * size * (2 + size);
    const t = 2 * baseRe + (baseRe * baseRe - baseIm * baseIm);
    baseIm = 2 * (baseIm + baseRe * baseIm);
    baseRe = t;
  }
  re += 1;
  error += unit * Math.abs(re);
  if (bits > 0) {
    baseRe += 1;
    baseError += unit * Math.abs(baseRe);
    let modulus = Math.sqrt(baseRe * baseRe + baseIm * baseIm);
    let whole = Math.sqrt(re * re + im * im);
    for (;;) {
      if (bits % 2 === 1) {
        error = error * (modulus + baseError) + baseError * whole + productError * modulus * whole;
        const t = re * baseRe - im * baseIm;
        im = re * baseIm + im * baseRe;
        re = t;
        whole *= modulus;
      }
      bits = Math.floor(bits / 2);
      if (bits === 0) break;
      baseError = baseError * (2 * modulus + baseError) + productError * modulus * modulus;
      const t = baseRe * baseRe - baseIm * baseIm;
      baseIm = 2 * baseRe * baseIm;
      baseRe = t;
      modulus *= modulus;
    }
  }
  powered[0] = re;
  powered[1] = im;
  powered[2] = error * 1.001;
}
