import { isJsonObject, type JsonObject } from '../formats/index.ts';
import type { ConfigFields } from './config-fields.ts';
import { rotaryFrequencies, type Rotary } from './rotary.ts';

export interface RotaryDefaults {
  readonly headSize: number;
  readonly base: number;
  /** Key of the parameters of one kind of attention, where a config has them apart. */
  readonly kind?: 'full_attention' | 'sliding_attention';
}

/**
 * The rotation that a config.json describes: `rope_parameters` (transformers 5), or `rope_theta` and `rope_scaling`. Plain,
 * linear (Chen et al., arXiv:2306.15595) and LLaMA 3's scaling, as in transformers 5.23, modeling_rope_utils.py.
 * @throws DataError for other kinds: yarn, longrope and dynamic scaling depend on the length of the input
 */
export function rotaryOf(config: JsonObject, fields: ConfigFields, defaults: RotaryDefaults): Rotary {
  const { headSize, kind } = defaults;
  const key = isJsonObject(config['rope_parameters']) ? 'rope_parameters' : 'rope_scaling';
  const given = isJsonObject(config[key]) ? config[key] : {};
  const own = kind !== undefined && isJsonObject(given[kind]) ? given[kind] : given;
  // What an old config says of scaling is meant for full attention.
  const parameters = kind === 'sliding_attention' && own === given ? {} : own;
  const base =
    parameters['rope_theta'] ??
    (kind === 'sliding_attention' ? undefined : config['rope_theta']) ??
    defaults.base;
  const share = parameters['partial_rotary_factor'] ?? config['partial_rotary_factor'] ?? 1;
  const number = (value: unknown, what: string): number =>
    typeof value === 'number' && value > 0 ? value : fields.fail(key, `${what} must be a positive number`);
  const size = Math.trunc(headSize * number(share, 'partial_rotary_factor'));
  if (size % 2 !== 0 || size < 2 || size > headSize)
    fields.fail('head_dim', 'rotary positions need an even size');
  const frequencies = rotaryFrequencies(number(base, 'rope_theta'), size);
  const type = parameters['rope_type'] ?? parameters['type'] ?? 'default';
  switch (type) {
    case 'default':
      return { size, frequencies };
    case 'linear': {
      const factor = number(parameters['factor'], 'factor');
      return { size, frequencies: frequencies.map((frequency) => frequency / factor) };
    }
    case 'llama3': {
      const [factor, low, high] = ['factor', 'low_freq_factor', 'high_freq_factor'].map((name) =>
        number(parameters[name], name),
      ) as [number, number, number];
      const length = number(
        parameters['original_max_position_embeddings'] ?? config['max_position_embeddings'],
        'original_max_position_embeddings',
      );
      return { size, frequencies: frequencies.map((f) => stretched(f, { factor, low, high, length })) };
    }
    default:
      return fields.fail(key, 'only rope_type default, linear and llama3 are supported');
  }
}

interface Stretching {
  readonly factor: number;
  readonly low: number;
  readonly high: number;
  readonly length: number;
}

/** LLaMA 3: slow rotations are slowed by the factor, fast ones stay, and those between are mixed. */
function stretched(frequency: number, { factor, low, high, length }: Stretching): number {
  const wave = (2 * Math.PI) / frequency;
  if (wave < length / high) return frequency;
  if (wave > length / low) return frequency / factor;
  const smooth = (length / wave - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}
