import type { Value } from '../graph/index.ts';
import type { Architecture } from './architecture.ts';
import { pooled, type Head } from './heads.ts';
import type { Modules } from './modules.ts';

/**
 * The token of each record whose state is read: of its own tokens the last one that is not `except`, as the decoders' own
 * classification models in transformers have it; or the last one that is `token`.
 */
export type Mark =
  { readonly kind: 'last'; readonly except?: number } | { readonly kind: 'token'; readonly token: number };

/** What turns a record's features into its logits. */
interface ClassifierHead {
  readonly head: Head;
  readonly labels: number;
  /** Token ids of the label words, in the order of the labels; head `verbalizer` alone. */
  readonly words?: readonly number[] | undefined;
}

/** Whether a head reads the state of one marked token. */
function readsMark(head: Head): boolean {
  return head === 'last-token' || head === 'verbalizer';
}

/**
 * Hidden states after the last layer, [records, tokens, width], to the features that the head sees, [records, width]; of head
 * `token` every token's, [records, tokens, width].
 */
export function featuresOf(modules: Modules, architecture: Architecture, x: Value, head: Head): Value {
  if (head === 'token') return architecture.final(modules, x);
  if (!readsMark(head)) {
    const pooling = head === 'pooler' ? (architecture.poolerSees ?? 'first') : (head as 'mean' | 'first');
    return pooled(modules, architecture.final(modules, x), pooling);
  }
  const { builder } = modules;
  const mark = modules.input('mark', 'f32', ['records', 1, 'tokens']);
  // What follows the layers works on each token alone, so it is enough to do it for the marked one.
  const state = architecture.final(modules, builder.matmul(mark, x));
  return builder.reshape(state, ['records', x.shape.at(-1)!]);
}

/** Features [records, width] to logits [records, labels]; of head `token` those of every token. */
export function classLogits(
  modules: Modules,
  architecture: Architecture,
  features: Value,
  { head, labels, words = [] }: ClassifierHead,
): Value {
  switch (head) {
    case 'pooler':
      return architecture.pooler!(modules, features, labels);
    case 'last-token':
      return modules.linear('score', modules.drop(features), labels, {
        place: 'head',
        bias: false,
        zero: true,
      });
    case 'verbalizer':
      return wordLogits(modules, architecture, features, words);
    case 'token': {
      const seen = architecture.tokenFeatures?.(modules, features) ?? features;
      return modules.linear('classifier', modules.drop(seen), labels, { place: 'head', zero: true });
    }
    case 'mean':
    case 'first':
      return modules.linear('head', modules.drop(features), labels, { place: 'head', zero: true });
  }
  return head satisfies never;
}

/** The language model's own logits at the marked token, those of the label words alone: [records, words]. */
function wordLogits(
  modules: Modules,
  architecture: Architecture,
  features: Value,
  words: readonly number[],
): Value {
  const { builder } = modules;
  const { vocabularySize } = architecture;
  const all = architecture.languageHead(
    modules,
    builder.reshape(features, ['records', 1, architecture.hiddenSize]),
  );
  const chosen = modules.table(`words ${words.join()}`, [words.length, vocabularySize], (at) =>
    at % vocabularySize === words[Math.floor(at / vocabularySize)] ? 1 : 0,
  );
  return builder.reshape(builder.linear(all, chosen, 'out-in'), ['records', words.length]);
}
