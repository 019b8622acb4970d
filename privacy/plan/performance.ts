/**
 * What may change speed and memory and nothing else (G6). No plan holds any of it, and no plan's hash depends on it:
 * `makePlan` refuses these names. `engine` and `device` change results by rounding only.
 */
export interface PerformanceSettings {
  readonly engine?: 'auto' | 'onnx' | 'tfjs';
  readonly device?: 'cpu' | 'webgpu' | 'cuda';
  readonly threads?: number;
  readonly microBatchTokens?: number;
  readonly cache?: boolean;
}
