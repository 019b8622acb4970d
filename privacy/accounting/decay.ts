import { exp, log1p } from './elementary.ts';
import { logRatio, meanCentre } from './mixture.ts';
import type { Mixture, Ratio } from './mixture.ts';
import { normalTail } from './normal.ts';
import { halfLogTwoPi } from './tails.ts';

/** Uniform distributions of the loss that the tilted one contains: their masses and half-widths (nats). */
export type Layers = { readonly masses: readonly number[]; readonly halfWidths: readonly number[] };

/** Cells in units of the noise. */
const cell = 1 / 8;
/** Room for the rounding of a density's exponent. */
const slack = 1 - 1e-9;

/**
 * Uniform layers of a step's tilted loss. On a cell of x its density p e^(tilt l) / (m l') is at least the least of the
 * numerator over the largest slope l'. log R_P is convex (above its tangent), log R_Q too (below its chord), so the
 * numerator's logarithm is at least a concave function, which is least at the cell's ends. The slope is a difference of
 * mean centres, which rise with x. A step function of that kind is a sum of uniform layers, each as wide as it can be.
 * @param logMoment - log m, m = E e^(tilt L), or more
 */
export function layersOf(
  { p, q, cut }: Mixture,
  tilt: number,
  logMoment: number,
  from: number,
  to: number,
): Layers {
  const count = Math.ceil((to - from) / cell);
  const masses: number[] = [];
  const halfWidths: number[] = [];
  const starts: number[] = [];
  const heights: number[] = [];
  let x = from;
  logRatio(p, x, own);
  logRatio(q, x, other);
  let inP = own.value;
  let inQ = other.value;
  let centreP = meanCentre(p, x);
  let centreQ = meanCentre(q, x);
  let error = own.error + other.error;
  for (let k = 0; k <= count; k++) {
    const loss = inP - inQ;
    let height = 0;
    let next = null;
    if (k < count) {
      const right = from + (k + 1) * cell;
      logRatio(p, right, own);
      logRatio(q, right, other);
      next = {
        right,
        inP: own.value,
        inQ: other.value,
        centreP: meanCentre(p, right),
        centreQ: meanCentre(q, right),
      };
      const atLeft = -0.5 * x * x + (1 + tilt) * inP - tilt * inQ;
      const atRight = -0.5 * right * right + (1 + tilt) * (inP + centreP * (right - x)) - tilt * next.inQ;
      // Exponents are formed from logarithms with errors of their own.
      const rounding = 2 * (1 + tilt) * Math.max(error, own.error + other.error);
      const kept = cut.at < Infinity ? normalTail((right - cut.at) / cut.width) : 1;
      const least = exp(Math.min(atLeft, atRight) - halfLogTwoPi - logMoment - rounding) * kept;
      height = (least / (next.centreP - centreQ)) * slack;
      if (!(height < Infinity)) height = 0;
    }
    // Layers above this cell's height end here.
    let start = loss;
    while (heights.length > 0 && heights.at(-1)! > height) {
      const top = heights.pop()!;
      start = starts.pop()!;
      const width = loss - start - 2 * error - 1e-15 * (Math.abs(loss) + Math.abs(start));
      const base = Math.max(height, heights.at(-1) ?? 0);
      if (width > 0) {
        masses.push((top - base) * width);
        halfWidths.push(width / 2);
      }
    }
    if (height > (heights.at(-1) ?? 0)) {
      heights.push(height);
      starts.push(start);
    }
    if (!next) break;
    ({ right: x, inP, inQ, centreP, centreQ } = next);
    error = Math.max(error, own.error + other.error);
  }
  return { masses, halfWidths };
}

const own: Ratio = { value: 0, error: 0 };
const other: Ratio = { value: 0, error: 0 };

/** Above the largest side lobe of |sin s / s|, at s = 4.4934. */
const lobe = 0.21724;

/**
 * log of a bound of |E e^(i omega L)| under the tilted distribution for every omega >= frequency: a uniform layer of
 * half-width r contributes |sin s / s|, s = omega r, which from s on is at most the larger of `lobe` and
 * 1 - s^2 / 6 + s^4 / 120 (falling until s^2 = 10), and at most 1 / s; all that is in no layer at most its mass.
 */
export function logDecay({ masses, halfWidths }: Layers, frequency: number): number {
  let gone = 0;
  for (let k = 0; k < masses.length; k++) {
    const s = frequency * halfWidths[k]!;
    const z = s * s;
    gone += masses[k]! * (1 - (z < 10 ? Math.max(lobe, 1 - z / 6 + (z * z) / 120) : Math.min(lobe, 1 / s)));
  }
  return log1p(-Math.min(gone, 1) * slack);
}

/** The frequency from which on the product of the steps' bounds is at most e^-nats; Infinity where none is found. */
export function cutoffOf(
  steps: readonly { readonly layers: Layers; readonly count: number }[],
  start: number,
  nats: number,
): number {
  let frequency = start;
  for (let k = 0; k < 100; k++) {
    let sum = 0;
    for (const { layers, count } of steps) sum += count * logDecay(layers, frequency);
    if (sum <= -nats) return frequency;
    // Nearly quadratic at first.
    frequency *= Math.min(2, Math.max(1.02, 0.99 * Math.sqrt(nats / -sum)));
  }
  return Infinity;
}
