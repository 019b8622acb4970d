export { adapterOf, adapterUsage, type AdapterOptions } from './adapter-export.ts';
export type { Architecture, ExportedHead } from './architecture.ts';
export { architectureOf, supportedModelTypes } from './families.ts';
export { exportModel, type ExportedModel, type ExportOptions } from './export.ts';
export { exportedHead } from './own-export.ts';
export { ignoredLabel, type Head, type Task } from './heads.ts';
export { feedsOf, type Batch, type FeedTensor } from './feeds.ts';
export {
  bodyParameters,
  loadParameters,
  tensorsOf,
  type LoadedParameters,
  type LoadOptions,
  type ParameterValues,
} from './checkpoint.ts';
export { mergeLora } from './lora.ts';
export type { Adapted, DropoutSpec, InputSpec, LoraSettings } from './modules.ts';
export { buildNetwork, type Layer, type Network, type NetworkOptions } from './network.ts';
export {
  frozenLayers,
  initialValues,
  trainableNames,
  type Init,
  type InitRng,
  type ParameterSpec,
  type Place,
  type Trainable,
} from './parameters.ts';
