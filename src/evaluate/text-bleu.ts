import { countNgrams, overlap, total, wordsOf } from './ngrams.ts';

const LONGEST = 4;

/** What a corpus's BLEU is made of; those of several texts add up. */
export interface BleuCounts {
  /** Tokens of the text, and of the reference whose length is nearest (of two, the shorter). */
  readonly length: number;
  readonly referenceLength: number;
  /** n-grams that some reference has (each as often as it has it), and all, by n. */
  readonly matches: readonly number[];
  readonly all: readonly number[];
}

/** @param references - at least one */
export function bleuCounts(text: string, references: readonly string[]): BleuCounts {
  const tokens = mtevalTokens(text);
  const known = references.map(mtevalTokens);
  const lengths = known.map(({ length }) => length);
  const distance = (length: number): number => Math.abs(length - tokens.length);
  const referenceLength = lengths.reduce((best, length) =>
    distance(length) < distance(best) || (distance(length) === distance(best) && length < best)
      ? length
      : best,
  );
  const orders = Array.from({ length: LONGEST }, (_, at) => at + 1);
  const counts = orders.map((n) => countNgrams(tokens, n));
  return {
    length: tokens.length,
    referenceLength,
    matches: counts.map((own, at) => overlap(own, most(known.map((other) => countNgrams(other, at + 1))))),
    all: counts.map(total),
  };
}

/** Of each n-gram the most that one of the maps has. */
function most(maps: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const result = new Map<string, number>();
  for (const map of maps)
    for (const [ngram, count] of map) result.set(ngram, Math.max(count, result.get(ngram) ?? 0));
  return result;
}

/**
 * Corpus BLEU of up to 4-grams, 0 to 100 (Papineni et al. 2002), exponential smoothing where no n-gram of a length matches:
 * sacreBLEU's default, signature `case:mixed|eff:no|tok:13a|smooth:exp` (Post 2018).
 */
export function bleuOf({ length, referenceLength, matches, all }: BleuCounts): number {
  if (matches.every((count) => count === 0)) return 0;
  let smoothing = 1;
  let sum = 0;
  for (const [at, count] of matches.entries()) {
    // No text is that long: the score is 0, as sacreBLEU has it for corpora.
    if (all[at] === 0) return 0;
    if (count === 0) smoothing *= 2;
    sum += Math.log(count === 0 ? 1 / (smoothing * all[at]!) : count / all[at]!);
  }
  const brevity = length < referenceLength ? Math.exp(1 - referenceLength / length) : 1;
  return 100 * brevity * Math.exp(sum / LONGEST);
}

/** mteval-v13a's tokens, as sacreBLEU 2.6 makes them (tokenizer_13a). */
export function mtevalTokens(text: string): string[] {
  const line = text
    .trimEnd()
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  const spaced = ` ${line} `
    .replace(/[{-~[-` -&(-+:-@/]/gu, ' $& ')
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/gu, '$1 $2 ');
  return wordsOf(spaced);
}
