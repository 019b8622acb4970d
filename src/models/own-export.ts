import { DataError } from '../../privacy/errors.ts';
import { isJsonObject, type JsonObject, type Weights } from '../formats/index.ts';
import type { Architecture, ExportedHead, Verbalizer } from './architecture.ts';
import { TANH_FACTOR } from './head-export.ts';
import type { Head } from './heads.ts';

/** Key of config.json under which an export says what it is; transformers keeps and ignores it. */
export const OWN_KEY = 'dptune';

/** Whether a parameter is the linear head that this program adds, which has no module in transformers. */
export function isOwnHead(name: string): boolean {
  return name === 'head.weight' || name === 'head.bias';
}

/** Heads of classifiers whose labels stand in id2label. */
const OWN_HEADS: readonly unknown[] = ['mean', 'first', 'pooler', 'last-token', 'token'];

/** What a classifier that this program exported says of itself; undefined for any other model. */
export function exportedHead(config: JsonObject): ExportedHead | undefined {
  const own = config[OWN_KEY];
  if (own === undefined) return undefined;
  const { head, task, verbalizer } = isJsonObject(own) ? own : {};
  const names = config['id2label'];
  if (head === 'verbalizer' && isJsonObject(verbalizer) && Array.isArray(verbalizer['words'])) {
    const found = verbalizer as unknown as Verbalizer;
    return {
      head,
      task: 'single-label',
      labelNames: found.words.map(({ label }) => label),
      verbalizer: found,
    };
  }
  if (!OWN_HEADS.includes(head) || !isJsonObject(names)) {
    throw new DataError(
      `config.json: ${OWN_KEY}=${JSON.stringify(own)}; it must name the head. Export the model again.`,
    );
  }
  return {
    head: head as Head,
    task: task as ExportedHead['task'],
    labelNames: Object.keys(names).map((_, index) => names[index] as string),
  };
}

/** config.json without the layer that `exportModel` adds for a mean head. */
export function withoutPoolingLayer(config: JsonObject, own: ExportedHead | undefined): JsonObject {
  if (own?.head !== 'mean') return config;
  const key = config['model_type'] === 'distilbert' ? 'n_layers' : 'num_hidden_layers';
  return { ...config, [key]: (config[key] as number) - 1 };
}

/**
 * The tensors of an exported classifier under our own names: `head.weight` and `head.bias` in place of the layer and head
 * that stand for them. Other checkpoints come back as they are.
 */
export function withOwnHead(
  weights: Weights,
  { encoder, layers, hiddenSize, ownHead: own }: Architecture,
): Weights {
  if ((own?.head !== 'mean' && own?.head !== 'first') || encoder === undefined) return weights;
  const { dense, output, activation } = encoder.denseHead;
  const added = Object.values(encoder.layerPaths(layers));
  const mapped = [dense, output, ...(own.head === 'mean' ? added : [])];
  const tensors = new Map(weights.tensors);
  for (const name of weights.tensors.keys())
    if (mapped.some((path) => name.startsWith(`${path}.`))) tensors.delete(name);
  // Both ways of writing the head hold W itself, or W times a power of two: reading it back is exact.
  const source =
    own.head === 'mean' ? encoder.layerPaths(layers).value : activation === 'tanh' ? output : dense;
  const labels = own.labelNames.length;
  const info = weights.tensors.get(`${source}.weight`);
  const biasInfo = weights.tensors.get(`${output}.bias`);
  if (info === undefined || biasInfo === undefined)
    throw new DataError(`${weights.files.join(', ')}: the ${own.head} head is missing.`);
  tensors.set('head.weight', { ...info, name: 'head.weight', shape: [labels, hiddenSize] });
  tensors.set('head.bias', { ...biasInfo, name: 'head.bias' });
  return {
    ...weights,
    tensors,
    read: async (name) => {
      if (name === 'head.bias') return weights.read(`${output}.bias`);
      if (name !== 'head.weight') return weights.read(name);
      const rows = (await weights.read(`${source}.weight`)).slice(0, labels * hiddenSize);
      return source === output ? rows.map((value) => value * TANH_FACTOR) : rows;
    },
  };
}
