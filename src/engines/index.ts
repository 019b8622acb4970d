export type * from './engine.ts';
export { createEngine } from './choice.ts';
export type { EngineChoice } from './choice.ts';
export { createOnnxEngine } from './onnx/engine.ts';
export { createTfjsEngine } from './tfjs/engine.ts';
export { probe, probeTargets } from './probe.ts';
export type { ProbeOptions, ProbeResult } from './probe.ts';
