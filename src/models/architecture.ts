import type { Value } from '../graph/index.ts';
import type { EncoderNames } from './encoder.ts';
import type { Head, Task } from './heads.ts';
import type { Modules } from './modules.ts';

/**
 * A family of models: how config.json and the checkpoint's names become a graph. Hidden states are
 * [records, tokens, hiddenSize].
 */
export interface Architecture {
  readonly modelType: string;
  readonly family: 'encoder' | 'decoder';
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** Longest input that the position embeddings allow. */
  readonly maxTokens: number;
  /** Position id of the first token. */
  readonly positionOffset: number;
  readonly initializerRange: number;
  /** First part of every checkpoint name of the body, such as `bert`; a bare model's checkpoint lacks it. */
  readonly prefix: string;
  readonly loraTargets: readonly string[];
  /** Names of checkpoint tensors, with prefix, that the body of this architecture may have and this network may not use. */
  readonly unused: RegExp;
  /** Set where the checkpoint is a classifier that this program exported. */
  readonly ownHead?: ExportedHead;
  readonly embeddings: (modules: Modules) => Value;
  readonly layer: (modules: Modules, index: number, x: Value) => Value;
  /** What follows the last layer, such as a final norm. */
  readonly final: (modules: Modules, x: Value) => Value;
  /** hidden states -> logits over the vocabulary. */
  readonly languageHead: (modules: Modules, x: Value) => Value;
  /** The classification head that transformers has for this family: pooled states [records, hiddenSize] -> [records, labels]. */
  readonly pooler: ((modules: Modules, first: Value, labels: number) => Value) | undefined;
  /** What the pooler is given: the first token's state (default), or the mean over the record's own tokens. */
  readonly poolerSees?: 'first' | 'mean';
  /** Modules that the pooler's parameters are in, where `encoder` does not say. */
  readonly poolerModules?: readonly string[];
  /** What the family's own token classifier puts between a token's state and its output map, where there is anything. */
  readonly tokenFeatures?: (modules: Modules, x: Value) => Value;
  /** What it takes to write other heads in the family's terms; encoders only, and not all of them. */
  readonly encoder: EncoderLayout | undefined;
  /** How transformers names its classes: `Bert` in `BertForSequenceClassification`. */
  readonly className: string;
}

/** What a classifier that this program exported says of itself. */
export interface ExportedHead {
  readonly head: Head;
  readonly task: Exclude<Task, 'masked-lm' | 'causal-lm'>;
  readonly labelNames: readonly string[];
  /** Of head `verbalizer`. */
  readonly verbalizer?: Verbalizer;
}

/** How a language model answers by its words. */
export interface Verbalizer {
  /** A text around `{text}`, perhaps `{textPair}`, and `{mask}`, where the word stands. */
  readonly template: string;
  /** One a label, in the order of the logits; `token` is the word's in the vocabulary. */
  readonly words: readonly { readonly label: string; readonly word: string; readonly token: number }[];
  /** Tokens of the longest text, template included. */
  readonly maxLength: number;
  /** What fills the mask. */
  readonly model: 'masked-lm' | 'causal-lm';
}

export interface EncoderLayout {
  readonly layerPaths: EncoderNames['layer'];
  readonly intermediateSize: number;
  /** Of the layer norms. */
  readonly epsilon: number;
  /** Key of config.json that counts layers. */
  readonly layersKey: string;
  /** The dense map between the first token's state and the output map, and the latter, in the family's own classification model. */
  readonly denseHead: {
    readonly dense: string;
    readonly output: string;
    readonly activation: 'tanh' | 'relu' | 'gelu';
  };
}
