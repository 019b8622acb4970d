import { InvalidParameterError } from '../../privacy/errors.ts';
import type { AdapterToWrite, NamedTensor } from '../formats/index.ts';
import type { Architecture } from './architecture.ts';
import type { Head, Task } from './heads.ts';
import type { LoraSettings } from './modules.ts';
import type { Network } from './network.ts';

export interface AdapterOptions {
  readonly architecture: Architecture;
  readonly network: Pick<Network, 'adapted' | 'params'>;
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly lora: LoraSettings;
  readonly task: Task;
  readonly head?: Head;
  readonly baseModel: string;
  readonly revision?: string;
}

/**
 * LoRA factors and head as a peft adapter of the base model.
 *
 * A `pooler` head goes with the family's sequence-classification class. A `mean` or `first` head is a linear map of each token's
 * state, so it goes with the token-classification class (task type TOKEN_CLS): the record's logits are the mean of its own tokens' logits,
 * or the first token's. `adapterUsage` says so in Python.
 */
export function adapterOf(options: AdapterOptions): AdapterToWrite {
  const { architecture, network, values, lora, task, head = 'mean', baseModel, revision } = options;
  const { adapted, params } = network;
  if (adapted.length === 0)
    throw new InvalidParameterError('adapter: the network has no LoRA factors to write.');
  const language = task === 'masked-lm' || task === 'causal-lm';
  const linear = !language && head !== 'pooler';
  const written = params.filter(
    ({ role, place, name }) => role === 'lora' || (place === 'head' && (!language || name.includes('lora'))),
  );
  const tensors = written.map(({ name, shape }): NamedTensor => {
    const stored = name.startsWith('head.') ? name.replace('head.', 'classifier.') : name;
    return { name: stored, shape, data: values.get(name)! };
  });
  const dense = architecture.encoder?.denseHead.dense ?? '';
  return {
    baseModel,
    ...(revision === undefined ? {} : { revision }),
    rank: lora.rank,
    alpha: lora.alpha,
    dropout: lora.dropout,
    // Without the family's prefix a path matches the bare model, too.
    targetModules: adapted.map(({ path }) => path.slice(architecture.prefix.length + 1)),
    fanInFanOut: adapted.some(({ layout }) => layout === 'in-out'),
    taskType:
      task === 'causal-lm' ? 'CAUSAL_LM' : language ? 'FEATURE_EXTRACTION' : linear ? 'TOKEN_CLS' : 'SEQ_CLS',
    modulesToSave: language ? [] : linear ? ['classifier'] : [...new Set([moduleOf(dense), 'classifier'])],
    tensors,
  };
}

/** `bert.pooler.dense` is saved as the module `pooler`, `classifier.dense` as `classifier`, `pre_classifier` as itself. */
function moduleOf(dense: string): string {
  return dense.split('.').findLast((part) => part !== 'dense') ?? dense;
}

/** Python that loads an adapter and computes a record's logits, for a model card. */
export function adapterUsage({
  task,
  head = 'mean',
  labels,
  baseModel,
  path,
}: {
  readonly task: Task;
  readonly head?: Head;
  readonly labels: number;
  readonly baseModel: string;
  readonly path: string;
}): string {
  const lines = ['import torch', 'from peft import PeftModel'];
  const [model, adapter] = [JSON.stringify(baseModel), JSON.stringify(path)];
  if (task === 'causal-lm' || task === 'masked-lm') {
    const name = task === 'causal-lm' ? 'AutoModelForCausalLM' : 'AutoModelForMaskedLM';
    return [
      ...lines.slice(1),
      `from transformers import ${name}`,
      `model = PeftModel.from_pretrained(${name}.from_pretrained(${model}), ${adapter})`,
    ].join('\n');
  }
  const name = head === 'pooler' ? 'AutoModelForSequenceClassification' : 'AutoModelForTokenClassification';
  const read = {
    pooler: ['logits = model(**batch).logits'],
    first: ['logits = model(**batch).logits[:, 0]'],
    mean: [
      "mask = batch['attention_mask'].unsqueeze(-1)",
      'logits = (model(**batch).logits * mask).sum(1) / mask.sum(1)',
    ],
  }[head];
  return [
    ...lines,
    `from transformers import ${name}, AutoTokenizer`,
    `tokenizer = AutoTokenizer.from_pretrained(${model})`,
    `model = PeftModel.from_pretrained(${name}.from_pretrained(${model}, num_labels=${labels}), ${adapter}).eval()`,
    "batch = tokenizer(['your text'], return_tensors='pt', padding=True, truncation=True)",
    'with torch.no_grad():',
    ...read.map((line) => `    ${line}`),
  ].join('\n');
}
