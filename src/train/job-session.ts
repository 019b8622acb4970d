import type { Config } from '../config/index.ts';
import type { Engine } from '../engines/index.ts';
import { wordsOf } from './heads.ts';
import { labelCountOf, microBatchTokensOf, networkTaskOf, type BaseModel, type Stores } from './materials.ts';
import type { JobPlan } from './plan-file.ts';
import { createSession, type Session } from './session.ts';

/** A job that could start training now: its model is open, its data are read, its plan is made. */
export interface ReadyJob {
  readonly config: Config;
  readonly plan: JobPlan;
  readonly model: BaseModel;
  readonly stores: Stores;
}

/**
 * The session that a job trains in.
 * @param directory - where frozen activations are kept
 */
export function sessionOf(
  { config, plan, model, stores }: ReadyJob,
  engine: Engine,
  directory: string,
): Session {
  return createSession({
    model,
    plan,
    task: networkTaskOf(config),
    labels: labelCountOf(stores.train),
    head: plan.head,
    words: wordsOf(plan),
    seed: plan.seed,
    engine,
    directory,
    microBatchTokens: microBatchTokensOf(config),
    maxTokens: plan.maxLength,
  });
}
