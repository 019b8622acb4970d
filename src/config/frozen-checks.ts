import type { Check } from './checks.ts';

const frozen = 'train.frozenWeights';

/** @param method - of a phase, or `train.method` */
export function frozenMethodCheck(method: string): Check {
  return {
    paths: [method, frozen],
    problem: (setting) =>
      setting(method) === 'full' && setting(frozen) === 'int8'
        ? '=full, trains every weight, and train.frozenWeights=int8 holds those in 8 bits that never train; choose lora, bitfit, head or last, or frozenWeights: float32'
        : undefined,
  };
}

export const frozenEngineCheck: Check = {
  paths: [frozen, 'performance.engine', 'performance.device'],
  problem: (setting) =>
    setting(frozen) === 'int8' &&
    (setting('performance.engine') === 'tfjs' ||
      !['auto', 'cpu'].includes(String(setting('performance.device'))))
      ? '=int8, is made by the engine onnx on the processor alone; set performance.engine and performance.device to auto, or frozenWeights: float32'
      : undefined,
};
