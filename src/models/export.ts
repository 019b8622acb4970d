import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import type { JsonObject, NamedTensor, Weights } from '../formats/index.ts';
import { isJsonObject } from '../formats/index.ts';
import type { Architecture } from './architecture.ts';
import { firstTokenHead, poolingLayer, TANH_FACTOR, type LinearHead } from './head-export.ts';
import type { Head, Task } from './heads.ts';
import type { ParameterSpec } from './parameters.ts';

export interface ExportOptions {
  /** config.json of the base model. */
  readonly config: JsonObject;
  readonly architecture: Architecture;
  readonly task: Task;
  readonly head?: Head;
  /** Names of the classes, labels or targets, in the order of the logits; not used by language models. */
  readonly labelNames?: readonly string[];
  readonly params: readonly ParameterSpec[];
  /** Values of `params`, LoRA merged. */
  readonly values: ReadonlyMap<string, Float32Array>;
}

export interface ExportedModel {
  readonly config: JsonObject;
  readonly tensors: readonly NamedTensor[];
}

/** Key of config.json under which an export says what it is; transformers keeps and ignores it. */
const KEY = 'dptune';

const PROBLEM_TYPES: Readonly<Partial<Record<Task, string>>> = {
  'single-label': 'single_label_classification',
  'multi-label': 'multi_label_classification',
  regression: 'regression',
};

/**
 * A model as a checkpoint that transformers loads by its plain classes, without remote code, with equal logits: `AutoModelForSequenceClassification`,
 * or the language model's class.
 *
 * A `pooler` head is the family's own. A `first` head is written in its terms; a `mean` head as one more layer (see
 * head-export.ts), which `architectureOf` and `loadParameters` take off again.
 */
export function exportModel(options: ExportOptions): ExportedModel {
  const { config, architecture, task, head = 'mean', labelNames = [], params, values } = options;
  const tensors = params
    .filter(({ name, role }) => role !== 'lora' && !name.startsWith('head.'))
    .map(({ name, shape }): NamedTensor => ({ name, shape, data: valueOf(values, name) }));
  const { [KEY]: _, ...base } = config;
  if (task === 'masked-lm' || task === 'causal-lm') {
    const className = `${architecture.className}${LANGUAGE_CLASS[architecture.modelType] ?? `For${task === 'masked-lm' ? 'MaskedLM' : 'CausalLM'}`}`;
    return { config: { ...base, architectures: [className] }, tensors };
  }
  if (architecture.encoder === undefined) {
    throw new InvalidParameterError(
      `task=${task}; a ${architecture.modelType} classifier with head ${head} has no class in transformers. Choose an encoder.`,
    );
  }
  const common: JsonObject = {
    ...base,
    architectures: [`${architecture.className}ForSequenceClassification`],
    id2label: Object.fromEntries(labelNames.map((name, index) => [index, name])),
    label2id: Object.fromEntries(labelNames.map((name, index) => [name, index])),
    problem_type: PROBLEM_TYPES[task]!,
    [KEY]: { head, task },
  };
  if (head === 'pooler') return { config: common, tensors };
  const linear: LinearHead = {
    labels: labelNames.length,
    weight: valueOf(values, 'head.weight'),
    bias: valueOf(values, 'head.bias'),
  };
  if (head === 'first')
    return { config: common, tensors: [...tensors, ...firstTokenHead(architecture, linear)] };
  return {
    config: { ...common, [architecture.encoder.layersKey]: architecture.layers + 1 },
    tensors: [...tensors, ...poolingLayer(architecture, linear)],
  };
}

/** Where a family's language-model class is named otherwise than `ForCausalLM` or `ForMaskedLM`. */
const LANGUAGE_CLASS: Readonly<Record<string, string>> = { gpt2: 'LMHeadModel' };

function valueOf(values: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const data = values.get(name);
  if (data === undefined) throw new DataError(`parameter ${name}: no values for it.`);
  return data;
}

/** What a classifier that this program exported says of itself; undefined for any other model. */
export interface ExportedHead {
  readonly head: Head;
  readonly task: Task;
  readonly labelNames: readonly string[];
}

export function exportedHead(config: JsonObject): ExportedHead | undefined {
  const own = config[KEY];
  if (own === undefined) return undefined;
  const { head, task } = isJsonObject(own) ? own : {};
  const names = config['id2label'];
  if ((head !== 'mean' && head !== 'first' && head !== 'pooler') || !isJsonObject(names)) {
    throw new DataError(
      `config.json: ${KEY}=${JSON.stringify(own)}; it must name the head. Export the model again.`,
    );
  }
  return {
    head,
    task: task as Task,
    labelNames: Object.keys(names).map((_, index) => names[index] as string),
  };
}

/** config.json without the layer that `exportModel` adds for a mean head. */
export function withoutPoolingLayer(config: JsonObject): JsonObject {
  if (exportedHead(config)?.head !== 'mean') return config;
  const key = config['model_type'] === 'distilbert' ? 'n_layers' : 'num_hidden_layers';
  return { ...config, [key]: (config[key] as number) - 1 };
}

/**
 * The tensors of an exported classifier under our own names: `head.weight` and `head.bias` in place of the layer and head
 * that stand for them. Other checkpoints come back as they are.
 */
export function withOwnHead(
  weights: Weights,
  config: JsonObject,
  { encoder, layers, hiddenSize }: Architecture,
): Weights {
  const own = exportedHead(config);
  if (own === undefined || own.head === 'pooler' || encoder === undefined) return weights;
  const { dense, output, activation } = encoder.denseHead;
  const added = Object.values(encoder.layerPaths(layers));
  const mapped = [dense, output, ...(own.head === 'mean' ? added : [])];
  const tensors = new Map(weights.tensors);
  for (const name of weights.tensors.keys())
    if (mapped.some((path) => name.startsWith(`${path}.`))) tensors.delete(name);
  // Both ways of writing the head hold W itself, or W times a power of two: reading it back is exact.
  const source =
    own.head === 'mean' ? encoder.layerPaths(layers).value : activation === 'relu' ? dense : output;
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
