import * as tf from '@tensorflow/tfjs-core';

/** The running sum of one parameter's clipped gradients, on the device. Owns its tensors. */
export interface Accumulator {
  /** Adds `contribution`, of the parameter's shape, if `accept` (bool []) holds; else nothing. Both are borrowed. */
  addDense(contribution: tf.Tensor, accept: tf.Tensor): void;
  /** Adds row i of `rows` [..., D] to row ids[i] of the sum, for every i of `ids` i32 [...], if `accept` holds; else nothing. */
  addRows(ids: tf.Tensor, rows: tf.Tensor, accept: tf.Tensor): void;
  /** The sum, a tensor that the caller owns; the accumulator is empty afterwards. */
  take(): tf.Tensor;
  dispose(): void;
}

/**
 * `value` if `accept` (bool []) holds, else `otherwise`, of the same shape. A selection, not a product with 0: NaN * 0 is
 * NaN. The condition is spread over the whole shape, since the Select kernels of the wasm and cpu backends pick the
 * wrong elements for a vector of conditions; by an elementwise op, since tiling is slow on wasm.
 */
function select<T extends tf.Tensor>(accept: tf.Tensor, value: T, otherwise: T): T {
  return tf.where(tf.logicalOr(accept, tf.zeros(value.shape, 'bool')), value, otherwise);
}

/**
 * An empty accumulator for a parameter of this shape. Rows wait until they hold as many numbers as the parameter, and
 * are scattered then: once for many micro-batches, in memory that is never more than twice the parameter's.
 */
export function createAccumulator(shape: readonly number[]): Accumulator {
  const dims = [...shape];
  const size = dims.reduce((product, dim) => product * dim, 1);
  let total: tf.Tensor | undefined;
  let waiting: { ids: tf.Tensor2D; rows: tf.Tensor2D }[] = [];
  let waitingSize = 0;

  const replaceTotal = (next: (before: tf.Tensor) => tf.Tensor): void => {
    const before = total ?? tf.zeros(dims);
    total = tf.keep(tf.tidy(() => next(before)));
    before.dispose();
  };
  const scatter = (): void => {
    if (waiting.length === 0) return;
    replaceTotal((before) => {
      const ids = tf.concat(waiting.map((part) => part.ids));
      const rows = tf.concat(waiting.map((part) => part.rows));
      return tf.add(before, tf.scatterND(ids, rows, dims));
    });
    forget();
  };
  const forget = (): void => {
    for (const part of waiting) tf.dispose([part.ids, part.rows]);
    waiting = [];
    waitingSize = 0;
  };

  return {
    addDense(contribution, accept) {
      replaceTotal((before) => select(accept, tf.add(before, tf.reshape(contribution, dims)), before));
    },
    addRows(ids, rows, accept) {
      const part = tf.tidy(() => {
        const flat = tf.reshape<tf.Rank.R2>(rows, [ids.size, dims[1]!]);
        return {
          ids: tf.reshape<tf.Rank.R2>(ids, [ids.size, 1]),
          rows: select(accept, flat, tf.zerosLike(flat)),
        };
      });
      waiting.push({ ids: tf.keep(part.ids), rows: tf.keep(part.rows) });
      waitingSize += part.rows.size;
      if (waitingSize >= size) scatter();
    },
    take() {
      scatter();
      const sum = total ?? tf.zeros(dims);
      total = undefined;
      return sum;
    },
    dispose() {
      forget();
      total?.dispose();
      total = undefined;
    },
  };
}
