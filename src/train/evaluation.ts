import { allUnits, type TokenStore } from '../data/index.ts';
import { feedsOf, type LoraSettings } from '../models/index.ts';
import type { RecordSource, Session } from './session.ts';

/**
 * The model's outputs for every record of a store, [records, labels], in the store's order, without dropout: logits, or the
 * mean loss over the record's own targets (language models).
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
  const width = session.labels;
  const logits = new Float32Array(store.records * width);
  try {
    for (const batch of source.batches(allUnits(store))) {
      const { data } = (await program.run(feedsOf(network, batch)))[network.output]!;
      scatterRows(logits, data as Float32Array, batch.recordIndices, width);
    }
  } finally {
    await program.dispose();
  }
  return logits;
}

/** Puts row r of `rows` to row `places[r]` of `target`; rows have `width` numbers. */
export function scatterRows(
  target: Float32Array,
  rows: Float32Array,
  places: Uint32Array,
  width: number,
): void {
  for (const [row, place] of places.entries()) {
    target.set(rows.subarray(row * width, (row + 1) * width), place * width);
  }
}
