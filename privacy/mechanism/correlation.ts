import { DriftError } from '../errors.ts';

/**
 * Noise of a step that takes back part of the noise of earlier steps: w_t = (z_t - sum_i c_i w_(t-i)) / c_0, which is row t of
 * C^-1 z for the lower-triangular Toeplitz matrix C with first column c.
 *
 * It remembers the noise of the last `bands - 1` steps, 8 bytes a coordinate and step. That is secret: with the noise of a
 * step its clipped sum is known. It lives in memory only and is never written down: a new one, as after a resume, begins with
 * no past, which makes C block-diagonal. Its columns are no longer for that, and none has more than `bands` rows, so the
 * guarantee stays, whatever an observer saw of the steps before (docs/mechanisms.md).
 */
export interface Correlation {
  /** Begins the noise of the next step, of vectors of `size` coordinates in all. */
  begin(size: number): void;
  /** Turns independent standard normals of the coordinates from `offset` on into the step's noise, in place. */
  apply(normals: Float64Array, offset: number): void;
}

/** @param strategy - first column of C */
export function correlationOf(strategy: readonly number[]): Correlation {
  const bands = strategy.length;
  /** Noise of past steps; that of step s is at s mod (bands - 1). */
  const past: Float64Array[] = [];
  let step = -1;
  return {
    begin(size) {
      step += 1;
      const known = past[0]?.length ?? size;
      if (known !== size) {
        throw new DriftError(
          `size=${size}: the noise of earlier steps has ${known} coordinates. Begin the phase anew; please report this.`,
        );
      }
      if (past.length < bands - 1) past.push(new Float64Array(size));
    },
    apply(normals, offset) {
      const inverse = 1 / strategy[0]!;
      for (let lag = 1; lag < bands && lag <= step; lag++) {
        const earlier = past[(step - lag) % (bands - 1)]!;
        const weight = strategy[lag]!;
        for (let i = 0; i < normals.length; i++) normals[i]! -= weight * earlier[offset + i]!;
      }
      const place = past[step % (bands - 1)]!;
      for (let i = 0; i < normals.length; i++) place[offset + i] = normals[i]! *= inverse;
    },
  };
}
