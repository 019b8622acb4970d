export type { Interval, Rng } from './bootstrap.ts';
export { majorityMetrics, majorityPredictions } from './majority.ts';
export {
  evaluatePredictions,
  slicedMetrics,
  type EvaluateOptions,
  type Metrics,
  type MultiLabelMetrics,
  type RegressionMetrics,
  type SingleLabelMetrics,
} from './metrics.ts';
export type { LabelLists, Predictions, Truth } from './predictions.ts';
export type { Confusion } from './single-label.ts';
export { createEventFile, type EventFile } from './tensorboard.ts';
