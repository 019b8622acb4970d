import { InvalidParameterError } from '../../privacy/errors.ts';
import { GraphBuilder, type Graph } from '../graph/index.ts';
import type { Architecture } from './architecture.ts';
import type { CacheEntry } from './cache.ts';
import { createModules, type InputSpec } from './modules.ts';
import type { NetworkOptions } from './network.ts';
import type { ParameterSpec } from './parameters.ts';

/**
 * A language model that is run token by token.
 *
 * Inputs (records R, tokens of this run T, places of the cache P): `ids`, `positions` i32 [R, T]; `place` f32 [R, P, T], 1
 * where a token's place is; `last` f32 [R, 1, T], 1 at the token whose successor is asked for; for each kind of attention
 * `visible...` f32 [R, T, P], 1 where a token sees a place; and the entries of the cache. A padded token has no place.
 * Outputs: `logits` f32 [R, vocabulary], and the rows for the cache.
 */
export interface Decoder {
  readonly graph: Graph;
  readonly inputs: readonly InputSpec[];
  readonly params: readonly ParameterSpec[];
  readonly cache: readonly CacheEntry[];
  readonly vocabularySize: number;
  /** Most places of the cache. */
  readonly maxTokens: number;
}

/**
 * @param maxTokens - longest text, prompt included; constants of this size are made
 * @param part - adapters that are in the network, and the weights that are held in 8 bits; none unless given
 * @throws InvalidParameterError for a model that writes nothing
 */
export function buildDecoder(
  architecture: Architecture,
  maxTokens: number,
  { lora, int8 }: Pick<NetworkOptions, 'lora' | 'int8'> = {},
): Decoder {
  const { family, modelType, layers, initializerRange, vocabularySize } = architecture;
  if (family !== 'decoder') {
    throw new InvalidParameterError(
      `model_type=${modelType}: reads but does not write. Choose a decoder such as gpt2 or llama.`,
    );
  }
  const builder = new GraphBuilder();
  const modules = createModules(builder, {
    initializerRange,
    dropout: 0,
    lora,
    int8,
    maxTokens,
    cached: true,
  });
  let x = architecture.embeddings(modules);
  for (let index = 0; index < layers; index++) x = architecture.layer(modules, index, x);
  const last = builder.matmul(modules.input('last', 'f32', ['records', 1, 'tokens']), x);
  const logits = architecture.languageHead(modules, architecture.final(modules, last));
  builder.output('logits', builder.reshape(logits, ['records', vocabularySize]));
  const { inputs, params, cache } = modules;
  return { graph: builder.build(), inputs, params, cache: cache!.entries, vocabularySize, maxTokens };
}
