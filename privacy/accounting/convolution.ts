import { exp, log } from './elementary.ts';
import { fftErrorPerLevel, fftOf } from './fft.ts';
import type { Lattice } from './lattice.ts';

/** One factor of a composition: a pair of lattices of one width, and how often each is composed. */
export type Factor = {
  readonly upper: Lattice;
  readonly lower: Lattice;
  readonly upperCount: number;
  readonly lowerCount: number;
};

/** Composed lattices, and a bound on the rounding error of every point. */
export type Composed = { readonly upper: Lattice; readonly lower: Lattice; readonly pointError: number };

const unit = 2 ** -53;
/** |error| of a complex product is below sqrt(5) u |product|; rounded up. */
const productError = 3 * unit;
/** The same for differences from 1, whose magnitudes are taken as |re| + |im|. */
const differenceError = 5 * unit;

/**
 * Convolution powers of all factors, multiplied, on the lattice points first .. first + size - 1 (circularly: what
 * lies outside wraps around, which the caller bounds). Upper and lower lattice are the real and the imaginary part of
 * one complex transform. Powers by repeated squaring: no logarithm, no phase to lose.
 */
export function compose(factors: readonly Factor[], first: number, size: number): Composed {
  const fft = fftOf(size);
  const { product, re, im } = workspaceOf(size);
  factors.forEach((factor, index) => {
    re.fill(0);
    im.fill(0);
    let mass = place(factor.upper, re) + place(factor.lower, im);
    // The mass at loss 0 is kept out of the transform: where it is nearly all, the rest has a far smaller error.
    const excess = { upper: re[0]! - 1, lower: im[0]! - 1 };
    mass -= re[0]! + im[0]!;
    re[0] = 0;
    im[0] = 0;
    fft.forward(re, im);
    const inputError =
      fftErrorPerLevel * unit * fft.levels * Math.max(0, mass) +
      2 * unit * Math.max(Math.abs(excess.upper), Math.abs(excess.lower));
    multiplyPower(product, re, im, factor, excess, inputError, index === 0);
  });
  const total = join(product, re, im);
  fft.inverse(re, im);
  const pointError = (total.error + (fftErrorPerLevel * fft.levels + 2) * unit * total.magnitude) / size;
  return { upper: take(re, first), lower: take(im, first), pointError };
}

/** Spectra of the two real sequences for half of the frequencies (the rest are conjugates), with error bounds. */
type Spectrum = {
  readonly upperRe: Float64Array;
  readonly upperIm: Float64Array;
  readonly lowerRe: Float64Array;
  readonly lowerIm: Float64Array;
  readonly upperError: Float64Array;
  readonly lowerError: Float64Array;
};

type Workspace = { readonly product: Spectrum; readonly re: Float64Array; readonly im: Float64Array };

const workspaces = new Map<number, Workspace>();
/** Workspaces kept: each holds 8 * size numbers, which are all overwritten before they are read. */
const maxWorkspaces = 3;

/** Buffers of one composition: kept, for allocating them anew costs as much as a transform. */
function workspaceOf(size: number): Workspace {
  const known = workspaces.get(size);
  if (known) return known;
  if (workspaces.size >= maxWorkspaces) workspaces.delete(workspaces.keys().next().value!);
  const make = (): Float64Array => new Float64Array(size);
  const product: Spectrum = {
    upperRe: make(),
    upperIm: make(),
    lowerRe: make(),
    lowerIm: make(),
    upperError: make(),
    lowerError: make(),
  };
  const workspace = { product, re: make(), im: make() };
  workspaces.set(size, workspace);
  return workspace;
}

function place(lattice: Lattice, into: Float64Array): number {
  const wrap = into.length - 1;
  let sum = 0;
  for (let k = 0; k < lattice.mass.length; k++) {
    into[(lattice.first + k) & wrap]! += lattice.mass[k]!;
    sum += lattice.mass[k]!;
  }
  return sum;
}

/** Points first .. first + size - 1, negative rounding noise set to 0 (it is within the point error). */
function take(values: Float64Array, first: number): Lattice {
  const wrap = values.length - 1;
  const mass = new Float64Array(values.length);
  for (let k = 0; k < mass.length; k++) mass[k] = Math.max(0, values[(first + k) & wrap]!);
  return { first, mass };
}

/** The position, in bit-reversed order, of the conjugate frequency: within [2^m, 2^(m+1)) positions are mirrored. */
function forEachPair(size: number, visit: (p: number, partner: number) => void): void {
  visit(0, 0);
  visit(1, 1);
  for (let block = 2; block < size; block *= 2) {
    for (let p = block; p < 1.5 * block; p++) visit(p, 3 * block - 1 - p);
  }
}

const scratch = new Float64Array(3);

function multiplyPower(
  product: Spectrum,
  re: Float64Array,
  im: Float64Array,
  factor: Factor,
  excess: { readonly upper: number; readonly lower: number },
  inputError: number,
  isFirst: boolean,
): void {
  const { upperRe, upperIm, lowerRe, lowerIm, upperError, lowerError } = product;
  const negligible = { upper: negligibleBase(factor.upperCount), lower: negligibleBase(factor.lowerCount) };
  forEachPair(re.length, (p, partner) => {
    const sumRe = (re[p]! + re[partner]!) / 2;
    const differenceIm = (im[p]! - im[partner]!) / 2;
    power(sumRe + excess.upper, differenceIm, factor.upperCount, inputError, negligible.upper);
    accumulate(upperRe, upperIm, upperError, p, isFirst);
    const sumIm = (im[p]! + im[partner]!) / 2;
    const differenceRe = (re[partner]! - re[p]!) / 2;
    power(sumIm + excess.lower, differenceRe, factor.lowerCount, inputError, negligible.lower);
    accumulate(lowerRe, lowerIm, lowerError, p, isFirst);
  });
}

/** Powers below this are taken as 0, and this as their error: far below every other one. */
const negligiblePower = 1e-22;

/** Numbers whose power is below `negligiblePower`. */
function negligibleBase(count: number): number {
  return count > 1 ? exp(log(negligiblePower) / count) : 0;
}

/**
 * (1 + g)^count into scratch, g = x + iy, with an error bound, by repeated squaring. As long as g is small everything is
 * kept as the difference from 1 (a square is 1 + g (2 + g), a product 1 + (g + h + g h)), so that a spectrum near 1
 * keeps the relative precision of its difference; then as it is. Each operation adds its own rounding; earlier errors
 * grow with the power.
 */
function power(x: number, y: number, count: number, inputError: number, negligible: number): void {
  const first = Math.sqrt((1 + x) * (1 + x) + y * y) + inputError;
  if (first <= negligible) {
    scratch[0] = 0;
    scratch[1] = 0;
    scratch[2] = negligiblePower;
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
  scratch[0] = re;
  scratch[1] = im;
  scratch[2] = error * 1.001;
}

function accumulate(
  re: Float64Array,
  im: Float64Array,
  error: Float64Array,
  p: number,
  isFirst: boolean,
): void {
  const x = scratch[0]!;
  const y = scratch[1]!;
  const e = scratch[2]!;
  if (isFirst) {
    re[p] = x;
    im[p] = y;
    error[p] = e;
    return;
  }
  const a = re[p]!;
  const b = im[p]!;
  const modulus = Math.sqrt(a * a + b * b);
  const other = Math.sqrt(x * x + y * y);
  error[p] = (error[p]! * (other + e) + (modulus + error[p]!) * e + productError * modulus * other) * 1.01;
  re[p] = a * x - b * y;
  im[p] = a * y + b * x;
}

/** Back to one complex sequence, with the sums of magnitudes and of errors over all frequencies. */
function join(product: Spectrum, re: Float64Array, im: Float64Array): { magnitude: number; error: number } {
  const { upperRe, upperIm, lowerRe, lowerIm, upperError, lowerError } = product;
  let magnitude = 0;
  let error = 0;
  forEachPair(re.length, (p, partner) => {
    const ur = upperRe[p]!;
    const ui = upperIm[p]!;
    const lr = lowerRe[p]!;
    const li = lowerIm[p]!;
    re[p] = ur - li;
    im[p] = ui + lr;
    re[partner] = ur + li;
    im[partner] = lr - ui;
    const times = p === partner ? 1 : 2;
    magnitude += times * (Math.sqrt(ur * ur + ui * ui) + Math.sqrt(lr * lr + li * li));
    error += times * (upperError[p]! + lowerError[p]!);
  });
  return { magnitude, error };
}
