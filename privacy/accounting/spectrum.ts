import type { Step } from './characteristic.ts';
import { negligibleBase, power, powered, productError } from './complex-power.ts';
import { rotation } from './elementary.ts';

const unit = 2 ** -53;

/** Values at evenly spaced frequencies 0, spacing, ... and bounds of their absolute errors. */
export type Spectrum = { readonly re: Float64Array; readonly im: Float64Array; readonly error: Float64Array };

/** The characteristic function of all steps' tilted losses together, at 0, spacing, ... last * spacing. */
export function spectrumOf(steps: readonly Step[], spacing: number, last: number): Spectrum {
  const re = new Float64Array(last + 1).fill(1);
  const im = new Float64Array(last + 1);
  const error = new Float64Array(last + 1);
  for (const step of steps) {
    const single = singleSpectrum(step, spacing, last);
    const negligible = negligibleBase(step.count);
    for (let j = 0; j <= last; j++) {
      power(single.re[j]!, single.im[j]!, step.count, single.error[j]!, negligible);
      const x = powered[0]!;
      const y = powered[1]!;
      const own = powered[2]!;
      const a = re[j]!;
      const b = im[j]!;
      const modulus = Math.sqrt(a * a + b * b);
      const other = Math.sqrt(x * x + y * y);
      error[j] =
        1.01 * (error[j]! * (other + own) + (modulus + error[j]!) * own + productError * modulus * other);
      re[j] = a * x - b * y;
      im[j] = a * y + b * x;
    }
  }
  return { re, im, error };
}

/**
 * One step's characteristic function minus 1: sums of weights times rotations g_j = e^(i j angle) - 1, by
 * g_(j+1) = g_j + g_1 + g_j g_1. Each turn multiplies an earlier error by |e^(i angle)| = 1, and adds that of g_1, below
 * 8 u |angle|, and roundings below u (8 |g_1| + 3 max |g|): with |g_j| <= min(2, j |angle|) in all below
 * u (16 j |angle| + 3 j min(2, j |angle|)). `Step` has the first term in `perFrequency`.
 */
function singleSpectrum(step: Step, spacing: number, last: number): Spectrum {
  const { losses, weights, meanSize, perFrequency, quadrature, truncation } = step;
  const size = losses.length;
  const re = new Float64Array(last + 1);
  const im = new Float64Array(last + 1);
  const error = new Float64Array(last + 1);
  const turnRe = new Float64Array(size);
  const turnIm = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    const turn = rotation(spacing * losses[k]!);
    turnRe[k] = turn.re;
    turnIm[k] = turn.im;
  }
  const nowRe = turnRe.slice();
  const nowIm = turnIm.slice();
  // At frequency 0 it is 0, exactly.
  for (let j = 1; j <= last; j++) {
    let x = 0;
    let y = 0;
    for (let k = 0; k < size; k++) {
      const a = nowRe[k]!;
      const b = nowIm[k]!;
      const c = turnRe[k]!;
      const d = turnIm[k]!;
      const w = weights[k]!;
      x += w * a;
      y += w * b;
      nowRe[k] = a + c + (a * c - b * d);
      nowIm[k] = b + d + (a * d + b * c);
    }
    re[j] = x;
    im[j] = y;
    const omega = j * spacing;
    error[j] =
      1.01 * (perFrequency * omega + 3 * unit * j * Math.min(2, omega * meanSize) + quadrature + truncation);
  }
  return { re, im, error };
}
