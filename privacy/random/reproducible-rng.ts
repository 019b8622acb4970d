import { createHash } from 'node:crypto';
import seedrandom from 'seedrandom';
import { InvalidParameterError } from '../errors.ts';

/**
 * Reproducible randomness for what privacy does not rest on: initial weights, dropout, public splits, tests.
 * Knowing its seed, as everyone may, tells nothing about who was sampled or about the noise.
 */
export interface ReproducibleRng {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, bound), without modulo bias; 1 <= bound <= 2^53. */
  integer(bound: number): number;
  /** Shuffles in place, each order equally likely, and returns its argument. */
  shuffle<T extends unknown[] | Uint32Array | Int32Array>(items: T): T;
  /**
   * An independent generator that depends on this one's seed and on `label` only, not on what was drawn. Fork by step or
   * by purpose and a resumed run needs no generator state.
   */
  fork(label: string | number): ReproducibleRng;
}

/** Alea of the seedrandom package (53-bit multiply-with-carry, J. Baagøe 2010), keyed through SHA-256. */
export function reproducibleRng(seed: string | number): ReproducibleRng {
  const digest = createHash('sha256').update(String(seed)).digest('hex');
  const next = seedrandom.alea(digest);
  let spare: number | undefined;

  /** Marsaglia's polar method; makes two at a time. */
  function normal(): number {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    for (;;) {
      const x = 2 * next.double() - 1;
      const y = 2 * next.double() - 1;
      const square = x * x + y * y;
      if (square === 0 || square >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      spare = y * factor;
      return x * factor;
    }
  }

  function integer(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1) {
      throw new InvalidParameterError(`bound=${bound}: an integer from 1 to 2^53 is needed.`);
    }
    const range = 2 ** 53;
    const limit = range - (range % bound);
    for (;;) {
      const draw = next.double() * range;
      if (draw < limit) return draw % bound;
    }
  }

  return {
    uniform: () => next.quick(),
    normal,
    integer,
    shuffle(items) {
      for (let last = items.length - 1; last > 0; last--) {
        const other = integer(last + 1);
        [items[last], items[other]] = [items[other]!, items[last]!];
      }
      return items;
    },
    fork: (label) => reproducibleRng(`${digest}/${label}`),
  };
}
