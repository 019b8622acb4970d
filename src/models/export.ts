import { DataError } from '../../privacy/errors.ts';
import type { JsonObject, TensorToWrite } from '../formats/index.ts';
import type { Architecture, Verbalizer } from './architecture.ts';
import { checkExportable, firstTokenHead, poolingLayer, type LinearHead } from './head-export.ts';
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
  /** Token that pads a batch: what transformers finds a record's last token by; needed for head `last-token`. */
  readonly padId?: number | undefined;
  /** Needed for head `verbalizer`. */
  readonly verbalizer?: Verbalizer | undefined;
  /** Values of `params`, LoRA merged. */
  readonly values: ReadonlyMap<string, Float32Array>;
  /** Those that are made only when they are written. */
  readonly later?: ReadonlyMap<string, () => Promise<Float32Array>>;
}

export interface ExportedModel {
  readonly config: JsonObject;
  readonly tensors: readonly TensorToWrite[];
}

const PROBLEM_TYPES: Readonly<Partial<Record<Task, string>>> = {
  'single-label': 'single_label_classification',
  'multi-label': 'multi_label_classification',
  regression: 'regression',
};

/**
 * A model as a checkpoint that transformers loads by its plain classes, without remote code, with equal logits: `AutoModelForSequenceClassification`,
 * `AutoModelForTokenClassification`, or the language model's class.
 *
 * A `pooler` head is the family's own. A `first` head is written in its terms; a `mean` head as one more layer (see
 * head-export.ts), which `architectureOf` and `loadParameters` take off again. With `verbalizer` it is the language model itself.
 */
export function exportModel(options: ExportOptions): ExportedModel {
  const { config, architecture, task, head = 'mean', labelNames = [], params, values, later } = options;
  const tensors = params
    .filter(({ name, role }) => role !== 'lora' && !isOwnHead(name))
    .map(({ name, shape }): TensorToWrite => ({
      name,
      shape,
      data: later?.get(name) ?? valueOf(values, name),
    }));
  const { [OWN_KEY]: _, ...rest } = config;
  const layersKey = architecture.encoder?.layersKey;
  // The base may itself be an export with one layer more.
  const base: JsonObject = layersKey === undefined ? rest : { ...rest, [layersKey]: architecture.layers };
  if (task === 'masked-lm' || task === 'causal-lm') {
    return { config: { ...base, architectures: [languageClass(architecture)] }, tensors };
  }
  if (head === 'verbalizer') {
    const own = { head, task, verbalizer: options.verbalizer as unknown as JsonObject };
    return { config: { ...base, architectures: [languageClass(architecture)], [OWN_KEY]: own }, tensors };
  }
  checkExportable(head, labelNames.length, architecture);
  const { encoder } = architecture;
  const common: JsonObject = {
    ...base,
    architectures: [
      `${CLASSIFIER_NAMES[architecture.modelType] ?? architecture.className}For${head === 'token' ? 'Token' : 'Sequence'}Classification`,
    ],
    id2label: Object.fromEntries(labelNames.map((name, index) => [index, name])),
    label2id: Object.fromEntries(labelNames.map((name, index) => [name, index])),
    ...(PROBLEM_TYPES[task] !== undefined && { problem_type: PROBLEM_TYPES[task] }),
    [OWN_KEY]: { head, task },
  };
  if (head === 'pooler' || head === 'token') return { config: common, tensors };
  if (head === 'last-token') return { config: { ...common, pad_token_id: options.padId! }, tensors };
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

/** Where a family's classifier is named otherwise than its language model. */
const CLASSIFIER_NAMES: Readonly<Record<string, string>> = { gemma3_text: 'Gemma3Text' };

function languageClass({ modelType, className, family }: Architecture): string {
  const usual = family === 'encoder' ? 'ForMaskedLM' : 'ForCausalLM';
  return `${className}${LANGUAGE_CLASS[modelType] ?? usual}`;
}

function valueOf(values: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const data = values.get(name);
  if (data === undefined) throw new DataError(`parameter ${name}: no values for it.`);
  return data;
}
