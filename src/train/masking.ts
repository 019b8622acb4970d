import type { ReproducibleRng } from '../../privacy/index.ts';
import type { Tokenizer } from '../formats/index.ts';
import { ignoredLabel, paddedBatch, type Batch } from '../models/index.ts';

/** Share of the tokens that are predicted. */
const predictedShare = 0.3;

/**
 * A batch for the masked-language-model objective (Devlin et al., arXiv:1810.04805): of the tokens chosen, 80 % are
 * masked, 10 % replaced by any other, 10 % left.
 * @param texts - token ids with special tokens, which are never chosen
 */
export function maskedBatch(texts: readonly Int32Array[], tokenizer: Tokenizer, rng: ReproducibleRng): Batch {
  const { pad = 0, mask: maskId, cls, sep } = tokenizer.special;
  const batch = paddedBatch(
    texts.map((ids) => ({ ids })),
    pad,
  );
  const { ids, tokens } = batch;
  const labels = new Int32Array(ids.length).fill(ignoredLabel);
  for (const [row, text] of texts.entries()) {
    for (const [at, id] of text.entries()) {
      const place = row * tokens + at;
      if (id === cls || id === sep || rng.uniform() >= predictedShare) continue;
      labels[place] = id;
      const fate = rng.uniform();
      if (fate < 0.8) ids[place] = maskId!;
      else if (fate < 0.9) ids[place] = rng.integer(tokenizer.size);
    }
  }
  return { ...batch, labels };
}
