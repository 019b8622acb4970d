import { unitRoot } from './elementary.ts';

/**
 * Complex fast Fourier transforms of a power-of-two length, in place, with no reordering: `forward` leaves the
 * spectrum in bit-reversed order, `inverse` takes it in that order. Two radix-2 levels are done at a time.
 *
 * Error (u = 2^-53): every output is a sum over inputs, each multiplied along log2(n) levels by a root (within 1 ulp)
 * and added, so |error| <= fftErrorPerLevel u log2(n) sum |x| for each output (compare Higham, Accuracy and Stability
 * of Numerical Algorithms, 2nd ed., section 24.1).
 */
export type Fft = {
  readonly size: number;
  readonly levels: number;
  forward(re: Float64Array, im: Float64Array): void;
  /** Includes the factor 1 / size. */
  inverse(re: Float64Array, im: Float64Array): void;
};

/** Multiplication by a rounded root (sqrt(5) u + 1.5 u) and an addition (u), rounded up. */
export const fftErrorPerLevel = 5;

/** Roots w^j, w^2j, w^3j (w = exp(-2 pi i / n)) of one double level of length n, j < n / 4. */
type Level = { readonly quarter: number; readonly roots: readonly Float64Array[] };

const plans = new Map<number, Fft>();
/** Plans kept: each holds 2 * size numbers. */
const maxPlans = 4;

/** The transform of length `size` = 2^k >= 8; the last few are kept. */
export function fftOf(size: number): Fft {
  const known = plans.get(size);
  if (known) return known;
  if (plans.size >= maxPlans) plans.delete(plans.keys().next().value!);
  const plan = makePlan(size);
  plans.set(size, plan);
  return plan;
}

function makePlan(size: number): Fft {
  const levels: Level[] = [];
  const table = octantOf(size);
  for (let n = size; n >= 4; n /= 4) levels.push(levelOf(n, size, table));
  const oddLevel = Math.log2(size) % 2 === 1;
  return {
    size,
    levels: Math.log2(size),
    forward(re, im) {
      for (const level of levels) forwardLevel(re, im, level);
      if (oddLevel) pairs(re, im, 1);
    },
    inverse(re, im) {
      const scale = 1 / size;
      if (oddLevel) pairs(re, im, 1);
      for (let k = levels.length - 1; k >= 0; k--) inverseLevel(re, im, levels[k]!);
      for (let k = 0; k < size; k++) {
        re[k]! *= scale;
        im[k]! *= scale;
      }
    },
  };
}

/** cos and sin of 2 pi k / size for k = 0 .. size / 8: the other roots are these with signs and places changed. */
type Octant = { readonly cos: Float64Array; readonly sin: Float64Array };

function octantOf(size: number): Octant {
  const eighth = size / 8;
  const cos = new Float64Array(eighth + 1);
  const sin = new Float64Array(eighth + 1);
  for (let k = 0; k < eighth; k++) [cos[k], sin[k]] = unitRoot(k, size);
  [sin[eighth], cos[eighth]] = unitRoot(eighth, size);
  return { cos, sin };
}

function levelOf(n: number, size: number, { cos, sin }: Octant): Level {
  const quarter = n / 4;
  const eighth = size / 8;
  const roots = [1, 2, 3].flatMap(() => [new Float64Array(quarter), new Float64Array(quarter)]);
  for (let power = 1; power <= 3; power++) {
    const re = roots[2 * power - 2]!;
    const im = roots[2 * power - 1]!;
    const step = power * (size / n);
    for (let j = 0; j < quarter; j++) {
      // Below 3 size / 4: six octants.
      const k = j * step;
      const octant = Math.floor(k / eighth);
      const within = k - octant * eighth;
      const odd = octant & 1;
      const c = cos[odd ? eighth - within : within]!;
      const s = sin[odd ? eighth - within : within]!;
      const swap = octant === 1 || octant === 2 || octant === 5;
      const x = swap ? s : c;
      const y = swap ? c : s;
      re[j] = octant >= 2 && octant <= 5 ? -x : x;
      im[j] = octant >= 4 ? y : -y;
    }
  }
  return { quarter, roots };
}

/** The last radix-2 level, when log2(size) is odd. */
function pairs(re: Float64Array, im: Float64Array, stride: number): void {
  for (let k = 0; k < re.length; k += 2 * stride) {
    const xr = re[k]!;
    const xi = im[k]!;
    const yr = re[k + 1]!;
    const yi = im[k + 1]!;
    re[k] = xr + yr;
    im[k] = xi + yi;
    re[k + 1] = xr - yr;
    im[k + 1] = xi - yi;
  }
}

function forwardLevel(re: Float64Array, im: Float64Array, level: Level): void {
  const { quarter: m } = level;
  const [w1r, w1i, w2r, w2i, w3r, w3i] = level.roots as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let start = 0; start < re.length; start += 4 * m) {
    for (let j = 0; j < m; j++) {
      const p = start + j;
      const q = p + m;
      const r = q + m;
      const s = r + m;
      const acr = re[p]! + re[r]!;
      const aci = im[p]! + im[r]!;
      const bdr = re[q]! + re[s]!;
      const bdi = im[q]! + im[s]!;
      const er = re[p]! - re[r]!;
      const ei = im[p]! - im[r]!;
      const fr = re[q]! - re[s]!;
      const fi = im[q]! - im[s]!;
      re[p] = acr + bdr;
      im[p] = aci + bdi;
      const xr = acr - bdr;
      const xi = aci - bdi;
      re[q] = xr * w2r[j]! - xi * w2i[j]!;
      im[q] = xr * w2i[j]! + xi * w2r[j]!;
      const yr = er + fi;
      const yi = ei - fr;
      re[r] = yr * w1r[j]! - yi * w1i[j]!;
      im[r] = yr * w1i[j]! + yi * w1r[j]!;
      const zr = er - fi;
      const zi = ei + fr;
      re[s] = zr * w3r[j]! - zi * w3i[j]!;
      im[s] = zr * w3i[j]! + zi * w3r[j]!;
    }
  }
}

function inverseLevel(re: Float64Array, im: Float64Array, level: Level): void {
  const { quarter: m } = level;
  const [w1r, w1i, w2r, w2i, w3r, w3i] = level.roots as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let start = 0; start < re.length; start += 4 * m) {
    for (let j = 0; j < m; j++) {
      const p = start + j;
      const q = p + m;
      const r = q + m;
      const s = r + m;
      const br = re[q]! * w2r[j]! + im[q]! * w2i[j]!;
      const bi = im[q]! * w2r[j]! - re[q]! * w2i[j]!;
      const cr = re[r]! * w1r[j]! + im[r]! * w1i[j]!;
      const ci = im[r]! * w1r[j]! - re[r]! * w1i[j]!;
      const dr = re[s]! * w3r[j]! + im[s]! * w3i[j]!;
      const di = im[s]! * w3r[j]! - re[s]! * w3i[j]!;
      const abr = re[p]! + br;
      const abi = im[p]! + bi;
      const er = re[p]! - br;
      const ei = im[p]! - bi;
      const cdr = cr + dr;
      const cdi = ci + di;
      const fr = cr - dr;
      const fi = ci - di;
      re[p] = abr + cdr;
      im[p] = abi + cdi;
      re[r] = abr - cdr;
      im[r] = abi - cdi;
      // e + i f and e - i f.
      re[q] = er - fi;
      im[q] = ei + fr;
      re[s] = er + fi;
      im[s] = ei - fr;
    }
  }
}
