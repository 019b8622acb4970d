import type { GraphBuilder, Value } from '../graph/index.ts';
import type { ConfigFields } from './config-fields.ts';

export type Activation = (builder: GraphBuilder, x: Value) => Value;

/** Activation functions by their names in transformers' ACT2FN. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: (builder, x) => builder.gelu(x),
  gelu_new: (builder, x) => builder.geluTanh(x),
  gelu_pytorch_tanh: (builder, x) => builder.geluTanh(x),
  relu: (builder, x) => builder.relu(x),
  silu: (builder, x) => builder.silu(x),
  swish: (builder, x) => builder.silu(x),
  tanh: (builder, x) => builder.tanh(x),
};

/** @throws DataError for a function that is not known here */
export function activationOf(fields: ConfigFields, key: string, fallback: string): Activation {
  const name = fields.text(key, fallback);
  return Object.hasOwn(ACTIVATIONS, name)
    ? ACTIVATIONS[name]!
    : fields.fail(key, `known are ${Object.keys(ACTIVATIONS).join(', ')}`);
}
