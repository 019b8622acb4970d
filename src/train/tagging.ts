import type { Encoding } from '../data/index.ts';

/** The likeliest tag of a word and its probability; `O` and null for a word that was cut off. */
export interface WordTag {
  readonly tag: string;
  readonly probability: number | null;
}

/**
 * Each word's tag.
 * @param encoded - sentences, with the first token of each word
 * @param logits - of every token, [sentences, tokens, labels]
 */
export function wordTags(
  encoded: readonly Encoding[],
  logits: Float32Array,
  tokens: number,
  labelNames: readonly string[],
): WordTag[][] {
  const width = labelNames.length;
  return encoded.map(({ words = [] }, row) =>
    Array.from(words, (position): WordTag => {
      if (position < 0) return { tag: 'O', probability: null };
      const start = (row * tokens + position) * width;
      const own = logits.subarray(start, start + width);
      const top = own.indexOf(Math.max(...own));
      const total = own.reduce((sum, logit) => sum + Math.exp(logit - own[top]!), 0);
      return { tag: labelNames[top]!, probability: 1 / total };
    }),
  );
}
