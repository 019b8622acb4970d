export type { AuditPart } from './audit-part.ts';
export { commitmentOf, makeCanaries, type Coins } from './canaries.ts';
export { auditFormat, coinsOf } from './canary-store.ts';
export { runDptune } from './child.ts';
export { finishRun, type Finished } from './finish.ts';
export { openJob, resumeJob, type TrainedRun, type TrainOptions } from './job.ts';
export { trainJob } from './stages.ts';
export { inspectData } from './data-report.ts';
export { estimateCost, type CostEstimate } from './cost.ts';
export { openJobModel, type BaseModel } from './base-model.ts';
export { countUnits, privateTexts } from './materials.ts';
export { evaluateLanguageModel, openClassifier, type Classifier } from './inference.ts';
export { summaryRow, type Measured } from './measure.ts';
export { InterruptedError, type Observer, type StepState } from './observer.ts';
export { sessionOf, type ReadyJob } from './job-session.ts';
export { startPhase, type PhaseRun } from './phase.ts';
export { startEngine, type RecordSource, type Session } from './session.ts';
export { adaptersIn, trainableIn } from './trainable.ts';
export type { TrainingPhase } from './settings.ts';
export { attackPool, shadowUnits } from './shadow.ts';
export { alone } from './world.ts';
export {
  planJob,
  readJson,
  readPlanFile,
  requireSameJobPlan,
  type JobPlan,
  type SearchPart,
  type TrialOf,
} from './plan-file.ts';
export { publicUnits } from './population.ts';
export { pretrain, type PretrainOptions } from './pretrain.ts';
export { runDirectory, writeJson, type RunDirectory } from './run-directory.ts';
export { runStatus, type RunStatus } from './run-status.ts';
export { openRunConfig } from './start.ts';
