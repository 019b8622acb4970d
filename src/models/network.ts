import { InvalidParameterError } from '../../privacy/errors.ts';
import { GraphBuilder, type Graph, type Value } from '../graph/index.ts';
import type { Architecture } from './architecture.ts';
import { checkExportable } from './head-export.ts';
import { classLogits, featuresOf, type Mark } from './classifier.ts';
import { recordLoss, type Head, type Task } from './heads.ts';
import {
  createModules,
  type Adapted,
  type DropoutSpec,
  type InputSpec,
  type LoraSettings,
} from './modules.ts';
import type { ParameterSpec } from './parameters.ts';

/** A place between layers: after so many of them (0: the embeddings). */
interface Layer {
  readonly layer: number;
}

export interface NetworkOptions {
  readonly architecture: Architecture;
  readonly task: Task;
  /** Classes, label names or regression targets; not used by language models. */
  readonly labels?: number;
  /** How hidden states become a record's features; not used by language models. Default: the mean; `token` for token classification. */
  readonly head?: Head;
  /** The token that is read; heads `last-token` (default: the last) and `verbalizer`. */
  readonly mark?: Mark | undefined;
  /** Token ids of the label words, in the order of the labels; head `verbalizer`. */
  readonly words?: readonly number[] | undefined;
  /** Probability at every place where the model family drops activations; default 0. */
  readonly dropout?: number;
  readonly lora?: LoraSettings;
  /** Names of frozen weights that are held in 8 bits. */
  readonly int8?: ReadonlySet<string> | undefined;
  /** What the network is given: tokens (default), hidden states after a layer, or pooled features. */
  readonly from?: 'tokens' | Layer | 'features';
  /** What it gives; default `loss`. */
  readonly to?: 'loss' | 'logits' | 'features' | Layer;
  /** Longest input; default the architecture's. Decoders keep constants of this size. */
  readonly maxTokens?: number;
}

/**
 * A network as a graph with one output.
 *
 * Inputs, of which a network lists those that it has (records R, tokens T, padding on the right):
 * `ids`, `typeIds`, `positions` i32 [R, T]; `mask` f32 [R, T], 1 for tokens and 0 for padding; `mark` f32 [R, 1, T], 1 at the token
 * that a head reads; `hidden` f32 [R, T, hiddenSize];
 * `features` f32 [R, hiddenSize]; `labels`: i32 [R] class numbers, or f32 [R, labels] of 0 and 1 (multi-label), or f32 [R]
 * targets (regression), or i32 [R, T] token ids (language models) or tags (token classification), `ignoredLabel` where there is no
 * target.
 *
 * Output: `loss` f32 [R]; `logits` f32 [R, labels], or [R, T, vocabulary or labels]; `features` f32 [R, hiddenSize]; or `hidden`.
 * A padded position changes no output of its record by a bit, except the `hidden` and token logits at that position.
 */
export interface Network {
  readonly graph: Graph;
  readonly output: 'loss' | 'logits' | 'features' | 'hidden';
  readonly inputs: readonly InputSpec[];
  /** Masks to feed, beside `inputs`. */
  readonly dropouts: readonly DropoutSpec[];
  /** What the network uses, from the bottom up. */
  readonly params: readonly ParameterSpec[];
  /** The linear maps that have LoRA factors. */
  readonly adapted: readonly Adapted[];
  readonly positionOffset: number;
  /** What `mark` is 1 at, where the network has it. */
  readonly mark: Mark | undefined;
  /** The head is the checkpoint's own language head: whatever trains of it, trains as the other weights do. */
  readonly pretrainedHead: boolean;
  /** The head sees one vector a record, so that a frozen body may end there. */
  readonly hasFeatures: boolean;
}

/**
 * Builds the part of a model between `from` and `to`.
 * @throws InvalidParameterError naming the option at fault
 */
export function buildNetwork(options: NetworkOptions): Network {
  const {
    architecture,
    task,
    dropout = 0,
    lora,
    int8,
    from = 'tokens',
    to = 'loss',
    maxTokens = architecture.maxTokens,
  } = options;
  const head = options.head ?? (task === 'token-classification' ? 'token' : 'mean');
  const classifier = { head, labels: options.labels ?? 0, words: options.words };
  const language = task === 'masked-lm' || task === 'causal-lm';
  check({ ...options, head });
  const builder = new GraphBuilder();
  const { initializerRange, hiddenSize, layers, positionOffset, modelType } = architecture;
  const modules = createModules(builder, { initializerRange, dropout, lora, int8, maxTokens });

  const finish = (output: Network['output'], value: Value): Network => {
    builder.output(output, value);
    const { inputs, dropouts, params, adapted } = modules;
    checkTargets(
      lora,
      adapted,
      from === 'features' || (typeof from === 'object' && from.layer === layers),
      modelType,
    );
    const mark = options.mark ?? { kind: 'last' };
    return {
      graph: builder.build(),
      output,
      inputs,
      dropouts,
      params,
      adapted,
      positionOffset,
      mark: inputs.some(({ name }) => name === 'mark') ? mark : undefined,
      pretrainedHead: !language && head === 'verbalizer',
      hasFeatures: !language && head !== 'token',
    };
  };
  const hiddenAfter = (end: number): Value => {
    let x =
      from === 'tokens'
        ? architecture.embeddings(modules)
        : modules.input('hidden', 'f32', ['records', 'tokens', hiddenSize]);
    for (let index = typeof from === 'object' ? from.layer : 0; index < end; index++)
      x = architecture.layer(modules, index, x);
    return x;
  };
  const output = (): readonly [Network['output'], Value] => {
    if (typeof to === 'object') return ['hidden', hiddenAfter(to.layer)];
    let logits: Value;
    if (language) {
      logits = architecture.languageHead(modules, architecture.final(modules, hiddenAfter(layers)));
    } else {
      const features =
        from === 'features'
          ? modules.input('features', 'f32', ['records', hiddenSize])
          : featuresOf(modules, architecture, hiddenAfter(layers), head);
      if (to === 'features') return ['features', features];
      logits = classLogits(modules, architecture, features, classifier);
    }
    return to === 'logits' ? ['logits', logits] : ['loss', recordLoss(modules, logits, task)];
  };
  return finish(...output());
}

function check({
  architecture,
  task,
  labels,
  head,
  mark,
  words,
  dropout = 0,
  lora,
  from = 'tokens',
  to = 'loss',
  maxTokens,
}: NetworkOptions & { readonly head: Head }): void {
  const { layers, modelType, family } = architecture;
  const language = task === 'masked-lm' || task === 'causal-lm';
  if ((task === 'masked-lm' && family !== 'encoder') || (task === 'causal-lm' && family !== 'decoder')) {
    fail(`task=${task}; ${modelType} is an ${family}. Use masked-lm with encoders, causal-lm with decoders.`);
  }
  if ((task === 'token-classification') !== (head === 'token'))
    fail(`head=${head}, task=${task}; head token goes with task token-classification, and no other.`);
  if (head === 'token' && family !== 'encoder') {
    fail(
      `task=${task}; the words of a ${modelType} do not see what follows them. Choose an encoder such as bert.`,
    );
  }
  if ((language || head === 'token') && (from === 'features' || to === 'features'))
    fail(`task=${task}; it has no pooled features. Start or end at a layer.`);
  const needsLabels = !language && typeof to !== 'object' && to !== 'features';
  if (needsLabels && !(Number.isSafeInteger(labels) && labels! >= (task === 'single-label' ? 2 : 1))) {
    fail(
      `labels=${labels}; task ${task} needs a whole number of at least ${task === 'single-label' ? 2 : 1}.`,
    );
  }
  if (!language && head === 'verbalizer') checkWords(architecture, task, labels, mark, words);
  if (needsLabels) checkExportable(head, labels!, architecture);
  if (!(dropout >= 0 && dropout < 1)) fail(`dropout=${dropout}; it must be at least 0 and below 1.`);
  if (lora !== undefined) checkLora(lora);
  for (const [name, place] of Object.entries({ from, to })) {
    if (
      typeof place === 'object' &&
      !(Number.isInteger(place.layer) && place.layer >= 0 && place.layer <= layers)
    ) {
      fail(`${name}.layer=${place.layer}; ${modelType} here has layers 0 to ${layers}.`);
    }
  }
  if (typeof from === 'object' && typeof to === 'object' && from.layer > to.layer) {
    fail(`from.layer=${from.layer}, to.layer=${to.layer}; the second must not be below the first.`);
  }
  if (from === 'features' && (to === 'features' || typeof to === 'object'))
    fail('from=features; nothing but logits and loss follows.');
  if (
    maxTokens !== undefined &&
    !(Number.isInteger(maxTokens) && maxTokens >= 1 && maxTokens <= architecture.maxTokens)
  ) {
    fail(`maxTokens=${maxTokens}; ${modelType} here takes 1 to ${architecture.maxTokens}.`);
  }
}

function checkWords(
  { modelType, family, vocabularySize }: Architecture,
  task: Task,
  labels: number | undefined,
  mark: Mark | undefined,
  words: readonly number[] = [],
): void {
  if (task !== 'single-label')
    fail(`head=verbalizer, task=${task}; one word answers. Use task single-label.`);
  const known = words.filter((word) => Number.isInteger(word) && word >= 0 && word < vocabularySize);
  if (new Set(known).size !== words.length || (labels !== undefined && words.length !== labels)) {
    fail(
      `words=${words.join(',')}; head=verbalizer needs a token of the vocabulary of ${vocabularySize} for each of ${labels} labels, no two the same.`,
    );
  }
  if (family === 'encoder' && mark?.kind !== 'token')
    fail(`mark: head=verbalizer reads the mask token of a ${modelType}. Name it.`);
}

function checkLora({ rank, alpha, dropout, targets }: LoraSettings): void {
  if (!(Number.isSafeInteger(rank) && rank >= 1))
    fail(`lora.rank=${rank}; it must be a whole number, at least 1.`);
  if (!(alpha > 0 && Number.isFinite(alpha))) fail(`lora.alpha=${alpha}; it must be positive.`);
  if (!(dropout >= 0 && dropout < 1)) fail(`lora.dropout=${dropout}; it must be at least 0 and below 1.`);
  if (targets.length === 0) fail('lora.targets=[]; name a linear map, or all-linear.');
}

/** A misspelt target would train nothing without a word. */
function checkTargets(
  lora: LoraSettings | undefined,
  adapted: readonly Adapted[],
  noLayers: boolean,
  modelType: string,
): void {
  if (lora === undefined || noLayers) return;
  const absent = lora.targets.filter(
    (target) =>
      target !== 'all-linear' && !adapted.some(({ path }) => path === target || path.endsWith(`.${target}`)),
  );
  if (absent.length > 0 || adapted.length === 0) {
    fail(`lora.targets=${absent.join(',')}; no linear map of this ${modelType} network has that name.`);
  }
}

function fail(message: string): never {
  throw new InvalidParameterError(message);
}
