import { countNgrams, wordsOf } from './ngrams.ts';

/** What a set of written texts looks like; computed from the texts alone. */
export interface SyntheticFigures {
  readonly texts: number;
  /** Share that equals an earlier one. */
  readonly duplicates: number;
  readonly empty: number;
  /** Words of a text (nearest rank). */
  readonly words: Readonly<Record<'mean' | 'p10' | 'median' | 'p90', number>>;
  /** Different words, and pairs, among all that were written. */
  readonly distinct1: number;
  readonly distinct2: number;
}

export function syntheticFigures(texts: readonly string[]): SyntheticFigures {
  const words = texts.map((text) => wordsOf(text.toLowerCase()));
  const lengths = words.map(({ length }) => length).sort((a, b) => a - b);
  const rank = (share: number): number => lengths[Math.max(0, Math.ceil(share * lengths.length) - 1)] ?? 0;
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const distinct = (n: number): number => {
    const kinds = new Set(words.flatMap((own) => [...countNgrams(own, n).keys()]));
    const all = lengths.reduce((sum, length) => sum + Math.max(0, length - n + 1), 0);
    return all === 0 ? 0 : kinds.size / all;
  };
  return {
    texts: texts.length,
    duplicates: texts.length === 0 ? 0 : 1 - new Set(texts).size / texts.length,
    empty: words.filter(({ length }) => length === 0).length,
    words: {
      mean: texts.length === 0 ? 0 : total / texts.length,
      p10: rank(0.1),
      median: rank(0.5),
      p90: rank(0.9),
    },
    distinct1: distinct(1),
    distinct2: distinct(2),
  };
}

/** How much of written texts stands in the private data word for word. Private: it answers questions about that data. */
export interface OverlapFigures {
  /** Texts that are a whole private text. */
  readonly copies: number;
  /** Share of the written runs of `length` words that occur in the private data. */
  readonly shared: number;
  readonly length: number;
}

/** Words in a row that two texts hardly share by chance (Carlini et al., arXiv:2202.07646, go by 50 tokens; texts here are short). */
const runLength = 8;

/** @param privateTexts - read once, one at a time */
export async function overlapFigures(
  texts: readonly string[],
  privateTexts: AsyncIterable<string>,
): Promise<OverlapFigures> {
  const runsOf = (text: string): string[] => [...countNgrams(wordsOf(text.toLowerCase()), runLength).keys()];
  const written = new Set(texts.flatMap(runsOf));
  const whole = new Set(texts.map(normalised));
  const [found, copied] = [new Set<string>(), new Set<string>()];
  for await (const text of privateTexts) {
    for (const run of runsOf(text)) if (written.has(run)) found.add(run);
    if (whole.has(normalised(text))) copied.add(normalised(text));
  }
  return {
    copies: texts.filter((text) => copied.has(normalised(text))).length,
    shared: written.size === 0 ? 0 : found.size / written.size,
    length: runLength,
  };
}

function normalised(text: string): string {
  return wordsOf(text.toLowerCase()).join(' ');
}
