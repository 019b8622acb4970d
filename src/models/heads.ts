import type { Value } from '../graph/index.ts';
import type { Modules } from './modules.ts';

export type Task =
  'single-label' | 'multi-label' | 'regression' | 'token-classification' | 'masked-lm' | 'causal-lm';

/**
 * How hidden states become features: the mean over the record's own tokens, its first token's state, or, as the model
 * family's own classes in transformers have it, a dense map of the first token's state (`pooler`) or the last token's state
 * (`last-token`). With `verbalizer` the language model itself answers: by its logits of one word a class, at the mask, or at the
 * last token of decoders. `token` reads every token's own state, as the family's own token classifiers do.
 */
export type Head = 'mean' | 'first' | 'pooler' | 'last-token' | 'verbalizer' | 'token';

/** Label of a token that has no target, as in transformers. */
export const ignoredLabel = -100;

/** hidden states [records, tokens, width] -> [records, width] */
export function pooled(modules: Modules, x: Value, head: 'mean' | 'first'): Value {
  const { builder } = modules;
  const width = x.shape.at(-1)!;
  if (head !== 'mean') return builder.reshape(builder.slice(x, 1, 0, 1), ['records', width]);
  const mask = modules.input('mask', 'f32', ['records', 'tokens']);
  const shares = builder.div(mask, builder.sum(mask, [1], true));
  return builder.reshape(builder.matmul(builder.reshape(shares, ['records', 1, 'tokens']), x), [
    'records',
    width,
  ]);
}

/**
 * Each record's own loss, f32 [records]: cross-entropy; the mean over labels of binary cross-entropy; squared error; or for
 * language models and words' tags the mean cross-entropy over the record's own targets (0 where it has none), never over the
 * batch's.
 */
export function recordLoss(modules: Modules, logits: Value, task: Task): Value {
  const { builder } = modules;
  switch (task) {
    case 'single-label':
      return builder.crossEntropy(logits, modules.input('labels', 'i32', ['records'])).loss;
    case 'multi-label': {
      const count = logits.shape.at(-1) as number;
      const labels = modules.input('labels', 'f32', ['records', count]);
      const losses = builder.sub(builder.softplus(logits), builder.mul(labels, logits));
      return builder.affine(builder.sum(losses, [-1]), 1 / count);
    }
    case 'regression': {
      const count = logits.shape.at(-1) as number;
      const labels = modules.input('labels', 'f32', count === 1 ? ['records'] : ['records', count]);
      const error = builder.sub(logits, count === 1 ? builder.reshape(labels, ['records', 1]) : labels);
      return builder.affine(builder.sum(builder.mul(error, error), [-1]), 1 / count);
    }
    case 'token-classification':
    case 'masked-lm':
    case 'causal-lm': {
      const labels = modules.input('labels', 'i32', ['records', 'tokens']);
      const { loss } = builder.crossEntropy(logits, labels);
      const ignored = builder.equal(labels, builder.constant(Int32Array.of(ignoredLabel), [1, 1]));
      const targets = builder.sum(builder.affine(ignored, -1, 1), [1]);
      // Padding has no loss, whatever its label says.
      const own = builder.mul(loss, modules.input('mask', 'f32', ['records', 'tokens']));
      return builder.div(
        builder.sum(own, [1]),
        builder.maximum(targets, builder.constant(Float32Array.of(1), [1])),
      );
    }
  }
  return task satisfies never;
}
