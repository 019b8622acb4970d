import { countNgrams, overlap, total } from './ngrams.ts';

/** F1 against the reference where it is best, 0 to 1. */
export interface Rouge {
  readonly rouge1: number;
  readonly rouge2: number;
  readonly rougeL: number;
}

/**
 * ROUGE (Lin 2004): F1 of words, of pairs of words and of the longest common subsequence, without stemming. Equal to
 * rouge-score 0.1.2 for ASCII text; letters beyond ASCII are kept here, so that other languages have words at all.
 */
export function rougeOf(text: string, references: readonly string[]): Rouge {
  const words = rougeWords(text);
  const best = (score: (reference: readonly string[]) => number): number =>
    Math.max(...references.map((reference) => score(rougeWords(reference))));
  const ngrams = (n: number) => (reference: readonly string[]) => {
    const [own, other] = [countNgrams(words, n), countNgrams(reference, n)];
    return harmonic(overlap(own, other), total(own), total(other));
  };
  return {
    rouge1: best(ngrams(1)),
    rouge2: best(ngrams(2)),
    rougeL: best((reference) => harmonic(commonLength(words, reference), words.length, reference.length)),
  };
}

function rougeWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

function harmonic(common: number, own: number, other: number): number {
  return common === 0 ? 0 : (2 * common) / (own + other);
}

/** Length of the longest common subsequence, one row of the table at a time. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  let row = new Uint32Array(b.length + 1);
  for (const word of a) {
    const next = new Uint32Array(b.length + 1);
    for (const [at, other] of b.entries())
      next[at + 1] = word === other ? row[at]! + 1 : Math.max(row[at + 1]!, next[at]!);
    row = next;
  }
  return row.at(-1)!;
}
