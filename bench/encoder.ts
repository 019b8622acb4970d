import { GraphBuilder } from '../src/graph/index.ts';
import type { Graph, Value } from '../src/graph/index.ts';
import type { Tensor, Tensors } from '../src/engines/index.ts';

export interface EncoderShape {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly inner: number;
  readonly vocabulary: number;
  readonly positions: number;
}

/** The shape of all-MiniLM-L6-v2. */
export const miniLm: EncoderShape = {
  layers: 6,
  width: 384,
  heads: 12,
  inner: 1536,
  vocabulary: 30522,
  positions: 512,
};

export type Method = 'full' | 'lora';

export interface Encoder {
  readonly network: Graph;
  readonly trainable: readonly string[];
}

/** A BERT encoder with mean pooling and a classifier of two classes; output `loss` [records]. */
export function buildEncoder(shape: EncoderShape, method: Method, rank = 8): Encoder {
  const g = new GraphBuilder();
  const { width, heads, inner } = shape;
  const rows = ['records', 'tokens'] as const;
  const ids = g.input('ids', 'i32', rows);
  const mask = g.input('mask', 'f32', rows);
  const positions = g.input('positions', 'i32', rows);
  const types = g.input('types', 'i32', rows);
  const labels = g.input('labels', 'i32', ['records']);

  const linear = (x: Value, name: string, from: number, to: number): Value =>
    g.bias(g.linear(x, g.param(`${name}.weight`, [to, from]), 'out-in'), g.param(`${name}.bias`, [to]));
  const adapted = (x: Value, name: string): Value => {
    const base = linear(x, name, width, width);
    if (method !== 'lora') return base;
    const down = g.linear(x, g.param(`${name}.lora_A`, [rank, width]), 'out-in');
    const up = g.linear(down, g.param(`${name}.lora_B`, [width, rank]), 'out-in');
    return g.add(base, g.affine(up, 2));
  };
  const norm = (x: Value, name: string): Value =>
    g.layerNorm(x, g.param(`${name}.weight`, [width]), g.param(`${name}.bias`, [width]), 1e-12).y;
  const split = (x: Value): Value => g.transpose(g.reshape(x, [...rows, heads, width / heads]), [0, 2, 1, 3]);

  let hidden = g.add(
    g.add(
      g.embed(ids, g.param('wordTable', [shape.vocabulary, width])),
      g.embed(types, g.param('typeTable', [2, width])),
    ),
    g.embed(positions, g.param('positionTable', [shape.positions, width])),
  );
  hidden = norm(hidden, 'embeddings.norm');
  const attend = g.reshape(g.affine(mask, 1e4, -1e4), ['records', 1, 1, 'tokens']);
  for (let layer = 0; layer < shape.layers; layer++) {
    const name = (part: string): string => `layer.${layer}.${part}`;
    const query = split(adapted(hidden, name('query')));
    const key = split(linear(hidden, name('key'), width, width));
    const value = split(adapted(hidden, name('value')));
    const scores = g.affine(g.matmul(query, key, { transposeB: true }), 1 / Math.sqrt(width / heads));
    const mixed = g.matmul(g.softmax(g.add(scores, attend)), value);
    const context = g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [...rows, width]);
    hidden = norm(g.add(linear(context, name('output'), width, width), hidden), name('attention.norm'));
    const wide = g.gelu(linear(hidden, name('up'), width, inner));
    hidden = norm(g.add(linear(wide, name('down'), inner, width), hidden), name('norm'));
  }
  const weight = g.reshape(mask, [...rows, 1]);
  const pooled = g.div(g.sum(g.mul(hidden, weight), [1]), g.sum(weight, [1]));
  const logits = linear(pooled, 'classifier', width, 2);
  g.output('loss', g.crossEntropy(logits, labels).loss);
  const network = g.build();
  const trainable = network.params
    .map(({ name }) => name)
    .filter((name) => method === 'full' || name.includes('lora_') || name.startsWith('classifier'));
  return { network, trainable };
}

/** Small random weights, norms at one; `random` in [0, 1). */
export function randomParams(network: Graph, random: () => number): Record<string, Tensor> {
  return Object.fromEntries(
    network.params.map(({ name, value }) => {
      const dims = value.shape.map(Number);
      const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
      if (name.endsWith('norm.weight')) data.fill(1);
      else for (let i = 0; i < data.length; i++) data[i] = (random() - 0.5) * 0.07;
      return [name, { dims, data }];
    }),
  );
}

/** Records of random tokens, without padding. */
export function randomBatch(
  shape: EncoderShape,
  records: number,
  tokens: number,
  random: () => number,
): Tensors {
  const dims = [records, tokens];
  const integers = (limit: number, length: number): Int32Array =>
    Int32Array.from({ length }, () => Math.floor(random() * limit));
  return {
    ids: { dims, data: integers(shape.vocabulary, records * tokens) },
    mask: { dims, data: new Float32Array(records * tokens).fill(1) },
    positions: { dims, data: Int32Array.from({ length: records * tokens }, (_, i) => i % tokens) },
    types: { dims, data: new Int32Array(records * tokens) },
    labels: { dims: [records], data: integers(2, records) },
  };
}
