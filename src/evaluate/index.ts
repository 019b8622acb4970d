export type { Interval } from './bootstrap.ts';
export { majorityMetrics, majorityPredictions } from './majority.ts';
export { evaluatePredictions, slicedMetrics, type Metrics, type SingleLabelMetrics } from './metrics.ts';
export type { LabelLists, Predictions, Truth } from './predictions.ts';
export { createEventFile, type EventFile } from './tensorboard.ts';
