export type { Interval } from './bootstrap.ts';
export { majorityMetrics, majorityPredictions } from './majority.ts';
export { evaluatePredictions, slicedMetrics, type Metrics, type SingleLabelMetrics } from './metrics.ts';
export type { LabelLists, Predictions, Truth, WordLabels } from './predictions.ts';
export { entitiesOf, entityFigures, readingOf, type Entity, type EntityFigures } from './text-entities.ts';
export { measureTexts, TEXTS, type WrittenText } from './texts.ts';
export { mauveOf, type MauveFigures } from './mauve.ts';
export type { Points } from './points.ts';
export {
  overlapFigures,
  syntheticFigures,
  type OverlapFigures,
  type SyntheticFigures,
} from './synthetic.ts';
export { createEventFile, type EventFile } from './tensorboard.ts';
