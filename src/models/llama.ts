import type { JsonObject } from '../formats/index.ts';
import type { Value } from '../graph/index.ts';
import { activationOf } from './activations.ts';
import type { Architecture } from './architecture.ts';
import { decoderAttention } from './attention.ts';
import { configFields } from './config-fields.ts';
import { llamaVariant } from './llama-variants.ts';
import type { Modules } from './modules.ts';
import { rotate } from './rotary.ts';

/**
 * LLaMA (Touvron et al., arXiv:2302.13971, arXiv:2307.09288) and its relatives: RMS norm, rotary positions, gated feed-forward,
 * grouped-query attention; what sets Mistral, Qwen 2 and 3, Phi 3 and Gemma 3 apart is in llama-variants.ts. Paths and
 * meaning as in transformers 5.23. Padding must be on the right.
 */
export function llamaArchitecture(config: JsonObject): Architecture {
  const fields = configFields(config);
  const variant = llamaVariant(config, fields);
  const hiddenSize = fields.count('hidden_size');
  const { heads, keyHeads, headSize } = variant;
  const intermediateSize = fields.count('intermediate_size');
  const vocabularySize = fields.count('vocab_size');
  const epsilon = fields.positive('rms_norm_eps', variant.epsilon);
  const activation = activationOf(fields, variant.activationKey, variant.activation);
  const tied = fields.flag('tie_word_embeddings', variant.tied);

  const norm = (modules: Modules, path: string, x: Value, index: number): Value =>
    modules.rmsNorm(path, x, epsilon, { layer: index }, variant.gainOffset);

  const attention = (modules: Modules, path: string, index: number, x: Value): Value => {
    const [query, key, value] = project(modules, path, x, {
      layer: index,
      names: variant.fused ? ['qkv_proj'] : ['q_proj', 'k_proj', 'v_proj'],
      sizes: [heads * headSize, keyHeads * headSize, keyHeads * headSize],
      bias: variant.inputBias,
    }) as [Value, Value, Value];
    const window = variant.windowOf(index);
    const rotary = window === undefined ? variant.rotary : (variant.localRotary ?? variant.rotary);
    const name = rotary === variant.rotary ? 'rotary' : 'local rotary';
    const context = decoderAttention(modules, {
      layer: index,
      query,
      key,
      value,
      heads,
      keyHeads,
      headSize,
      scale: variant.scale,
      window,
      prepare: (states, of) => {
        const normed = variant.headNorms
          ? norm(modules, `${path}.${of === 'query' ? 'q_norm' : 'k_norm'}`, states, index)
          : states;
        return rotate(modules, name, rotary, normed);
      },
    });
    return modules.linear(`${path}.o_proj`, context, hiddenSize, {
      place: { layer: index },
      bias: variant.outputBias,
    });
  };

  const feedForward = (modules: Modules, path: string, index: number, x: Value): Value => {
    const { builder } = modules;
    const bias = variant.mlpBias;
    const [gate, up] = project(modules, path, x, {
      layer: index,
      names: variant.fused ? ['gate_up_proj'] : ['gate_proj', 'up_proj'],
      sizes: [intermediateSize, intermediateSize],
      bias,
    }) as [Value, Value];
    const gated = builder.mul(activation(builder, gate), up);
    return modules.linear(`${path}.down_proj`, gated, hiddenSize, { place: { layer: index }, bias });
  };

  return {
    modelType: fields.modelType,
    className: variant.className,
    family: 'decoder',
    vocabularySize,
    hiddenSize,
    layers: fields.layers('num_hidden_layers'),
    maxTokens: fields.count('max_position_embeddings', 2048),
    positionOffset: 0,
    initializerRange: fields.positive('initializer_range', 0.02),
    prefix: 'model',
    loraTargets: variant.fused ? ['qkv_proj'] : ['q_proj', 'v_proj'],
    unused: /\.rotary_emb\.inv_freq$|^score\.|^lm_head\./,
    embeddings: (modules) => {
      const ids = modules.input('ids', 'i32', ['records', 'tokens']);
      const x = modules.embed('model.embed_tokens', ids, vocabularySize, hiddenSize, 'embeddings');
      return variant.embeddingScale === 1 ? x : modules.builder.affine(x, variant.embeddingScale);
    },
    layer: (modules, index, x) => {
      const { builder } = modules;
      const path = `model.layers.${index}`;
      const normed = norm(modules, `${path}.input_layernorm`, x, index);
      const attended = attention(modules, `${path}.self_attn`, index, normed);
      if (!variant.normsAround) {
        const y = builder.add(attended, x);
        const inner = norm(modules, `${path}.post_attention_layernorm`, y, index);
        return builder.add(feedForward(modules, `${path}.mlp`, index, inner), y);
      }
      const y = builder.add(norm(modules, `${path}.post_attention_layernorm`, attended, index), x);
      const inner = norm(modules, `${path}.pre_feedforward_layernorm`, y, index);
      const fed = feedForward(modules, `${path}.mlp`, index, inner);
      return builder.add(norm(modules, `${path}.post_feedforward_layernorm`, fed, index), y);
    },
    final: (modules, x) => modules.rmsNorm('model.norm', x, epsilon, 'final', variant.gainOffset),
    languageHead: (modules, x) => {
      const { builder } = modules;
      const logits = tied
        ? modules.tied('model.embed_tokens', x, vocabularySize)
        : modules.linear('lm_head', x, vocabularySize, { place: 'final', bias: false });
      const cap = variant.logitCap;
      return cap === undefined ? logits : builder.affine(builder.tanh(builder.affine(logits, 1 / cap)), cap);
    },
    pooler: undefined,
    encoder: undefined,
  };
}

interface Projections {
  readonly layer: number;
  /** One name for each map, or one for all in one. */
  readonly names: readonly string[];
  readonly sizes: readonly number[];
  readonly bias: boolean;
}

/** Linear maps of one input, or the parts of one map that has them all. */
function project(
  modules: Modules,
  path: string,
  x: Value,
  { layer, names, sizes, bias }: Projections,
): Value[] {
  const options = { place: { layer }, bias };
  if (names.length > 1)
    return names.map((name, which) => modules.linear(`${path}.${name}`, x, sizes[which]!, options));
  const total = sizes.reduce((sum, size) => sum + size);
  const all = modules.linear(`${path}.${names[0]}`, x, total, options);
  let end = 0;
  return sizes.map((size) => modules.builder.slice(all, -1, end, (end += size)));
}
