import * as tf from '@tensorflow/tfjs-core';
import { InvalidParameterError } from '../../../privacy/errors.ts';
import type { GradientGraph, Graph } from '../../graph/index.ts';
import type { Engine, Taken, Tensor, Tensors } from '../engine.ts';
import { type Accumulator, createAccumulator } from './accumulator.ts';
import { activate, type BackendName, type BackendOptions, loadBackend } from './backend.ts';
import { evaluate, type Prepared, prepare, upload } from './evaluation.ts';

export interface TfjsOptions extends BackendOptions {
  /** Default `auto`: the first of tensorflow, wasm, cpu that loads. */
  readonly backend?: BackendName | 'auto';
}

/**
 * An engine that runs graphs op by op on TensorFlow.js, on the main thread; it lets other work in before every run.
 *
 * Memory: parameters, constants, accumulators, norms and losses are the only tensors that outlive a run; `dispose`
 * frees them. Nothing is read back from the device before `run` or `take` returns it.
 * @throws {InvalidParameterError} if the backend does not load
 */
export async function createTfjsEngine({
  backend: choice = 'auto',
  ...options
}: TfjsOptions = {}): Promise<Engine> {
  const backend = await loadBackend(choice, options);
  const params = new Map<string, tf.Tensor>();
  const programs = new Set<Prepared>();
  const accumulators = new Map<string, Accumulator>();
  let norms: tf.Tensor[] = [];
  let losses: tf.Tensor[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let closed: string | undefined;

  /** Runs `work` after all earlier work, on this engine's backend, having let pending events run. */
  const enqueue = async <T>(work: () => T | Promise<T>): Promise<T> => {
    const result = last.then(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      if (closed !== undefined) throw new InvalidParameterError(`engine=tfjs: ${closed}`);
      activate(backend.name);
      try {
        return await work();
      } catch (error) {
        if (!isBreakdown(error)) throw error;
        closed =
          `its wasm module broke down (${error.message}), most likely for want of memory, of which it has 4 GB; ` +
          'start again with smaller micro-batches';
        throw new InvalidParameterError(`engine=tfjs: ${closed}`, { cause: error });
      }
    });
    last = result.catch(() => undefined);
    return result;
  };

  const load = (graph: Graph): Prepared => {
    const prepared = prepare(graph);
    programs.add(prepared);
    return prepared;
  };
  const unload = (prepared: Prepared): void => {
    if (programs.delete(prepared)) tf.dispose([...prepared.constants.values()]);
  };

  const accumulatorOf = (param: string, { params: declared }: Graph): Accumulator => {
    const shape = declared.find(({ name }) => name === param)!.value.shape.map(Number);
    const accumulator = accumulators.get(param) ?? createAccumulator(shape);
    accumulators.set(param, accumulator);
    return accumulator;
  };
  const accumulate = (gradient: GradientGraph, outputs: Readonly<Record<string, tf.Tensor>>): void => {
    const microBatchNorms = outputs[gradient.norms]!;
    // The decision stays on the device: reading it back would wait for the whole step.
    const accept = tf.all(tf.isFinite(microBatchNorms));
    for (const sum of gradient.sums) {
      const accumulator = accumulatorOf(sum.param, gradient.graph);
      if (sum.kind === 'dense') accumulator.addDense(outputs[sum.output]!, accept);
      else accumulator.addRows(outputs[sum.ids]!, outputs[sum.rows]!, accept);
    }
    // Clones: a plain gradient has one output for both.
    norms.push(tf.keep(tf.clone(microBatchNorms)));
    losses.push(tf.keep(tf.clone(outputs[gradient.losses]!)));
  };
  const add = (prepared: Prepared, gradient: GradientGraph, inputs: Tensors): void =>
    tf.tidy(() => {
      const outputs = evaluate(prepared, inputs, params);
      try {
        accumulate(gradient, outputs);
      } catch (error) {
        // Some parameters have this micro-batch and some do not; a caller that repeated it would count it twice.
        closed = `an earlier add stopped half-way (${String(error)}); create another`;
        throw error;
      }
    });

  return {
    name: 'tfjs',
    device: backend.device,
    write: (tensors) =>
      enqueue(() => {
        for (const [name, tensor] of Object.entries(tensors)) {
          params.get(name)?.dispose();
          params.set(name, upload(tensor));
        }
      }),
    drop: (names) =>
      enqueue(() => {
        for (const name of names) {
          params.get(name)?.dispose();
          params.delete(name);
        }
      }),
    async load(graph) {
      const prepared = await enqueue(() => load(graph));
      return {
        run: (inputs) => enqueue(() => download(tf.tidy(() => evaluate(prepared, inputs, params)))),
        dispose: () => enqueue(() => unload(prepared)),
      };
    },
    async loadGradient(gradient) {
      checkSums(gradient);
      const prepared = await enqueue(() => load(gradient.graph));
      return {
        add: (inputs) => enqueue(() => add(prepared, gradient, inputs)),
        dispose: () => enqueue(() => unload(prepared)),
      };
    },
    take: () =>
      enqueue(async (): Promise<Taken> => {
        const totals = [...accumulators].map(([name, sum]) => [name, sum.take()] as const);
        const taken = { norms: await readAll(norms), losses: await readAll(losses) };
        const sums = await readAll(totals.map(([, total]) => total));
        accumulators.clear();
        norms = [];
        losses = [];
        return { ...taken, sums: Object.fromEntries(totals.map(([name], at) => [name, sums[at]!])) };
      }),
    async dispose() {
      await last;
      closed ??= 'already disposed; create another';
      for (const prepared of programs) unload(prepared);
      for (const accumulator of accumulators.values()) accumulator.dispose();
      accumulators.clear();
      tf.dispose([...params.values(), ...norms, ...losses]);
      params.clear();
      norms = [];
      losses = [];
    },
  };
}

/** A WebAssembly module that aborted fails in every later call too, but for freeing. */
function isBreakdown(error: unknown): error is Error {
  return error instanceof Error && error.name === 'RuntimeError';
}

function checkSums({ graph, sums }: GradientGraph): void {
  const known = new Set(graph.params.map(({ name }) => name));
  const unknown = sums.find(({ param }) => !known.has(param));
  if (unknown !== undefined) {
    throw new InvalidParameterError(
      `param=${unknown.param}: the gradient graph sums it but has no such parameter`,
    );
  }
}

/** Reads tensors back and frees them. The plain backend hands out its own memory, so it must be theirs alone. */
async function readAll(values: readonly tf.Tensor[]): Promise<Float32Array[]> {
  const data = await Promise.all(values.map((value) => value.data<'float32'>()));
  tf.dispose([...values]);
  return data;
}

/** Reads tensors back, copied because one may be a parameter under another name, and frees them. */
async function download(values: Readonly<Record<string, tf.Tensor>>): Promise<Record<string, Tensor>> {
  const tensors: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(values)) {
    const data = await value.data<'float32' | 'int32'>();
    tensors[name] = { dims: value.shape, data: data.slice() };
    value.dispose();
  }
  return tensors;
}
