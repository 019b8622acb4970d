import type { Taken, Tensor } from '../engine.ts';
import type { GradientOutputs } from './protocol.ts';

/** Clipped sums by parameter name, and the private diagnostics of each micro-batch in order. */
export interface Accumulators {
  /**
   * Adds one micro-batch's outputs. One with a non-finite norm adds nothing (G3): a non-finite gradient cannot be told
   * from its neighbours' once it is in a sum.
   * @param sizeOf - number of elements of a parameter
   */
  add(
    gradient: GradientOutputs,
    outputs: Readonly<Record<string, Tensor>>,
    sizeOf: (param: string) => number,
  ): void;
  /** Records a micro-batch of no units. */
  addNothing(): void;
  /** The sums and diagnostics so far; empty afterwards. */
  take(): Taken;
}

function floats(tensor: Tensor): Float32Array {
  if (!(tensor.data instanceof Float32Array))
    throw new Error('output=i32: sums, norms and losses must be f32');
  return tensor.data;
}

function addTo(total: Float32Array, part: Float32Array): void {
  for (let i = 0; i < total.length; i++) total[i]! += part[i]!;
}

/** sum[ids[i]] += rows[i]; `rows` holds ids.length rows. */
function scatterAdd(sum: Float32Array, ids: Float32Array | Int32Array, rows: Float32Array): void {
  const width = ids.length === 0 ? 0 : rows.length / ids.length;
  for (const [row, id] of ids.entries()) {
    if (id < 0 || (id + 1) * width > sum.length) {
      throw new Error(`id=${id}: must be from 0 to ${sum.length / width - 1}, the rows of the embedding`);
    }
    const to = id * width;
    const from = row * width;
    for (let column = 0; column < width; column++) sum[to + column]! += rows[from + column]!;
  }
}

export function createAccumulators(): Accumulators {
  let sums: Record<string, Float32Array> = {};
  let norms: Float32Array[] = [];
  let losses: Float32Array[] = [];

  return {
    add(gradient, outputs, sizeOf) {
      const unitNorms = floats(outputs[gradient.norms]!).slice();
      norms.push(unitNorms);
      losses.push(floats(outputs[gradient.losses]!).slice());
      if (!unitNorms.every(Number.isFinite)) return;
      for (const sum of gradient.sums) {
        const total = (sums[sum.param] ??= new Float32Array(sizeOf(sum.param)));
        if (sum.kind === 'rows') scatterAdd(total, outputs[sum.ids]!.data, floats(outputs[sum.rows]!));
        else addTo(total, floats(outputs[sum.output]!));
      }
    },
    addNothing() {
      norms.push(new Float32Array(0));
      losses.push(new Float32Array(0));
    },
    take() {
      const taken = { sums, norms, losses };
      sums = {};
      norms = [];
      losses = [];
      return taken;
    },
  };
}
