import type { GradientGraph } from '../../graph/index.ts';
import type { EngineOptions, ParamTensors, Taken, Tensor, Tensors } from '../engine.ts';
import type { LoweredGraph } from './lowering.ts';

/** Which outputs of a gradient program are what; names are those of the graph. */
export type GradientOutputs = Pick<GradientGraph, 'sums' | 'norms' | 'losses'>;

/** What the engine asks of its worker, answered in the order asked. */
export type Request =
  | { readonly kind: 'write'; readonly tensors: ParamTensors }
  | { readonly kind: 'drop'; readonly names: readonly string[] }
  | {
      readonly kind: 'load';
      readonly program: number;
      readonly lowered: LoweredGraph;
      readonly gradient?: GradientOutputs;
    }
  | { readonly kind: 'run'; readonly program: number; readonly inputs: Tensors }
  | { readonly kind: 'add'; readonly program: number; readonly inputs: Tensors }
  | { readonly kind: 'take' }
  | { readonly kind: 'unload'; readonly program: number };

/** What each request is answered with. */
export interface Answers {
  write: undefined;
  drop: undefined;
  load: undefined;
  run: Record<string, Tensor>;
  add: undefined;
  take: Taken;
  unload: undefined;
}

export interface Call {
  readonly id: number;
  readonly request: Request;
}

export type Reply =
  | { readonly id: number; readonly answer: Answers[keyof Answers] }
  | { readonly id: number; readonly error: string };

export interface WorkerOptions {
  readonly device: NonNullable<EngineOptions['device']>;
  readonly threads: number;
}

/** The buffers of arrays that the sender gives up, each once. Each array must own its whole buffer. */
export function buffersOf(arrays: Iterable<Float32Array | Int32Array | Int8Array>): ArrayBuffer[] {
  return [...new Set(Array.from(arrays, (array) => array.buffer as ArrayBuffer))];
}
