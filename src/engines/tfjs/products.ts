import * as tf from '@tensorflow/tfjs-core';

/** Floating-point operations above which one matrix of a batch is worth a call of its own on wasm. */
const LARGE_PRODUCT = 2e6;

/**
 * a [..., M, K] times b [..., K, N], each transposed on its last two axes where asked; equal leading axes.
 *
 * The wasm backend has two products: a fast one for two plain matrices and a slow one for all else. There, transposed
 * operands are transposed first (256 x 1536 times 384 x 1536 transposed: 340 ms before, 50 ms so), and batches of
 * large matrices are multiplied one by one.
 */
export function product(a: tf.Tensor, b: tf.Tensor, transposeA: boolean, transposeB: boolean): tf.Tensor {
  if (tf.getBackend() !== 'wasm') return tf.matMul(a, b, transposeA, transposeB);
  const left = transposeA ? swapLast(a) : a;
  const right = transposeB ? swapLast(b) : b;
  const [rows, inner] = left.shape.slice(-2) as [number, number];
  const columns = right.shape.at(-1)!;
  if (left.rank === 2 || 2 * rows * inner * columns < LARGE_PRODUCT) return tf.matMul(left, right);
  const rights = tf.unstack(tf.reshape(right, [-1, inner, columns]));
  const products = tf
    .unstack(tf.reshape(left, [-1, rows, inner]))
    .map((matrix, at) => tf.matMul(matrix, rights[at]!));
  return tf.reshape(tf.stack(products), [...left.shape.slice(0, -1), columns]);
}

function swapLast(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return tf.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}
