import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import type { JsonObject, NamedTensor } from '../formats/index.ts';
import type { Architecture } from './architecture.ts';
import { firstTokenHead, poolingLayer, type LinearHead } from './head-export.ts';
import type { Head, Task } from './heads.ts';
import { isOwnHead, OWN_KEY } from './own-export.ts';
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
    .filter(({ name, role }) => role !== 'lora' && !isOwnHead(name))
    .map(({ name, shape }): NamedTensor => ({ name, shape, data: valueOf(values, name) }));
  const { [OWN_KEY]: _, ...rest } = config;
  const layersKey = architecture.encoder?.layersKey;
  // The base may itself be an export with one layer more.
  const base: JsonObject = layersKey === undefined ? rest : { ...rest, [layersKey]: architecture.layers };
  if (task === 'masked-lm' || task === 'causal-lm') {
    const className = `${architecture.className}${LANGUAGE_CLASS[architecture.modelType] ?? `For${task === 'masked-lm' ? 'MaskedLM' : 'CausalLM'}`}`;
    return { config: { ...base, architectures: [className] }, tensors };
  }
  const { encoder } = architecture;
  if (architecture.family === 'decoder' || (encoder === undefined && head !== 'pooler')) {
    throw new InvalidParameterError(
      `task=${task}; a ${architecture.modelType} classifier with head ${head} has no class in transformers. Choose another head, or an encoder.`,
    );
  }
  const common: JsonObject = {
    ...base,
    architectures: [`${architecture.className}ForSequenceClassification`],
    id2label: Object.fromEntries(labelNames.map((name, index) => [index, name])),
    label2id: Object.fromEntries(labelNames.map((name, index) => [name, index])),
    problem_type: PROBLEM_TYPES[task]!,
    [OWN_KEY]: { head, task },
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
    config: { ...common, [encoder!.layersKey]: architecture.layers + 1 },
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
