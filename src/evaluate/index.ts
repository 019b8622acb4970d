export type { Interval } from './bootstrap.ts';
export { majorityMetrics, majorityPredictions } from './majority.ts';
export { evaluatePredictions, slicedMetrics, type Metrics, type SingleLabelMetrics } from './metrics.ts';
export type { LabelLists, Predictions, Truth } from './predictions.ts';
export { entityFigures, type EntityFigures } from './text-entities.ts';
export { measureTexts, TEXTS, type WrittenText } from './texts.ts';
export { overlapFigures, syntheticFigures } from './synthetic.ts';
export { createEventFile, type EventFile } from './tensorboard.ts';
