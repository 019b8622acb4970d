import type { GradientGraph, Graph } from '../graph/index.ts';

/** A dense tensor on the host: row-major `data`, concrete `dims`. */
export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array;
}

export type Tensors = Readonly<Record<string, Tensor>>;

/** A parameter; frozen weights may be of 8 bits. */
export interface ParamTensor {
  readonly dims: readonly number[];
  readonly data: Tensor['data'] | Int8Array;
}

export type ParamTensors = Readonly<Record<string, ParamTensor>>;

/** Performance settings; none of them may change what is computed beyond rounding (G6). */
export interface EngineOptions {
  readonly device?: 'cpu' | 'webgpu' | 'cuda';
  readonly threads?: number;
}

/** A graph made ready to run. */
export interface Program {
  /** Runs once and reads every output back. `inputs` holds the graph's inputs by name; parameters come from the engine. */
  run(inputs: Tensors): Promise<Record<string, Tensor>>;
  dispose(): Promise<void>;
}

/**
 * A gradient graph made ready to run. `add` runs one micro-batch and adds its clipped sums to the engine's
 * accumulators (by parameter name, shared between programs); nothing large is read back.
 */
export interface GradientProgram {
  add(inputs: Tensors): Promise<void>;
  dispose(): Promise<void>;
}

export interface Taken {
  /** Clipped sum of every trainable parameter that any program contributed to since the last `take`, flat, row-major. */
  readonly sums: Record<string, Float32Array>;
  /**
   * Per `add` call in order: the units' gradient norms before clipping (private). A micro-batch with any
   * non-finite norm contributed nothing to `sums`; the caller adds it again without those units (G3).
   */
  readonly norms: Float32Array[];
  /** Per `add` call in order: the records' losses (private). */
  readonly losses: Float32Array[];
}

/** What runs graphs. Two implementations, one meaning. */
export interface Engine {
  readonly name: 'onnx' | 'tfjs';
  /** For people: backend and device, such as `cpu (onnxruntime 1.30.0, 2 threads)`. */
  readonly device: string;
  /** Sets parameters by name; copies, and replaces those of the same name. */
  write(tensors: ParamTensors): Promise<void>;
  /** Forgets parameters and gives their memory back. */
  drop(names: readonly string[]): Promise<void>;
  load(graph: Graph): Promise<Program>;
  loadGradient(gradient: GradientGraph): Promise<GradientProgram>;
  /** The accumulated sums; the accumulators are zero afterwards. */
  take(): Promise<Taken>;
  dispose(): Promise<void>;
}
