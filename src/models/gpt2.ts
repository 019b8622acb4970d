import type { JsonObject } from '../formats/index.ts';
import type { Value } from '../graph/index.ts';
import { activationOf } from './activations.ts';
import type { Architecture } from './architecture.ts';
import { decoderAttention } from './attention.ts';
import { configFields } from './config-fields.ts';
import type { Modules } from './modules.ts';

/**
 * GPT-2 (Radford et al. 2019): norm before each part, one linear map for query, key and value, weights stored in-out.
 * Paths and meaning as in transformers 5.23, models/gpt2. Padding must be on the right.
 */
export function gpt2Architecture(config: JsonObject): Architecture {
  const fields = configFields(config);
  fields.only('add_cross_attention', [false]);
  fields.only('scale_attn_weights', [true]);
  fields.only('scale_attn_by_inverse_layer_idx', [false]);
  const hiddenSize = fields.count('n_embd', 768);
  const heads = fields.count('n_head', 12);
  if (hiddenSize % heads !== 0) fields.fail('n_head', 'it must divide n_embd');
  const intermediateSize = fields.count('n_inner', 4 * hiddenSize);
  const vocabularySize = fields.count('vocab_size');
  const positions = fields.count('n_positions', 1024);
  const epsilon = fields.positive('layer_norm_epsilon', 1e-5);
  const activation = activationOf(fields, 'activation_function', 'gelu_new');
  const tied = fields.flag('tie_word_embeddings', true);

  const attention = (modules: Modules, path: string, index: number, x: Value): Value => {
    const { builder } = modules;
    const place = { layer: index };
    const all = modules.linear(`${path}.c_attn`, x, 3 * hiddenSize, { place, layout: 'in-out' });
    const part = (which: number): Value =>
      builder.slice(all, -1, which * hiddenSize, (which + 1) * hiddenSize);
    const context = decoderAttention(modules, {
      layer: index,
      query: part(0),
      key: part(1),
      value: part(2),
      heads,
      keyHeads: heads,
      headSize: hiddenSize / heads,
    });
    return modules.drop(modules.linear(`${path}.c_proj`, context, hiddenSize, { place, layout: 'in-out' }));
  };

  return {
    modelType: 'gpt2',
    className: 'GPT2',
    family: 'decoder',
    vocabularySize,
    hiddenSize,
    layers: fields.layers('n_layer', 12),
    maxTokens: positions,
    positionOffset: 0,
    initializerRange: fields.positive('initializer_range', 0.02),
    prefix: 'transformer',
    loraTargets: ['c_attn'],
    // Masks that old checkpoints store; and the output map where it is the word table.
    unused: /\.attn\.(bias|masked_bias)$|^score\.|^lm_head\./,
    embeddings: (modules) => {
      const ids = modules.input('ids', 'i32', ['records', 'tokens']);
      const at = modules.input('positions', 'i32', ['records', 'tokens']);
      const words = modules.embed('transformer.wte', ids, vocabularySize, hiddenSize, 'embeddings');
      const place = modules.embed('transformer.wpe', at, positions, hiddenSize, 'embeddings');
      return modules.drop(modules.builder.add(words, place));
    },
    layer: (modules, index, x) => {
      const { builder } = modules;
      const path = `transformer.h.${index}`;
      const place = { layer: index };
      const normed = modules.layerNorm(`${path}.ln_1`, x, epsilon, place);
      const y = builder.add(attention(modules, `${path}.attn`, index, normed), x);
      const inner = modules.layerNorm(`${path}.ln_2`, y, epsilon, place);
      const up = activation(
        builder,
        modules.linear(`${path}.mlp.c_fc`, inner, intermediateSize, { place, layout: 'in-out' }),
      );
      const down = modules.linear(`${path}.mlp.c_proj`, up, hiddenSize, { place, layout: 'in-out' });
      return builder.add(modules.drop(down), y);
    },
    final: (modules, x) => modules.layerNorm('transformer.ln_f', x, epsilon, 'final'),
    languageHead: (modules, x) =>
      tied
        ? modules.tied('transformer.wte', x, vocabularySize)
        : modules.linear('lm_head', x, vocabularySize, { place: 'final', bias: false }),
    pooler: undefined,
    encoder: undefined,
  };
}
