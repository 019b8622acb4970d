import { reproducibleRng } from '../../privacy/index.ts';
import { createEngine, type EngineChoice } from '../engines/index.ts';
import type { Points } from '../evaluate/index.ts';
import { loadTokenizer, openModel, resolveModel } from '../formats/index.ts';
import {
  architectureOf,
  buildNetwork,
  feedsOf,
  loadParameters,
  paddedBatch,
  tensorsOf,
} from '../models/index.ts';

/** Turns texts into features. */
export interface TextEncoder {
  /** Name of the model, without its path. */
  readonly name: string;
  /** @returns a row a text, in their order */
  features(texts: readonly string[], progress: (texts: number) => void): Promise<Points>;
  close(): Promise<void>;
}

/** Longer texts lose their rest. */
const maxTokens = 256;
/** Tokens computed at once, padding included. */
const tokenBudget = 4096;

/**
 * Opens a model to compare texts by: its features are the mean of the last hidden states, or for decoders the last token's.
 * @param model - directory, or `org/name@revision` of the hub
 */
export async function openTextEncoder(model: string, choice: EngineChoice = {}): Promise<TextEncoder> {
  const { path, hub } = await resolveModel(model);
  const { network, values, tokenizer, longest, width } = await readModel(path);
  const padId = tokenizer.special.pad ?? 0;
  const engine = await createEngine(choice);
  await engine.write(tensorsOf(network.params, values));
  const program = await engine.load(network.graph);
  return {
    name: hub ? `${hub.repository}@${hub.commit}` : path.split(/[\\/]/).findLast((part) => part !== '')!,
    async features(texts, progress) {
      const encoded = texts.map((text) => tokenizer.encode(text, undefined, { maxLength: longest }).ids);
      const order = [...encoded.keys()].sort((a, b) => encoded[a]!.length - encoded[b]!.length);
      const data = new Float64Array(texts.length * width);
      for (let done = 0; done < order.length;) {
        const rows = batchFrom(order, done, encoded);
        const batch = paddedBatch(
          rows.map((row) => ({ ids: encoded[row]! })),
          padId,
        );
        const output = (await program.run(feedsOf(network, batch)))[network.output]!.data as Float32Array;
        for (const [at, row] of rows.entries())
          data.set(output.subarray(at * width, (at + 1) * width), row * width);
        done += rows.length;
        progress(done);
      }
      return { count: texts.length, width, data };
    },
    close: () => engine.dispose(),
  };
}

/** The part of a model that ends in features, with its values. */
async function readModel(path: string) {
  const directory = await openModel(path);
  try {
    const architecture = architectureOf(directory.config);
    const tokenizer = await loadTokenizer(path);
    const longest = Math.min(maxTokens, architecture.maxTokens, tokenizer.maxLength ?? Infinity);
    const network = buildNetwork({ architecture, task: 'single-label', to: 'features', maxTokens: longest });
    const { values } = await loadParameters(directory.weights, {
      architecture,
      params: network.params,
      rng: reproducibleRng(0),
      head: 'checkpoint',
    });
    return { network, values, tokenizer, longest, width: architecture.hiddenSize };
  } finally {
    await directory.close();
  }
}

/** The next rows, in the order of their lengths, that fit the budget together. */
function batchFrom(order: readonly number[], first: number, encoded: readonly ArrayLike<number>[]): number[] {
  const rows: number[] = [];
  for (const row of order.slice(first)) {
    if (rows.length > 0 && (rows.length + 1) * encoded[row]!.length > tokenBudget) break;
    rows.push(row);
  }
  return rows;
}
