import type { GradientProgram, Taken, Tensors } from '../engines/index.ts';

/** Whole units as a gradient program takes them. */
export interface GradientBatch {
  readonly inputs: Tensors;
  /** Units in the batch, in its order. */
  readonly units: Uint32Array;
  readonly program: GradientProgram;
}

/** What a gradient of a batch needs: where to get micro-batches from, and the accumulators to empty. */
export interface GradientSource {
  /** Cuts units into micro-batches, lazily. */
  batches(units: Uint32Array): AsyncIterable<GradientBatch> | Iterable<GradientBatch>;
  take(): Promise<Taken>;
}

/** Private: never leaves the run's private half. */
export interface GradientDiagnostics {
  readonly norms: number[];
  readonly losses: number[];
  /** Units whose gradient was not finite and counted as zero. */
  readonly dropped: number;
}

/**
 * Adds up the clipped gradients of `units` into `sums` (overwritten), by micro-batches. A unit whose gradient is not
 * finite contributes zero: the engine withholds its micro-batch, which is repeated without that unit (G3).
 */
export async function sumGradients(
  units: Uint32Array,
  source: GradientSource,
  sums: Readonly<Record<string, Float32Array>>,
): Promise<GradientDiagnostics> {
  for (const sum of Object.values(sums)) sum.fill(0);
  const norms: number[] = [];
  const losses: number[] = [];
  let dropped = 0;
  let left = units;
  while (left.length > 0) {
    const batches = await addAll(left, source);
    const taken = await source.take();
    for (const [name, sum] of Object.entries(taken.sums)) add(sums[name]!, sum);
    const again: number[] = [];
    for (const [index, batch] of batches.entries()) {
      const finite = unitsWithFinite(batch, taken.norms[index]!);
      if (finite.length === batch.length) {
        append(norms, taken.norms[index]!);
        append(losses, taken.losses[index]!);
      } else {
        dropped += batch.length - finite.length;
        append(again, finite);
      }
    }
    left = Uint32Array.from(again).sort();
  }
  return { norms, losses, dropped };
}

/** Runs every micro-batch; while one is computed, the next is made ready. */
async function addAll(units: Uint32Array, source: GradientSource): Promise<Uint32Array[]> {
  const added: Uint32Array[] = [];
  let running: Promise<void> = Promise.resolve();
  try {
    for await (const { inputs, units: batch, program } of source.batches(units)) {
      await running;
      running = program.add(inputs);
      running.catch(() => undefined);
      added.push(batch);
    }
  } finally {
    await running;
  }
  return added;
}

/** `norms` has one entry a unit, or equally many for each. */
function unitsWithFinite(units: Uint32Array, norms: Float32Array): Uint32Array {
  const each = norms.length / units.length;
  return units.filter((_, unit) => norms.subarray(unit * each, (unit + 1) * each).every(Number.isFinite));
}

/** Not by spreading, which a micro-batch of a hundred thousand units would be too long for. */
function append(target: number[], values: Iterable<number>): void {
  for (const value of values) target.push(value);
}

function add(sum: Float32Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + more[i]!;
}
