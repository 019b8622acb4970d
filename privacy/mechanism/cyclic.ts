import { DriftError } from '../errors.ts';
import type { PrivacyStream } from '../random/privacy-stream.ts';
import { poissonSample } from './poisson.ts';

/**
 * Cyclic Poisson sampling: units are divided into `bands` subsets once, step t looks at subset t mod `bands` alone and takes
 * each of its units with probability `rate`, independently. Two steps with one unit are at least `bands` apart.
 *
 * The subset of a unit must depend on that unit alone: by its place in a list, one unit more or less would move all others.
 * Reference: Choquette-Choo et al., arXiv:2306.08153, algorithm 2.
 */
interface CyclicSampler {
  /** @returns units in step `index` (from 0), ascending */
  sample(index: number, units: number, stream: PrivacyStream): Uint32Array;
}

/** @param subsets - subset of each unit, below `bands` */
export function cyclicSampler(bands: number, rate: number, subsets: Uint32Array): CyclicSampler {
  const sizes = new Uint32Array(bands);
  for (const subset of subsets) {
    if (subset >= bands) {
      throw new DriftError(
        `subset=${subset}: there are ${bands} subsets. Divide the units by the plan's own bands.`,
      );
    }
    sizes[subset]! += 1;
  }
  const members = Array.from(sizes, (size) => new Uint32Array(size));
  const filled = new Uint32Array(bands);
  for (const [unit, subset] of subsets.entries()) members[subset]![filled[subset]!++] = unit;
  return {
    sample(index, units, stream) {
      if (units !== subsets.length) {
        throw new DriftError(
          `units=${units}: ${subsets.length} of them are in a subset. Divide the units that are sampled from.`,
        );
      }
      const turn = members[index % bands]!;
      return poissonSample(turn.length, rate, stream).map((place) => turn[place]!);
    },
  };
}
