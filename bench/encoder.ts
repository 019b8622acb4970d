import { reproducibleRng, type ReproducibleRng } from '../privacy/index.ts';
import type { Engine, Tensors } from '../src/engines/index.ts';
import { evaluateDim } from '../src/graph/index.ts';
import type { GradientRequest, Graph } from '../src/graph/index.ts';
import { architectureOf, buildNetwork, feedsOf, initialValues, trainableNames } from '../src/models/index.ts';
import type { Network, ParameterSpec } from '../src/models/index.ts';

export type Method = 'full' | 'lora';
export type EncoderSize = keyof typeof configs;

/** `standard` is the shape of all-MiniLM-L6-v2; `small` is for engines that would take minutes with it. */
const configs = {
  standard: {
    num_hidden_layers: 6,
    hidden_size: 384,
    num_attention_heads: 12,
    intermediate_size: 1536,
    vocab_size: 30_522,
  },
  small: {
    num_hidden_layers: 2,
    hidden_size: 128,
    num_attention_heads: 4,
    intermediate_size: 512,
    vocab_size: 2_000,
  },
} as const;

/** A classifier with random weights, to be differentiated. */
export interface Encoder {
  readonly network: Network;
  readonly trainable: readonly string[];
  readonly request: GradientRequest;
  readonly vocabulary: number;
}

/** A BERT encoder with mean pooling and two classes; LoRA of rank 8 on query and value. No dropout. */
export function benchEncoder(size: EncoderSize, method: Method): Encoder {
  const architecture = architectureOf({
    model_type: 'bert',
    hidden_act: 'gelu',
    max_position_embeddings: 512,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
    initializer_range: 0.02,
    ...configs[size],
  });
  const lora = { rank: 8, alpha: 16, dropout: 0, targets: ['query', 'value'] };
  const network = buildNetwork({
    architecture,
    task: 'single-label',
    labels: 2,
    head: 'mean',
    ...(method === 'lora' && { lora }),
  });
  const trainable = trainableNames(network.params, { method });
  const request = { network: network.graph, loss: 'loss', trainable };
  return { network, trainable, request, vocabulary: configs[size].vocab_size };
}

export const benchRng = (): ReproducibleRng => reproducibleRng('bench');

/** Initial weights of a parameter; not zero for the head's, as they would be. */
export function benchValues(spec: ParameterSpec, rng: ReproducibleRng): Float32Array {
  const init = spec.init.kind === 'zeros' ? ({ kind: 'normal', deviation: 0.02 } as const) : spec.init;
  return initialValues({ ...spec, init }, rng);
}

/** Gives an engine all weights; the values of those in `keep` stay here, too. */
export async function writeWeights(
  engine: Engine,
  { network }: Encoder,
  rng: ReproducibleRng,
  keep: readonly string[] = [],
): Promise<Record<string, Float32Array>> {
  const kept: Record<string, Float32Array> = {};
  for (const spec of network.params) {
    const data = benchValues(spec, rng);
    await engine.write({ [spec.name]: { dims: spec.shape, data } });
    if (keep.includes(spec.name)) kept[spec.name] = data;
  }
  return kept;
}

/** Records of random tokens, without padding. */
export function benchBatch(
  { network, vocabulary }: Encoder,
  records: number,
  tokens: number,
  rng: ReproducibleRng,
): Tensors {
  const below = (limit: number) => Math.floor(rng.uniform() * limit);
  const length = records * tokens;
  return feedsOf(network, {
    records,
    tokens,
    ids: Int32Array.from({ length }, () => below(vocabulary)),
    mask: new Float32Array(length).fill(1),
    typeIds: new Int32Array(length),
    labels: Int32Array.from({ length: records }, () => below(2)),
  });
}

/** Floating-point operations of a graph's products, two for each multiply-add. */
export function productFlops(graph: Graph, sizes: Readonly<Record<string, number>>): number {
  let flops = 0;
  for (const { op, attrs, inputs, outputs } of graph.nodes) {
    if (op !== 'linear' && op !== 'matmul') continue;
    const left = inputs[0]!.shape;
    const inner = op === 'matmul' && attrs.transposeA ? left.at(-2)! : left.at(-1)!;
    flops +=
      2 *
      [...outputs[0]!.shape, inner].reduce<number>((product, dim) => product * evaluateDim(dim, sizes), 1);
  }
  return flops;
}
