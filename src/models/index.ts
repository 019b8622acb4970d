export { adapterOf, adapterUsage } from './adapter-export.ts';
export type { Architecture, ExportedHead, Verbalizer } from './architecture.ts';
export {
  bodyParameters,
  findParameters,
  loadParameters,
  tensorsOf,
  type LoadOptions,
  type ParameterValues,
} from './checkpoint.ts';
export { exportModel } from './export.ts';
export { architectureOf } from './families.ts';
export { feedsOf, paddedBatch, type Batch } from './feeds.ts';
export { ignoredLabel, type Head, type Task } from './heads.ts';
export { mergedWeight } from './lora.ts';
export type { LoraSettings } from './modules.ts';
export { windowOf } from './cache.ts';
export { buildDecoder, type Decoder } from './decoder.ts';
export { buildNetwork, type Network, type NetworkOptions } from './network.ts';
export { exportedHead } from './own-export.ts';
export { restoredWeight, roundable, roundWeight } from './rounding.ts';
export {
  frozenLayers,
  initialValues,
  trainableNames,
  type ParameterSpec,
  type Trainable,
} from './parameters.ts';
