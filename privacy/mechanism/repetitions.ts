import { exp, expm1 } from '../accounting/elementary.ts';
import { logParameterOf } from '../accounting/repetition.ts';
import { InvalidParameterError } from '../errors.ts';
import type { PrivacyStream } from '../random/privacy-stream.ts';

/**
 * A secret number of trials for private selection, drawn from the distribution that `repeat-and-select` accounts for
 * (Papernot and Steinke, arXiv:2110.03620v2, definition 1): Poisson, or negative binomial of the given shape truncated
 * to 1, 2, ...; shape 0 is logarithmic, 1 geometric. The least parameter is used that the accountant may assume.
 * @param mean - expected number; at most 1e4, since trials are whole trainings
 * @returns 0 is possible for Poisson alone
 */
export function drawRepetitions(mean: number, shape: number | 'poisson', stream: PrivacyStream): number {
  if (!(mean > 0 && mean <= 1e4)) {
    throw new InvalidParameterError(`mean=${mean}: must be above 0 and at most 10000. Expect fewer trials.`);
  }
  return shape === 'poisson' ? poisson(mean, stream) : truncatedNegativeBinomial(mean, shape, stream);
}

/** Sums of Poisson numbers are Poisson: parts of at most 256 keep exp(-part) far from underflow. */
function poisson(mean: number, stream: PrivacyStream): number {
  const parts = Math.ceil(mean / 256);
  const part = mean / parts;
  let total = 0;
  for (let k = 0; k < parts; k++) {
    let product = stream.float64();
    for (const limit = exp(-part); product > limit; product *= stream.float64()) total++;
  }
  return total;
}

/** By inversion: P[k + 1] / P[k] = (1 - g) (k + n) / (k + 1). */
function truncatedNegativeBinomial(mean: number, shape: number, stream: PrivacyStream): number {
  const logParameter = logParameterOf(mean, shape);
  const rest = -expm1(logParameter);
  let probability = shape === 0 ? rest / -logParameter : (shape * rest) / expm1(-shape * logParameter);
  let count = 1;
  for (let left = stream.float64() - probability; left >= 0; left -= probability) {
    probability *= (rest * (count + shape)) / (count + 1);
    count++;
    // What is left of the distribution is below the resolution of the draw.
    if (probability < 1e-18 && count > mean) break;
  }
  return count;
}
