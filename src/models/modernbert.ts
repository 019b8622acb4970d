import type { JsonObject } from '../formats/index.ts';
import type { Value } from '../graph/index.ts';
import { activationOf } from './activations.ts';
import type { Architecture } from './architecture.ts';
import { additiveMask, distanceMask, joinHeads, splitHeads } from './attention.ts';
import { configFields } from './config-fields.ts';
import type { Modules } from './modules.ts';
import { rotaryOf } from './rotary-config.ts';
import { rotate } from './rotary.ts';

/**
 * ModernBERT (Warner et al., arXiv:2412.13663): norm before each part, rotary positions, gated feed-forward; two layers of
 * three see only the tokens near. Paths and meaning as in transformers 5.23, models/modernbert. Its classification head
 * is not linear in what it pools, so that no other head can be written in its terms.
 */
export function modernbertArchitecture(config: JsonObject): Architecture {
  const fields = configFields(config);
  const hiddenSize = fields.count('hidden_size');
  const heads = fields.count('num_attention_heads');
  if (hiddenSize % heads !== 0) fields.fail('num_attention_heads', 'it must divide hidden_size');
  const headSize = hiddenSize / heads;
  const intermediateSize = fields.count('intermediate_size');
  const vocabularySize = fields.count('vocab_size');
  const epsilon = fields.positive('norm_eps', 1e-5);
  const normBias = fields.flag('norm_bias', false);
  const attentionBias = fields.flag('attention_bias', false);
  const mlpBias = fields.flag('mlp_bias', false);
  const headBias = fields.flag('classifier_bias', false);
  const decoderBias = fields.flag('decoder_bias', true);
  fields.only('tie_word_embeddings', [true]);
  fields.only('classifier_pooling', ['cls', 'mean']);
  const activation = activationOf(fields, 'hidden_activation', 'gelu');
  const headActivation = activationOf(fields, 'classifier_activation', 'gelu');
  const reach = Math.floor(fields.count('local_attention', 128) / 2);
  const isLocal = localLayers(config, fields.count('global_attn_every_n_layers', 3));
  const rotary = {
    full: rotaryOf(config, fields, {
      headSize,
      base: fields.positive('global_rope_theta', 160_000),
      kind: 'full_attention',
    }),
    local: rotaryOf(config, fields, {
      headSize,
      base: fields.positive('local_rope_theta', 10_000),
      kind: 'sliding_attention',
    }),
  };

  const attention = (modules: Modules, path: string, index: number, x: Value): Value => {
    const { builder } = modules;
    const options = { place: { layer: index }, bias: attentionBias };
    const all = modules.linear(`${path}.Wqkv`, x, 3 * hiddenSize, options);
    const part = (which: number): Value =>
      splitHeads(builder, builder.slice(all, -1, which * hiddenSize, (which + 1) * hiddenSize), heads);
    const kind = isLocal(index) ? 'local' : 'full';
    const turned = (which: number): Value => rotate(modules, `${kind} rotary`, rotary[kind], part(which));
    const query = builder.affine(turned(0), 1 / Math.sqrt(headSize));
    const scores = builder.matmul(query, turned(1), { transposeB: true });
    const padding = additiveMask(modules);
    const mask = isLocal(index) ? builder.add(padding, distanceMask(modules, reach)) : padding;
    const weights = modules.drop(builder.softmax(builder.add(scores, mask)));
    const context = joinHeads(builder, builder.matmul(weights, part(2)));
    return modules.drop(modules.linear(`${path}.Wo`, context, hiddenSize, options));
  };

  const feedForward = (modules: Modules, path: string, index: number, x: Value): Value => {
    const { builder } = modules;
    const options = { place: { layer: index }, bias: mlpBias };
    const both = modules.linear(`${path}.Wi`, x, 2 * intermediateSize, options);
    const input = activation(builder, builder.slice(both, -1, 0, intermediateSize));
    const gate = builder.slice(both, -1, intermediateSize, 2 * intermediateSize);
    return modules.linear(`${path}.Wo`, modules.drop(builder.mul(input, gate)), hiddenSize, options);
  };

  /** Dense map, activation and norm before the output of either head. */
  const prediction = (modules: Modules, x: Value): Value => {
    const y = modules.linear('head.dense', x, hiddenSize, { place: 'head', bias: headBias });
    return modules.layerNorm('head.norm', headActivation(modules.builder, y), epsilon, 'head', normBias);
  };

  return {
    modelType: 'modernbert',
    className: 'ModernBert',
    family: 'encoder',
    vocabularySize,
    hiddenSize,
    layers: fields.layers('num_hidden_layers'),
    maxTokens: fields.count('max_position_embeddings', 8192),
    positionOffset: 0,
    initializerRange: fields.positive('initializer_range', 0.02),
    prefix: 'model',
    loraTargets: ['Wqkv'],
    unused: /^head\.|^decoder\.|^classifier\./,
    embeddings: (modules) => {
      const ids = modules.input('ids', 'i32', ['records', 'tokens']);
      const path = 'model.embeddings';
      const x = modules.embed(`${path}.tok_embeddings`, ids, vocabularySize, hiddenSize, 'embeddings');
      return modules.drop(modules.layerNorm(`${path}.norm`, x, epsilon, 'embeddings', normBias));
    },
    layer: (modules, index, x) => {
      const { builder } = modules;
      const path = `model.layers.${index}`;
      const place = { layer: index };
      // The embeddings have been normalised already.
      const normed = index === 0 ? x : modules.layerNorm(`${path}.attn_norm`, x, epsilon, place, normBias);
      const y = builder.add(x, attention(modules, `${path}.attn`, index, normed));
      const inner = modules.layerNorm(`${path}.mlp_norm`, y, epsilon, place, normBias);
      return builder.add(y, feedForward(modules, `${path}.mlp`, index, inner));
    },
    final: (modules, x) => modules.layerNorm('model.final_norm', x, epsilon, 'final', normBias),
    languageHead: (modules, x) =>
      modules.tied(
        'model.embeddings.tok_embeddings',
        prediction(modules, x),
        vocabularySize,
        decoderBias ? 'decoder.bias' : undefined,
      ),
    pooler: (modules, pooled, labels) =>
      modules.linear('classifier', modules.drop(prediction(modules, pooled)), labels, { place: 'head' }),
    tokenFeatures: prediction,
    poolerSees: config['classifier_pooling'] === 'mean' ? 'mean' : 'first',
    poolerModules: ['head', 'classifier'],
    encoder: undefined,
  };
}

/** Which layers see only what is near: by `layer_types` where a config has it, else all but every n-th. */
function localLayers(config: JsonObject, every: number): (layer: number) => boolean {
  const types = config['layer_types'];
  return Array.isArray(types)
    ? (layer) => types[layer] === 'sliding_attention'
    : (layer) => layer % every !== 0;
}
