import type { JsonObject } from '../formats/index.ts';
import { isJsonObject } from '../formats/index.ts';
import type { GraphBuilder, Value } from '../graph/index.ts';
import { activationOf } from './activations.ts';
import type { Architecture } from './architecture.ts';
import { causalMask, joinHeads, splitHeads } from './attention.ts';
import { configFields } from './config-fields.ts';
import type { Modules } from './modules.ts';

/**
 * LLaMA (Touvron et al., arXiv:2302.13971, arXiv:2307.09288): RMS norm, rotary positions, gated feed-forward, grouped-query
 * attention. Paths and meaning as in transformers 5.23, models/llama. Padding must be on the right.
 */
export function llamaArchitecture(config: JsonObject): Architecture {
  const fields = configFields(config);
  const hiddenSize = fields.count('hidden_size');
  const heads = fields.count('num_attention_heads');
  const keyHeads = fields.count('num_key_value_heads', heads);
  if (heads % keyHeads !== 0) fields.fail('num_key_value_heads', 'it must divide num_attention_heads');
  const headSize = fields.count('head_dim', hiddenSize / heads);
  if (headSize % 2 !== 0) fields.fail('head_dim', 'rotary positions need an even size');
  const intermediateSize = fields.count('intermediate_size');
  const vocabularySize = fields.count('vocab_size');
  const epsilon = fields.positive('rms_norm_eps', 1e-6);
  const activation = activationOf(fields, 'hidden_act', 'silu');
  const attentionBias = fields.flag('attention_bias', false);
  const mlpBias = fields.flag('mlp_bias', false);
  const tied = fields.flag('tie_word_embeddings', false);
  const theta = rotaryBase(config);

  const attention = (modules: Modules, path: string, index: number, x: Value): Value => {
    const { builder } = modules;
    const options = { place: { layer: index }, bias: attentionBias };
    const project = (name: string, count: number): Value =>
      splitHeads(builder, modules.linear(`${path}.${name}`, x, count * headSize, options), count);
    const rotate = rotary(modules, headSize, theta);
    const query = builder.affine(rotate(project('q_proj', heads)), 1 / Math.sqrt(headSize));
    const key = repeatHeads(builder, rotate(project('k_proj', keyHeads)), heads);
    const scores = builder.matmul(query, key, { transposeB: true });
    const weights = modules.drop(
      builder.softmax(builder.add(scores, causalMask(builder, modules.maxTokens))),
    );
    const value = repeatHeads(builder, project('v_proj', keyHeads), heads);
    return modules.linear(
      `${path}.o_proj`,
      joinHeads(builder, builder.matmul(weights, value)),
      hiddenSize,
      options,
    );
  };

  return {
    modelType: 'llama',
    className: 'Llama',
    family: 'decoder',
    vocabularySize,
    hiddenSize,
    layers: fields.layers('num_hidden_layers'),
    maxTokens: fields.count('max_position_embeddings', 2048),
    positionOffset: 0,
    initializerRange: fields.positive('initializer_range', 0.02),
    prefix: 'model',
    loraTargets: ['q_proj', 'v_proj'],
    unused: /\.rotary_emb\.inv_freq$|^score\.|^lm_head\./,
    embeddings: (modules) =>
      modules.embed(
        'model.embed_tokens',
        modules.input('ids', 'i32', ['records', 'tokens']),
        vocabularySize,
        hiddenSize,
        'embeddings',
      ),
    layer: (modules, index, x) => {
      const { builder } = modules;
      const path = `model.layers.${index}`;
      const place = { layer: index };
      const normed = modules.rmsNorm(`${path}.input_layernorm`, x, epsilon, place);
      const y = builder.add(attention(modules, `${path}.self_attn`, index, normed), x);
      const inner = modules.rmsNorm(`${path}.post_attention_layernorm`, y, epsilon, place);
      const project = (name: string, from: Value, size: number): Value =>
        modules.linear(`${path}.mlp.${name}`, from, size, { place, bias: mlpBias });
      const gate = activation(builder, project('gate_proj', inner, intermediateSize));
      const up = builder.mul(gate, project('up_proj', inner, intermediateSize));
      return builder.add(project('down_proj', up, hiddenSize), y);
    },
    final: (modules, x) => modules.rmsNorm('model.norm', x, epsilon, 'final'),
    languageHead: (modules, x) =>
      tied
        ? modules.tied('model.embed_tokens', x, vocabularySize)
        : modules.linear('lm_head', x, vocabularySize, { place: 'final', bias: false }),
    pooler: undefined,
    encoder: undefined,
  };
}

/** Base of the rotary frequencies; only unscaled ones are known. transformers 5 keeps it under `rope_parameters`. */
function rotaryBase(config: JsonObject): number {
  const fields = configFields(config);
  for (const key of ['rope_scaling', 'rope_parameters']) {
    const scaling = config[key];
    if (!isJsonObject(scaling)) continue;
    const type = scaling['rope_type'] ?? scaling['type'] ?? 'default';
    if (type !== 'default')
      fields.fail(key, 'only unscaled rotary positions (rope_type "default") are supported');
  }
  const parameters = config['rope_parameters'];
  const theta =
    (isJsonObject(parameters) ? parameters['rope_theta'] : undefined) ??
    fields.positive('rope_theta', 10_000);
  return typeof theta === 'number' && theta > 0
    ? theta
    : fields.fail('rope_parameters', 'rope_theta must be positive');
}

/** Rotates [records, heads, tokens, d] by position (Su et al., arXiv:2104.09864), angles in float32 as transformers has them. */
function rotary({ builder, maxTokens }: Modules, headSize: number, theta: number): (x: Value) => Value {
  const half = headSize / 2;
  const frequency = Float32Array.from(
    { length: half },
    (_, pair) => 1 / Math.fround(theta ** ((2 * pair) / headSize)),
  );
  const table = (f: (angle: number) => number): Value => {
    const data = new Float32Array(maxTokens * headSize);
    for (let at = 0; at < data.length; at++) {
      const [token, column] = [Math.floor(at / headSize), at % headSize];
      data[at] = f(Math.fround(token * frequency[column % half]!));
    }
    return builder.slice(builder.constant(data, [maxTokens, headSize]), 0, 0, 'tokens');
  };
  const [cosine, sine] = [table(Math.cos), table(Math.sin)];
  return (x) => builder.add(builder.mul(x, cosine), builder.mul(builder.rotateHalf(x), sine));
}

/** Each of [records, k, tokens, d] for heads / k query heads in a row: [records, heads, tokens, d]. */
function repeatHeads(builder: GraphBuilder, x: Value, heads: number): Value {
  const [, count, , size] = x.shape as readonly [string, number, string, number];
  if (count === heads) return x;
  const grouped = builder.reshape(x, ['records', count, 1, 'tokens', size]);
  const repeated = builder.expand(grouped, ['records', count, heads / count, 'tokens', size]);
  return builder.reshape(repeated, ['records', heads, 'tokens', size]);
}
