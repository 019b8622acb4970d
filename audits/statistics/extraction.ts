import { InvalidParameterError } from '../../privacy/index.ts';

/** What a model wrote after the beginning of a record, and what the record says there; tokens, equally many. */
export interface Continuation {
  readonly written: ArrayLike<number>;
  readonly actual: ArrayLike<number>;
}

/** How many records a model continues as they go on. NOT a bound of epsilon: whoever writes well guesses some. */
export interface ExtractionCounts {
  readonly tried: number;
  /** Continued word for word: "discoverably extractable" (Carlini et al., arXiv:2202.07646v3, definition 3.1, greedy decoding). */
  readonly exact: number;
  /** Of an edit similarity of 0.9 or more, exact ones included. */
  readonly nearExact: number;
  /** Mean share of the tokens that are the same at the same place: the memorisation score of Biderman et al., arXiv:2304.11158. */
  readonly agreement: number;
}

/** One token in ten may be another, missing or too much. */
const nearExactSimilarity = 0.9;

/** @throws InvalidParameterError where a continuation is empty, or has another length than the record's */
export function extractionCounts(continuations: readonly Continuation[]): ExtractionCounts {
  let [exact, nearExact, agreement] = [0, 0, 0];
  for (const { written, actual } of continuations) {
    if (written.length !== actual.length || actual.length === 0) {
      throw new InvalidParameterError(
        `written=${written.length} tokens: must be as many as the record has, ${actual.length}, and at least 1. Compare the same number.`,
      );
    }
    const agreeing = Array.from(actual).filter((token, place) => token === written[place]).length;
    agreement += agreeing / actual.length / continuations.length;
    if (agreeing === actual.length) exact += 1;
    if (editSimilarity(written, actual) >= nearExactSimilarity) nearExact += 1;
  }
  return { tried: continuations.length, exact, nearExact, agreement };
}

/**
 * One less the Levenshtein distance of two token sequences over the length of the longer one; 1 is equality.
 * Reference: Lee et al., arXiv:2107.06499, section 4.2 (EditSim).
 */
export function editSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const longest = Math.max(a.length, b.length);
  if (longest === 0) return 1;
  let row = Uint32Array.from({ length: b.length + 1 }, (_, k) => k);
  for (let i = 0; i < a.length; i++) {
    const next = new Uint32Array(b.length + 1);
    next[0] = i + 1;
    for (let k = 0; k < b.length; k++) {
      const exchanged = row[k]! + (a[i] === b[k] ? 0 : 1);
      next[k + 1] = Math.min(exchanged, row[k + 1]! + 1, next[k]! + 1);
    }
    row = next;
  }
  return 1 - row[b.length]! / longest;
}
