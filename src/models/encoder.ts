import type { Value } from '../graph/index.ts';
import type { Activation } from './activations.ts';
import { additiveMask, joinHeads, splitHeads } from './attention.ts';
import type { Modules } from './modules.ts';

/** What BERT's relatives share: layers with the norm after each sum (Devlin et al., arXiv:1810.04805). */
export interface EncoderSettings {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  /** Width of the embeddings, where a linear map brings them to the hidden size; default the hidden size. */
  readonly embeddingSize?: number;
  readonly heads: number;
  readonly intermediateSize: number;
  /** Rows of the position table. */
  readonly positions: number;
  /** Rows of the segment table; 0 where there is none. */
  readonly typeVocabularySize: number;
  readonly epsilon: number;
  readonly activation: Activation;
}

/** Checkpoint paths of an encoder's parts. */
export interface EncoderNames {
  /** Path of the embeddings. */
  readonly embeddings: string;
  readonly layer: (index: number) => {
    readonly query: string;
    readonly key: string;
    readonly value: string;
    readonly attentionOutput: string;
    readonly attentionNorm: string;
    readonly intermediate: string;
    readonly output: string;
    readonly outputNorm: string;
  };
}

/** Sum of word, position and segment embeddings, normalised: [records, tokens, hiddenSize]. */
export function encoderEmbeddings(modules: Modules, settings: EncoderSettings, names: EncoderNames): Value {
  const { builder } = modules;
  const { hiddenSize, typeVocabularySize, embeddingSize = hiddenSize } = settings;
  const path = names.embeddings;
  const ids = modules.input('ids', 'i32', ['records', 'tokens']);
  const positions = modules.input('positions', 'i32', ['records', 'tokens']);
  let x = modules.embed(`${path}.word_embeddings`, ids, settings.vocabularySize, embeddingSize, 'embeddings');
  x = builder.add(
    x,
    modules.embed(`${path}.position_embeddings`, positions, settings.positions, embeddingSize, 'embeddings'),
  );
  if (typeVocabularySize > 0) {
    const types = modules.input('typeIds', 'i32', ['records', 'tokens']);
    x = builder.add(
      x,
      modules.embed(`${path}.token_type_embeddings`, types, typeVocabularySize, embeddingSize, 'embeddings'),
    );
  }
  const y = modules.drop(modules.layerNorm(`${path}.LayerNorm`, x, settings.epsilon, 'embeddings'));
  return embeddingSize === hiddenSize
    ? y
    : modules.linear(`${path}_project`, y, hiddenSize, { place: 'embeddings' });
}

/** One layer: self-attention over the record's own tokens, then a feed-forward map; each added and normalised. */
export function encoderLayer(
  modules: Modules,
  settings: EncoderSettings,
  names: EncoderNames,
  index: number,
  x: Value,
): Value {
  const { builder } = modules;
  const { hiddenSize, heads, epsilon } = settings;
  const paths = names.layer(index);
  const place = { layer: index };
  const project = (path: string): Value =>
    splitHeads(builder, modules.linear(path, x, hiddenSize, { place }), heads);
  // Scaled right before the product, into which an engine folds it.
  const query = builder.affine(project(paths.query), 1 / Math.sqrt(hiddenSize / heads));
  const scores = builder.matmul(query, project(paths.key), { transposeB: true });
  const weights = modules.drop(builder.softmax(builder.add(scores, additiveMask(modules))));
  const context = joinHeads(builder, builder.matmul(weights, project(paths.value)));
  const attended = modules.drop(modules.linear(paths.attentionOutput, context, hiddenSize, { place }));
  const y = modules.layerNorm(paths.attentionNorm, builder.add(attended, x), epsilon, place);
  const up = settings.activation(
    builder,
    modules.linear(paths.intermediate, y, settings.intermediateSize, { place }),
  );
  const down = modules.drop(modules.linear(paths.output, up, hiddenSize, { place }));
  return modules.layerNorm(paths.outputNorm, builder.add(down, y), epsilon, place);
}
