import { allUnits, type TokenStore } from '../data/index.ts';
import { feedsOf, type Batch, type LoraSettings } from '../models/index.ts';
import type { RecordSource, Session } from './session.ts';

/**
 * The model's outputs for a store, in the store's order, without dropout: logits, [records, labels], or the mean loss over the
 * record's own targets (language models), [records, 1]; of token classification those of each word, [words, labels].
 * @param lora - adapters that are in the network
 */
export async function logitsOf(
  session: Session,
  store: TokenStore,
  source: RecordSource,
  lora: LoraSettings | undefined,
): Promise<Float32Array> {
  const network = session.network({
    from: source.cut,
    to: session.task === 'causal-lm' ? 'loss' : 'logits',
    ...(lora && { lora }),
  });
  await session.prepare(network);
  const program = await session.engine.load(network.graph);
  const outputs = outputsFor(store, session.labels);
  try {
    for (const batch of source.batches(allUnits(store))) {
      const { data } = (await program.run(feedsOf(network, batch)))[network.output]!;
      scatterOutputs(outputs, data as Float32Array, store, batch);
    }
  } finally {
    await program.dispose();
  }
  return outputs;
}

/** Zeros for the outputs of a store: one row a record, or one a word that has a tag. */
export function outputsFor({ labels, records }: TokenStore, width: number): Float32Array {
  return new Float32Array((labels.task === 'token-classification' ? labels.codes.length : records) * width);
}

/**
 * Puts what a model made of a batch to its places. A word's outputs are those of its first token; of words that the model does
 * not see they stay zero.
 * @param data - [records, width]; token classification: [records, tokens, width]
 */
export function scatterOutputs(
  target: Float32Array,
  data: Float32Array,
  { labels }: TokenStore,
  { recordIndices, tokens }: Pick<Batch, 'tokens'> & { readonly recordIndices: Uint32Array },
): void {
  const isTags = labels.task === 'token-classification';
  const width = data.length / (recordIndices.length * (isTags ? tokens : 1));
  const put = (row: number, place: number): void =>
    target.set(data.subarray(row * width, (row + 1) * width), place * width);
  for (const [row, record] of recordIndices.entries()) {
    if (!isTags) {
      put(row, record);
      continue;
    }
    for (let word = labels.offsets[record]!; word < labels.offsets[record + 1]!; word++) {
      const position = labels.positions[word]!;
      if (position >= 0) put(row * tokens + position, word);
    }
  }
}
