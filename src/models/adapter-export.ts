import { InvalidParameterError } from '../../privacy/errors.ts';
import type { AdapterToWrite, NamedTensor } from '../formats/index.ts';
import type { Architecture } from './architecture.ts';
import { isOwnHead } from './own-export.ts';
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
  /** Directory, or name on the hub; `@` and a commit may follow. */
  readonly baseModel: string;
}

/**
 * LoRA factors and head as a peft adapter of the base model.
 *
 * A `pooler` or `last-token` head goes with the family's sequence-classification class, label words with its language
 * model, a `token` head with its token-classification class. A `mean` or `first` head is a linear map of each token's state,
 * so it goes with that class, too (task type TOKEN_CLS): the record's logits are the mean of its own tokens' logits, or the
 * first token's. `adapterUsage` says so in Python.
 */
export function adapterOf(options: AdapterOptions): AdapterToWrite {
  const { architecture, network, values, lora, task, head = 'mean' } = options;
  const { adapted, params } = network;
  if (adapted.length === 0)
    throw new InvalidParameterError('adapter: the network has no LoRA factors to write.');
  const language = languageTask(task, head, architecture);
  const linear = !language && ['mean', 'first', 'token'].includes(head);
  const written = params.filter(
    ({ role, place, name }) => role === 'lora' || (place === 'head' && (!language || name.includes('lora'))),
  );
  const tensors = written.map(({ name, shape }): NamedTensor => {
    const stored = isOwnHead(name) ? name.replace('head.', 'classifier.') : name;
    return { name: stored, shape, data: values.get(name)! };
  });
  const dense = architecture.encoder?.denseHead.dense ?? '';
  return {
    ...hubReference(options.baseModel),
    rank: lora.rank,
    alpha: lora.alpha,
    dropout: lora.dropout,
    // Without the family's prefix a path matches the bare model, too.
    targetModules: adapted.map(({ path }) =>
      path.startsWith(`${architecture.prefix}.`) ? path.slice(architecture.prefix.length + 1) : path,
    ),
    fanInFanOut: adapted.some(({ layout }) => layout === 'in-out'),
    taskType:
      language === 'causal-lm'
        ? 'CAUSAL_LM'
        : language
          ? 'FEATURE_EXTRACTION'
          : linear
            ? 'TOKEN_CLS'
            : 'SEQ_CLS',
    modulesToSave: language
      ? []
      : linear
        ? ((head === 'token' ? architecture.poolerModules : undefined) ?? ['classifier'])
        : head === 'last-token'
          ? ['score']
          : (architecture.poolerModules ?? [...new Set([moduleOf(dense), 'classifier'])]),
    tensors,
  };
}

/** Which language model an adapter belongs to, where it belongs to one. */
function languageTask(
  task: Task,
  head: Head,
  architecture: Pick<Architecture, 'family'> | undefined,
): 'masked-lm' | 'causal-lm' | undefined {
  if (task === 'masked-lm' || task === 'causal-lm') return task;
  if (head !== 'verbalizer') return undefined;
  return architecture?.family === 'decoder' ? 'causal-lm' : 'masked-lm';
}

/** `bert.pooler.dense` is saved as the module `pooler`, `classifier.dense` as `classifier`, `pre_classifier` as itself. */
function moduleOf(dense: string): string {
  return dense.split('.').findLast((part) => part !== 'dense') ?? dense;
}

/** `org/name@commit` as transformers and peft take it: name and revision apart. */
function hubReference(reference: string): { readonly baseModel: string; readonly revision?: string } {
  const { name, revision } = /^(?<name>.+)@(?<revision>[0-9a-f]{40})$/.exec(reference)?.groups ?? {};
  return name === undefined || revision === undefined
    ? { baseModel: reference }
    : { baseModel: name, revision };
}

export interface AdapterUsage {
  readonly task: Task;
  readonly head?: Head;
  readonly labels: number;
  /** As for `adapterOf`. */
  readonly baseModel: string;
  /** The adapter's directory. */
  readonly path: string;
  /** Needed where the base model is itself an export of this program, and for label words. */
  readonly architecture?: Architecture;
  /** Needed for head `last-token`. */
  readonly padId?: number | undefined;
}

/** Python that loads an adapter and, for a classifier with a head of its own, computes a record's logits, for a model card. */
export function adapterUsage({
  task,
  head = 'mean',
  labels,
  baseModel,
  path,
  architecture,
  padId,
}: AdapterUsage): string {
  const language = languageTask(task, head, architecture);
  const { baseModel: name, revision } = hubReference(baseModel);
  const model = [JSON.stringify(name), ...(revision === undefined ? [] : [`revision="${revision}"`])];
  const options = [
    ...model,
    ...(language ? [] : [`num_labels=${labels}`]),
    ...(head === 'last-token' ? [`pad_token_id=${padId}`] : []),
    // The layer on top that stands for an exported mean head is none of the base model's.
    ...(architecture?.ownHead?.head === 'mean' ? [`num_hidden_layers=${architecture.layers}`] : []),
  ].join(', ');
  const isOwn = head === 'pooler' || head === 'last-token';
  const className = `AutoModelFor${language ? CLASS_OF_TASK[language] : isOwn ? 'SequenceClassification' : 'TokenClassification'}`;
  const loading = [
    'import torch',
    'from peft import PeftModel',
    `from transformers import ${className}, AutoTokenizer`,
    `tokenizer = AutoTokenizer.from_pretrained(${model.join(', ')})`,
    `base = ${className}.from_pretrained(${options})`,
    `model = PeftModel.from_pretrained(base, ${JSON.stringify(path)}).eval()`,
  ];
  if (language) return loading.slice(1).join('\n');
  return [
    ...loading,
    "batch = tokenizer(['your text'], return_tensors='pt', truncation=True)",
    'with torch.no_grad():',
    ...(READ_LOGITS[head] ?? READ_LOGITS.pooler).map((line) => `    ${line}`),
  ].join('\n');
}

const CLASS_OF_TASK = { 'causal-lm': 'CausalLM', 'masked-lm': 'MaskedLM' } as const;

const READ_LOGITS: Readonly<Partial<Record<Head, readonly string[]>> & Record<'pooler', readonly string[]>> =
  {
    pooler: ['logits = model(**batch).logits'],
    first: ['logits = model(**batch).logits[:, 0]'],
    mean: [
      "mask = batch['attention_mask'].unsqueeze(-1)",
      'logits = (model(**batch).logits * mask).sum(1) / mask.sum(1)',
    ],
  };
