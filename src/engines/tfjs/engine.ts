import * as tf from '@tensorflow/tfjs-core';
import { InvalidParameterError } from '../../../privacy/errors.ts';
import type { GradientGraph } from '../../graph/index.ts';
import type { Engine, Taken, Tensor, Tensors } from '../engine.ts';
import { type Accumulator, createAccumulator } from './accumulator.ts';
import { activate, type BackendName, loadBackend } from './backend.ts';
import { evaluate, type Prepared, prepare, upload } from './evaluation.ts';

export interface TfjsOptions {
  /** Default `auto`: the first of tensorflow, wasm, cpu that loads. */
  readonly backend?: BackendName | 'auto';
  /** CPU threads of the tensorflow backend; only its first load in a process can set them. Default: all cores. */
  readonly threads?: number;
}

/**
 * An engine that runs graphs op by op on TensorFlow.js, on the main thread; it lets other work in before every run.
 *
 * Memory: parameters, constants, accumulators, norms and losses are the only tensors that outlive a run.
 * @throws {InvalidParameterError} if the backend does not load
 */
export async function createTfjsEngine({
  backend: choice = 'auto',
  threads,
}: TfjsOptions = {}): Promise<Engine> {
  const backend = await loadBackend(choice, threads);
  const params = new Map<string, tf.Tensor>();
  const programs = new Set<Prepared>();
  const accumulators = new Map<string, Accumulator>();
  let norms: tf.Tensor[] = [];
  let losses: tf.Tensor[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let disposed = false;

  /** Runs `work` after all earlier work, on this engine's backend, having let pending events run. */
  const enqueue = <T>(work: () => T | Promise<T>): Promise<T> => {
    if (disposed) throw new InvalidParameterError('engine=tfjs: already disposed; create another');
    const result = last.then(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      activate(backend.name);
      return work();
    });
    last = result.catch(() => undefined);
    return result;
  };
  const load = (graph: GradientGraph['graph']): Promise<Prepared> =>
    enqueue(() => {
      const prepared = prepare(graph);
      programs.add(prepared);
      return prepared;
    });
  const unload = (prepared: Prepared): void => {
    if (programs.delete(prepared)) tf.dispose([...prepared.constants.values()]);
  };

  const add = (
    prepared: Prepared,
    { sums, norms: normsName, losses: lossesName }: GradientGraph,
    inputs: Tensors,
  ): void =>
    tf.tidy(() => {
      const outputs = evaluate(prepared, inputs, params);
      // The decision stays on the device: reading it back would wait for the whole step.
      const accept = tf.all(tf.isFinite(outputs[normsName]!));
      for (const sum of sums) {
        const accumulator = accumulators.get(sum.param) ?? createAccumulator(params.get(sum.param)!.shape);
        accumulators.set(sum.param, accumulator);
        if (sum.kind === 'dense') accumulator.addDense(outputs[sum.output]!, accept);
        else accumulator.addRows(outputs[sum.ids]!, outputs[sum.rows]!, accept);
      }
      norms.push(tf.keep(outputs[normsName]!));
      losses.push(tf.keep(outputs[lossesName]!));
    });

  return {
    name: 'tfjs',
    device: backend.device,
    async write(tensors) {
      await enqueue(() => {
        for (const [name, tensor] of Object.entries(tensors)) {
          params.get(name)?.dispose();
          params.set(name, upload(tensor));
        }
      });
    },
    async load(graph) {
      const prepared = await load(graph);
      return {
        run: (inputs) =>
          enqueue(async () => {
            const outputs = tf.tidy(() => evaluate(prepared, inputs, params));
            return Object.fromEntries(
              await Promise.all(
                Object.entries(outputs).map(async ([name, value]) => [name, await download(value)] as const),
              ),
            );
          }),
        dispose: () => enqueue(() => unload(prepared)),
      };
    },
    async loadGradient(gradient) {
      const prepared = await load(gradient.graph);
      return {
        add: (inputs) => enqueue(() => add(prepared, gradient, inputs)),
        dispose: () => enqueue(() => unload(prepared)),
      };
    },
    take: () =>
      enqueue(async () => {
        const taken: Taken = { sums: {}, norms: await downloadAll(norms), losses: await downloadAll(losses) };
        norms = [];
        losses = [];
        for (const [name, accumulator] of accumulators) taken.sums[name] = await accumulator.take();
        accumulators.clear();
        return taken;
      }),
    async dispose() {
      if (disposed) return;
      const done = enqueue(() => {
        for (const prepared of programs) unload(prepared);
        for (const accumulator of accumulators.values()) accumulator.dispose();
        tf.dispose([...params.values(), ...norms, ...losses]);
      });
      disposed = true;
      await done;
    },
  };
}

/** Reads a tensor back and frees it. */
async function download(value: tf.Tensor): Promise<Tensor> {
  // The plain backend hands out its own memory, which an alias may share: copied.
  const data = (await value.data()).slice() as Float32Array | Int32Array;
  const dims = value.shape;
  value.dispose();
  return { dims, data };
}

function downloadAll(values: readonly tf.Tensor[]): Promise<Float32Array[]> {
  return Promise.all(values.map(async (value) => (await download(value)).data as Float32Array));
}
