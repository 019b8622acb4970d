import { type JsonObject } from '../formats/index.ts';
import type { ConfigFields } from './config-fields.ts';
import { rotaryOf } from './rotary-config.ts';
import type { Rotary } from './rotary.ts';

/** What sets LLaMA's relatives apart. */
export interface LlamaVariant {
  readonly className: string;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headSize: number;
  /** Factor on attention scores. */
  readonly scale: number;
  /** Biases of the query, key and value maps, of the output map, and of the feed-forward maps. */
  readonly inputBias: boolean;
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  /** One map for query, key and value, and one for gate and up. */
  readonly fused: boolean;
  /** RMS norms of each head's queries and keys. */
  readonly headNorms: boolean;
  /** Norms also behind attention and feed-forward, before they are added. */
  readonly normsAround: boolean;
  /** Added to the gains of norms: 1 where the checkpoint has them less one. */
  readonly gainOffset: 0 | 1;
  readonly embeddingScale: number;
  /** Logits are cap tanh(x / cap). */
  readonly logitCap: number | undefined;
  readonly rotary: Rotary;
  /** Of layers with a window, where theirs is another. */
  readonly localRotary: Rotary | undefined;
  /** How far back the tokens of a layer see, themselves included; undefined without limit. */
  readonly windowOf: (layer: number) => number | undefined;
  readonly activationKey: string;
  readonly activation: string;
  readonly epsilon: number;
  readonly tied: boolean;
}

/**
 * LLaMA; Mistral (Jiang et al., arXiv:2310.06825): a window in every layer; Qwen 2 (arXiv:2407.10671): biases on queries, keys
 * and values; Qwen 3 (arXiv:2505.09388): norms of queries and keys; Phi 3 (arXiv:2404.14219): fused maps; Gemma 3
 * (arXiv:2503.19786): four norms a layer, windows in five layers of six, scaled embeddings.
 */
export function llamaVariant(config: JsonObject, fields: ConfigFields): LlamaVariant {
  const type = fields.modelType;
  const gemma = type === 'gemma3_text';
  const hiddenSize = fields.count('hidden_size');
  const heads = fields.count('num_attention_heads');
  const keyHeads = fields.count('num_key_value_heads', heads);
  if (heads % keyHeads !== 0) fields.fail('num_key_value_heads', 'it must divide num_attention_heads');
  const headSize = fields.count('head_dim', HEAD_SIZES[type] ?? hiddenSize / heads);
  const bias = fields.flag('attention_bias', false);
  if (gemma) {
    fields.only('use_bidirectional_attention', [false]);
    fields.only('attn_logit_softcapping', []);
  }
  const rope = { headSize, base: gemma ? 1e6 : 1e4 };
  return {
    className: CLASS_NAMES[type]!,
    heads,
    keyHeads,
    headSize,
    scale: 1 / Math.sqrt(gemma ? fields.positive('query_pre_attn_scalar', 256) : headSize),
    inputBias: type === 'qwen2' || (HAS_BIAS.has(type) && bias),
    outputBias: HAS_BIAS.has(type) && bias,
    mlpBias: type === 'llama' && fields.flag('mlp_bias', false),
    fused: type === 'phi3',
    headNorms: gemma || type === 'qwen3',
    normsAround: gemma,
    gainOffset: gemma ? 1 : 0,
    embeddingScale: gemma ? Math.fround(Math.sqrt(hiddenSize)) : 1,
    logitCap:
      gemma && typeof config['final_logit_softcapping'] === 'number'
        ? fields.positive('final_logit_softcapping', 30)
        : undefined,
    rotary: rotaryOf(config, fields, gemma ? { ...rope, kind: 'full_attention' } : rope),
    localRotary: gemma
      ? rotaryOf(config, fields, {
          headSize,
          base: fields.positive('rope_local_base_freq', 1e4),
          kind: 'sliding_attention',
        })
      : undefined,
    windowOf: windows(config, fields),
    activationKey: gemma ? 'hidden_activation' : 'hidden_act',
    activation: gemma ? 'gelu_pytorch_tanh' : 'silu',
    epsilon: type === 'phi3' ? 1e-5 : 1e-6,
    tied: gemma,
  };
}

const CLASS_NAMES: Readonly<Record<string, string>> = {
  llama: 'Llama',
  mistral: 'Mistral',
  qwen2: 'Qwen2',
  qwen3: 'Qwen3',
  phi3: 'Phi3',
  gemma3_text: 'Gemma3',
};

/** Where `head_dim` is no quotient by default. */
const HEAD_SIZES: Readonly<Record<string, number>> = { qwen3: 128, gemma3_text: 256 };

const HAS_BIAS: ReadonlySet<string> = new Set(['llama', 'qwen3', 'gemma3_text']);

/** Which layers have a window: by `layer_types` where a config has it, else by the family's own rule. */
function windows(config: JsonObject, fields: ConfigFields): LlamaVariant['windowOf'] {
  const type = fields.modelType;
  if (type === 'llama' || (config['sliding_window'] ?? null) === null) return () => undefined;
  const window = fields.count('sliding_window');
  if (type === 'mistral' || type === 'phi3') return () => window;
  if (type !== 'gemma3_text' && !fields.flag('use_sliding_window', false)) return () => undefined;
  const types = config['layer_types'];
  if (Array.isArray(types)) {
    const known = ['full_attention', 'sliding_attention'];
    if (!types.every((kind) => known.includes(kind as string)))
      fields.fail('layer_types', `known are ${known.join(' and ')}`);
    return (layer) => (types[layer] === 'sliding_attention' ? window : undefined);
  }
  if (type === 'gemma3_text') {
    const pattern = fields.count('sliding_window_pattern', 6);
    return (layer) => ((layer + 1) % pattern === 0 ? undefined : window);
  }
  const first = fields.count('max_window_layers', 28);
  return (layer) => (layer >= first ? window : undefined);
}
