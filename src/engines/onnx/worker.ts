/**
 * The thread that owns weights, sessions and accumulators: `run` of onnxruntime-node blocks its thread, and this one has
 * nothing else to do. Requests are answered one after the other, in order.
 */
import { MessageChannel, parentPort, workerData } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';
import type { ParamTensor, Tensor, Tensors } from '../engine.ts';
import { createAccumulators } from './accumulators.ts';
import type { LoweredGraph } from './lowering.ts';
import { buffersOf } from './protocol.ts';
import type { Answers, Call, GradientOutputs, Reply, Request, WorkerOptions } from './protocol.ts';

interface Program {
  readonly session: ort.InferenceSession;
  readonly lowered: Omit<LoweredGraph, 'model'>;
  readonly gradient: GradientOutputs | undefined;
}

const port = parentPort!;
const { device, threads } = workerData as WorkerOptions;
const params = new Map<string, ort.Tensor>();
const programs = new Map<number, Program>();
const accumulators = createAccumulators();

/**
 * Without spinning, idle threads leave the cores to the rest of the machine. Denormals stay: flushing them would do so
 * for all of this thread. A gradient program keeps its memory between runs (an arena: a quarter less at its peak than
 * with malloc, whose heap fragments, and few page faults); any other gives it back. Memory patterns would double it.
 */
function sessionOptions(keepMemory: boolean): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: [device],
    intraOpNumThreads: threads,
    enableCpuMemArena: keepMemory,
    enableMemPattern: false,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}

const { port1: nowhere, port2: closed } = new MessageChannel();
closed.close();

/**
 * Gives the arrays' memory back at once, by sending it where nobody listens. Left to the garbage collector, which sees
 * only small objects, the outputs of several runs pile up: 130 MB with 22 M parameters.
 */
function free(arrays: Iterable<Float32Array | Int32Array | Int8Array>): void {
  nowhere.postMessage(null, buffersOf(arrays));
}

function toOrt({ data, dims }: ParamTensor): ort.Tensor {
  if (data instanceof Int8Array) return new ort.Tensor('int8', data, dims);
  return data instanceof Float32Array
    ? new ort.Tensor('float32', data, dims)
    : new ort.Tensor('int32', data, dims);
}

function find(program: number): Program {
  const found = programs.get(program);
  if (found === undefined) throw new Error('program: was disposed; load the graph again');
  return found;
}

async function execute({ session, lowered }: Program, inputs: Tensors): Promise<Record<string, Tensor>> {
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, feed] of Object.entries(lowered.inputs)) feeds[feed] = toOrt(inputs[name]!);
  for (const [name, feed] of Object.entries(lowered.params)) feeds[feed] = params.get(name)!;
  const results = await session.run(feeds);
  return Object.fromEntries(
    Object.entries(lowered.outputs).map(([name, output]) => {
      const { data, dims } = results[output]!;
      return [name, { data: data as Tensor['data'], dims }];
    }),
  );
}

async function add(program: Program, inputs: Tensors): Promise<void> {
  if (Object.values(inputs).some(({ dims }) => dims.includes(0))) return accumulators.addNothing();
  const outputs = await execute(program, inputs);
  try {
    accumulators.add(program.gradient!, outputs, (param) => params.get(param)!.size);
  } finally {
    free(Object.values(outputs).map(({ data }) => data));
  }
}

async function answer(
  request: Request,
): Promise<{ answer: Answers[keyof Answers]; transfer: ArrayBuffer[] }> {
  switch (request.kind) {
    case 'write':
      for (const [name, tensor] of Object.entries(request.tensors)) {
        const old = params.get(name);
        params.set(name, toOrt(tensor));
        if (old !== undefined) free([old.data as ParamTensor['data']]);
      }
      break;
    case 'drop':
      for (const name of request.names) {
        const old = params.get(name);
        params.delete(name);
        if (old !== undefined) free([old.data as ParamTensor['data']]);
      }
      break;
    case 'load': {
      const { model, ...lowered } = request.lowered;
      const session = await ort.InferenceSession.create(
        model,
        sessionOptions(request.gradient !== undefined),
      );
      programs.set(request.program, { session, lowered, gradient: request.gradient });
      break;
    }
    case 'run': {
      const outputs = await execute(find(request.program), request.inputs);
      return { answer: outputs, transfer: buffersOf(Object.values(outputs).map(({ data }) => data)) };
    }
    case 'add':
      await add(find(request.program), request.inputs);
      break;
    case 'take': {
      const taken = accumulators.take();
      return {
        answer: taken,
        transfer: buffersOf([...Object.values(taken.sums), ...taken.norms, ...taken.losses]),
      };
    }
    case 'unload':
      await find(request.program).session.release();
      programs.delete(request.program);
      break;
    default:
      request satisfies never;
  }
  return { answer: undefined, transfer: [] };
}

async function serve({ id, request }: Call): Promise<void> {
  try {
    const { answer: result, transfer } = await answer(request);
    port.postMessage({ id, answer: result } satisfies Reply, transfer);
  } catch (error) {
    port.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Reply);
  }
}

let last = Promise.resolve();
port.on('message', (call: Call) => {
  last = last.then(() => serve(call));
});
