import type { Encoding } from '../data/index.ts';
import type { Batch } from '../models/index.ts';

/** The likeliest tag of a word and its probability; `O` and null for a word that was cut off. */
export interface WordTag {
  readonly tag: string;
  readonly probability: number | null;
}

/** Encoded texts side by side, padded on the right. */
export function paddedBatch(encoded: readonly Encoding[], padId: number): Batch {
  const tokens = Math.max(1, ...encoded.map(({ ids }) => ids.length));
  const size = encoded.length * tokens;
  const ids = new Int32Array(size).fill(padId);
  const [typeIds, mask] = [new Int32Array(size), new Float32Array(size)];
  for (const [row, encoding] of encoded.entries()) {
    ids.set(encoding.ids, row * tokens);
    typeIds.set(encoding.typeIds ?? [], row * tokens);
    mask.fill(1, row * tokens, row * tokens + encoding.ids.length);
  }
  return { records: encoded.length, tokens, ids, typeIds, mask };
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
