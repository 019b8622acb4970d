import { InvalidParameterError } from '../errors.ts';
import { bernoulliFrom } from '../random/privacy-stream.ts';
import type { PrivacyStream } from '../random/privacy-stream.ts';

const CHUNK = 1 << 16;

/**
 * Poisson sampling: each of `units` units is in the batch with probability `rate`, independently of all others and of all
 * other steps (G15). Exact: one trial a unit, decided by as many random bits as it takes, so the accountant's
 * assumption holds to the last bit. A batch may be empty (G16) or hold every unit.
 *
 * @returns indices in [0, units), ascending
 */
export function poissonSample(units: number, rate: number, stream: PrivacyStream): Uint32Array {
  if (!Number.isInteger(units) || units < 0 || units > 2 ** 32) {
    throw new InvalidParameterError(`units=${units}: an integer from 0 to 2^32 is needed.`);
  }
  if (!(rate >= 0 && rate <= 1)) {
    throw new InvalidParameterError(`samplingRate=${rate}: a probability is between 0 and 1.`);
  }
  if (rate === 1) return Uint32Array.from({ length: units }, (_, unit) => unit);
  const chosen = new Uint32Array(units);
  let size = 0;
  const words = new Uint32Array(Math.min(units, CHUNK));
  const bytes = new Uint8Array(words.buffer);
  // First words above this decide by themselves; the few others go digit by digit.
  const threshold = Math.floor(rate * 2 ** 32);
  for (let start = 0; start < units; start += CHUNK) {
    const count = Math.min(CHUNK, units - start);
    stream.fillBytes(bytes.subarray(0, 4 * count));
    for (let i = 0; i < count; i++) {
      const word = words[i]!;
      if (word <= threshold && bernoulliFrom(word, rate, stream)) chosen[size++] = start + i;
    }
  }
  words.fill(0);
  return chosen.slice(0, size);
}
