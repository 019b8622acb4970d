import { countNgrams, overlap, total } from './ngrams.ts';

const LONGEST = 6;
/** Recall counts beta times as much as precision. */
const BETA = 2;

/** n-grams of the text, of the reference, and common ones, by n; those of several texts add up. */
export type ChrfCounts = readonly (readonly [text: number, reference: number, matches: number])[];

/** Counts against the reference that gives the best score. */
export function chrfCounts(text: string, references: readonly string[]): ChrfCounts {
  const own = characterCounts(text);
  const candidates = references.map((reference) =>
    characterCounts(reference).map(
      (counts, at) =>
        // Where a reference has no n-gram of this length, none of the text's counts.
        [counts.size > 0 ? total(own[at]!) : 0, total(counts), overlap(own[at]!, counts)] as const,
    ),
  );
  return candidates.reduce((best, counts) => (chrfOf(counts) > chrfOf(best) ? counts : best));
}

function characterCounts(text: string): Map<string, number>[] {
  const characters = Array.from(text.replace(/\s+/gu, ''));
  return Array.from({ length: LONGEST }, (_, at) => countNgrams(characters, at + 1, ''));
}

/** chrF2 of character n-grams up to 6, 0 to 100 (Popović 2015): sacreBLEU's default, signature `nc:6|nw:0|space:no`. */
export function chrfOf(counts: ChrfCounts): number {
  const present = counts.filter(([text, reference]) => text > 0 && reference > 0);
  if (present.length === 0) return 0;
  const mean = (share: (counts: ChrfCounts[number]) => number): number =>
    present.reduce((sum, each) => sum + share(each), 0) / present.length;
  const precision = mean(([text, , matches]) => matches / text);
  const recall = mean(([, reference, matches]) => matches / reference);
  if (precision + recall === 0) return 0;
  const factor = BETA ** 2;
  return (100 * (1 + factor) * precision * recall) / (factor * precision + recall);
}
