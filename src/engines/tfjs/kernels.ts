import * as tf from '@tensorflow/tfjs-core';
import type { AnyNode, Dim, Op, OpAttrs } from '../../graph/index.ts';
import { product } from './products.ts';

/** The concrete size of a dimension in this run. */
export type SizeOf = (dim: Dim) => number;

/** Computes one node; always returns tensors of its own, never an input. Borrows its inputs. */
type Kernel<O extends Op> = (
  inputs: tf.Tensor[],
  attrs: OpAttrs[O],
  sizeOf: SizeOf,
) => tf.Tensor | tf.Tensor[];

const unary =
  (apply: (x: tf.Tensor) => tf.Tensor): Kernel<Op> =>
  ([x]) =>
    apply(x!);

const binary =
  (apply: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Kernel<Op> =>
  ([a, b]) =>
    apply(a!, b!);

/** Applies `apply` after giving both operands the broadcast shape, for kernels that some backend lacks broadcasting in. */
const binaryOfEqualShapes = (apply: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Kernel<Op> =>
  binary((a, b) => {
    const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    return apply(tf.broadcastTo(a, shape), tf.broadcastTo(b, shape));
  });

function lastSize(x: tf.Tensor): number {
  return x.shape.at(-1)!;
}

function leading(x: tf.Tensor): number[] {
  return x.shape.slice(0, -1);
}

/** x [..., K] as a matrix [product of the leading axes, K]. */
function asMatrix(x: tf.Tensor): tf.Tensor2D {
  const rows = leading(x).reduce((total, size) => total * size, 1);
  return tf.reshape(x, [rows, lastSize(x)]);
}

/** x [R, V], ids i32 [R, n], all within [0, V) -> [R, n]. */
function gatherRows(x: tf.Tensor2D, ids: tf.Tensor2D): tf.Tensor {
  const [rows, width] = x.shape;
  const starts = tf.mul(tf.range(0, rows, 1, 'int32'), tf.scalar(width, 'int32'));
  return tf.gather(tf.reshape(x, [-1]), tf.add(ids, tf.reshape(starts, [rows, 1])));
}

function crossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor[] {
  const flat = asMatrix(logits);
  const shifted = tf.sub<tf.Tensor2D>(flat, tf.max(flat, -1, true));
  const exponentials = tf.exp(shifted);
  const total = tf.sum(exponentials, -1, true);
  const ids = tf.reshape<tf.Rank.R2>(labels, [flat.shape[0], 1]);
  const present = tf.greaterEqual(ids, tf.scalar(0, 'int32'));
  const ofLabel = gatherRows(shifted, tf.maximum(ids, tf.scalar(0, 'int32')));
  const loss = tf.where(present, tf.sub(tf.log(total), ofLabel), tf.zerosLike(total));
  return [tf.reshape(loss, labels.shape), tf.reshape(tf.div(exponentials, total), logits.shape)];
}

function crossEntropyGrad(probabilities: tf.Tensor, labels: tf.Tensor, g: tf.Tensor): tf.Tensor {
  const flat = asMatrix(probabilities);
  const [rows] = flat.shape;
  const ids = tf.reshape<tf.Rank.R2>(labels, [rows, 1]);
  const present = tf.greaterEqual(ids, tf.scalar(0, 'int32'));
  const weights = tf.where(present, tf.reshape(g, [rows, 1]), tf.zeros([rows, 1]));
  // (p - onehot) g without the one-hot matrix: p g, then (p - 1) g at the label.
  const columns = tf.maximum<tf.Tensor2D>(ids, tf.scalar(0, 'int32'));
  const ofLabel = tf.mul(tf.sub(gatherRows(flat, columns), 1), weights);
  const places = tf.concat([tf.reshape(tf.range(0, rows, 1, 'int32'), [rows, 1]), columns], 1);
  const gradient = tf.tensorScatterUpdate(tf.mul(flat, weights), places, tf.reshape(ofLabel, [rows]));
  return tf.reshape(gradient, probabilities.shape);
}

function reshapeTo(x: tf.Tensor, shape: readonly Dim[], sizeOf: SizeOf): tf.Tensor {
  return tf.reshape(x, shape.map(sizeOf));
}

function padAxis(x: tf.Tensor, axis: number, before: number, size: number): tf.Tensor {
  const paddings = x.shape.map((length, at): [number, number] =>
    at === axis ? [before, size - before - length] : [0, 0],
  );
  return tf.pad(x, paddings);
}

/** Nothing is of 8 bits here: `upload` refuses it. */
type TfjsOp = Exclude<Op, 'linearInt8'>;

const kernels: { readonly [O in TfjsOp]: Kernel<O> } = {
  linear: ([x, w], { layout }) => {
    const y = product(asMatrix(x!), w!, false, layout === 'out-in');
    return tf.reshape(y, [...leading(x!), lastSize(y)]);
  },
  bias: binary(tf.add),
  embed: ([ids, table]) => tf.gather(table!, ids!),
  layerNorm: ([x, gain, offset], { epsilon }) => {
    const mean = tf.mean(x!, -1, true);
    const centred = tf.sub(x!, mean);
    const variance = tf.mean(tf.square(centred), -1, true);
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    return [tf.add(tf.mul(tf.mul(centred, inverse), gain!), offset!), mean, inverse];
  },
  rmsNorm: ([x, gain], { epsilon }) => {
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x!), -1, true), epsilon));
    return [tf.mul(tf.mul(x!, inverse), gain!), inverse];
  },
  matmul: ([a, b], { transposeA, transposeB }) => product(a!, b!, transposeA, transposeB),

  add: binary(tf.add),
  sub: binary(tf.sub),
  mul: binary(tf.mul),
  div: binary(tf.div),
  minimum: binaryOfEqualShapes(tf.minimum),
  maximum: binaryOfEqualShapes(tf.maximum),
  affine: ([x], { factor, offset }) => {
    const scaled = factor === 1 ? tf.clone(x!) : tf.mul(x!, factor);
    return offset === 0 ? scaled : tf.add(scaled, offset);
  },
  equal: binaryOfEqualShapes((a, b) => tf.cast(tf.equal(a, b), 'float32')),
  gelu: unary((x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))),
  geluTanh: unary((x) => {
    const inner = tf.mul(tf.mul(x, Math.sqrt(2 / Math.PI)), tf.add(tf.mul(tf.square(x), 0.044715), 1));
    return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
  }),
  silu: unary((x) => tf.mul(x, tf.sigmoid(x))),
  relu: unary(tf.relu),
  tanh: unary(tf.tanh),
  sigmoid: unary(tf.sigmoid),
  softplus: unary(tf.softplus),
  erf: unary(tf.erf),
  exp: unary(tf.exp),
  log: unary(tf.log),
  sqrt: unary(tf.sqrt),

  softmax: unary((x) => tf.softmax(x)),
  sum: ([x], { axes, keepDims }) => tf.sum(x!, [...axes], keepDims),
  crossEntropy: ([logits, labels]) => crossEntropy(logits!, labels!),
  crossEntropyGrad: ([probabilities, labels, g]) => crossEntropyGrad(probabilities!, labels!, g!),
  gatherLast: ([x, ids]) => tf.reshape(gatherRows(asMatrix(x!), asMatrix(ids!)), ids!.shape),

  reshape: ([x], { shape }, sizeOf) => reshapeTo(x!, shape, sizeOf),
  transpose: ([x], { perm }) => tf.transpose(x!, [...perm]),
  expand: ([x], { shape }, sizeOf) => tf.broadcastTo(x!, shape.map(sizeOf)),
  concat: (inputs, { axis }) => tf.concat(inputs, axis),
  slice: ([x], { axis, start, end }, sizeOf) => {
    const begin = x!.shape.map((_, at) => (at === axis ? start : 0));
    const size = x!.shape.map((length, at) => (at === axis ? sizeOf(end) - start : length));
    return tf.slice(x!, begin, size);
  },
  pad: ([x], { axis, before, size }, sizeOf) => padAxis(x!, axis, before, sizeOf(size)),
  rotateHalf: ([x]) => {
    const [a, b] = tf.split(x!, 2, -1);
    return tf.concat([tf.neg(b!), a!], -1);
  },
};

/** Computes one node of a graph on the active backend; what it needs in between is freed before it returns. */
export function compute(node: AnyNode, inputs: tf.Tensor[], sizeOf: SizeOf): tf.Tensor[] {
  if (node.op !== 'concat' && inputs.some(({ size }) => size === 0)) return emptyResults(node, sizeOf);
  const kernel = kernels[node.op as TfjsOp] as Kernel<Op>;
  return tf.tidy(() => {
    const outputs = kernel(inputs, node.attrs, sizeOf);
    return Array.isArray(outputs) ? outputs : [outputs];
  });
}

/** Of nothing, every op makes nothing or zeros (an empty sum); wasm's reductions would return stale memory. */
function emptyResults({ outputs }: AnyNode, sizeOf: SizeOf): tf.Tensor[] {
  return outputs.map(({ dtype, shape }) =>
    tf.zeros(shape.map(sizeOf), dtype === 'i32' ? 'int32' : 'float32'),
  );
}
