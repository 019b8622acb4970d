import { InvalidParameterError } from '../errors.ts';
import { fillNormals } from '../random/gaussian.ts';
import type { PrivacyStream } from '../random/privacy-stream.ts';
import type { Correlation } from './correlation.ts';

/** Lattice points per standard deviation of the noise, at least; a power of two. */
const POINTS_PER_DEVIATION = 2 ** 10;
const CHUNK = 1 << 16;
const CHUNKS_BETWEEN_PAUSES = 16;

/**
 * Spacing of the public lattice that noisy sums are rounded to: the power of two 2^floor(log2 s) / 1024, for noise of
 * standard deviation `s`. It depends on the plan only. Rounding adds at most 2^-20 / 12 of the noise's variance.
 */
export function latticeSpacing(standardDeviation: number): number {
  if (!(standardDeviation >= 2 ** -64 && standardDeviation <= 2 ** 64)) {
    throw new InvalidParameterError(
      `noiseStandardDeviation=${standardDeviation}: must lie between 2^-64 and 2^64 to be added in float64. ` +
        'Choose a clipping norm and a noise multiplier nearer to 1.',
    );
  }
  return powerOfTwoBelow(standardDeviation) / POINTS_PER_DEVIATION;
}

/** 2^floor(log2 x), exactly, from the float64's exponent bits. */
function powerOfTwoBelow(x: number): number {
  const bits = new BigUint64Array(Float64Array.of(x).buffer);
  return 2 ** (Number((bits[0]! >> 52n) & 0x7ffn) - 1023);
}

export interface NoiseSettings {
  /** Standard deviation of the noise on each coordinate of the sum, in the sum's units: noise multiplier * clipping norm. */
  readonly standardDeviation: number;
  readonly latticeSpacing: number;
  /** Takes back noise of earlier steps; the noise of each step is independent without it. */
  readonly correlation?: Correlation | undefined;
}

/**
 * Replaces every coordinate x of the clipped sums by round(x + N(0, s^2)), a multiple of the lattice spacing. All arrays
 * together are one vector, with one sensitivity and one independent draw a coordinate.
 *
 * Guarantees (G12):
 * - Rounding comes after the noise and its lattice is public, so it is post-processing: the sensitivity that the noise must
 *   cover is the sum's own, and epsilon is the Gaussian mechanism's.
 * - What leaves is an integer times the spacing. The low bits of x and of the noise, from which floating-point noise can be
 *   undone (Mironov, CCS 2012), are gone: x + noise is one float64 addition, whose last bit is 2^-42 of the spacing at one
 *   standard deviation, and at least 2^39 equally likely noise values fall into every cell of the lattice. Each
 *   cell's probability is the ideal Gaussian's to about 2^-39 relative.
 * - Results are stored as float32, exact up to 2^24 spacings (2^13 standard deviations at least); a larger one is rounded to
 *   a multiple of more spacings, which is again a function of the lattice point only.
 *
 * With a correlation, what the Gaussian mechanism releases is C G + s z, G the sums of all steps: the noisy sums so far and
 * the next row of it determine the next noisy sum before rounding, so that all of the above holds for it, too.
 *
 * A non-finite coordinate stops the run: its contribution is not bounded by the clipping norm, so no noise covers it (G3).
 * After any error the arrays must be discarded.
 *
 * @param sums - clipped sums by parameter name, overwritten
 * @param pause - awaited about every million coordinates, so that the caller's event loop can run
 */
export async function addNoise(
  sums: Readonly<Record<string, Float32Array>>,
  settings: NoiseSettings,
  stream: PrivacyStream,
  pause?: () => Promise<void>,
): Promise<void> {
  const longest = Object.values(sums).reduce((most, { length }) => Math.max(most, length), 0);
  const normals = new Float64Array(Math.min(CHUNK, longest));
  let [chunks, offset] = [0, 0];
  settings.correlation?.begin(Object.values(sums).reduce((size, { length }) => size + length, 0));
  // The order of names must not depend on the order in which the caller happened to insert them.
  for (const name of Object.keys(sums).sort()) {
    const sum = sums[name]!;
    for (let start = 0; start < sum.length; start += CHUNK) {
      const part = sum.subarray(start, start + CHUNK);
      const noise = normals.subarray(0, part.length);
      fillNormals(noise, stream);
      settings.correlation?.apply(noise, offset);
      offset += part.length;
      if (!addNoiseToChunk(part, noise, settings)) {
        throw new InvalidParameterError(
          `sum of ${name}: not finite. A unit whose gradient is not finite must contribute zero (G3); ` +
            'lower the learning rate, or report the model that produced it.',
        );
      }
      if (pause && ++chunks % CHUNKS_BETWEEN_PAUSES === 0) await pause();
    }
  }
  normals.fill(0);
}

/** False if any coordinate was not finite. */
function addNoiseToChunk(
  sum: Float32Array,
  normals: Float64Array,
  { standardDeviation, latticeSpacing: spacing }: NoiseSettings,
): boolean {
  const inverse = 1 / spacing;
  let nonFinite = 0;
  for (let i = 0; i < sum.length; i++) {
    // floor(y + 1/2) is never -0, which would tell the sign of what was rounded away.
    const noisy = Math.floor((sum[i]! + standardDeviation * normals[i]!) * inverse + 0.5) * spacing;
    // x - x is 0 for finite x and NaN otherwise.
    nonFinite += noisy - noisy;
    sum[i] = noisy;
  }
  return nonFinite === 0;
}
