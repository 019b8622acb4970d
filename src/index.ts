/** dptune as a library: what the command line is made of. */
export * from '../privacy/index.ts';
export { loadJob, jobSchema, type Config, type ConfigInput, type Job } from './config/index.ts';
export { createEngine, type Engine, type EngineChoice } from './engines/index.ts';
export {
  entityFigures,
  evaluatePredictions,
  majorityMetrics,
  measureTexts,
  slicedMetrics,
  type EntityFigures,
  type Metrics,
  type Predictions,
  type WrittenText,
} from './evaluate/index.ts';
export {
  GraphBuilder,
  plainGradient,
  privateGradient,
  type GradientGraph,
  type Graph,
} from './graph/index.ts';
export {
  buildReport,
  checkReport,
  renderCard,
  renderHtml,
  renderOpenDp,
  reportSchema,
  type Evidence,
  type Report,
} from '../audits/index.ts';
export { collectReport, writeReport, type WrittenReport } from './report/index.ts';
export * from './train/index.ts';
export { verify, type Check, type Verification, type VerifyOptions } from './verify/index.ts';
