import { negligibleBase, power, powered, productError } from './complex-power.ts';
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

function accumulate(
  re: Float64Array,
  im: Float64Array,
  error: Float64Array,
  p: number,
  isFirst: boolean,
): void {
  const x = powered[0]!;
  const y = powered[1]!;
  const e = powered[2]!;
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
