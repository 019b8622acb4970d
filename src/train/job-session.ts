import type { Config } from '../config/index.ts';
import type { Engine } from '../engines/index.ts';
import { buildNetwork, type Network, type NetworkOptions } from '../models/index.ts';
import { networkHead, wordsOf } from './heads.ts';
import type { BaseModel } from './base-model.ts';
import { labelCountOf, microBatchTokensOf, networkTaskOf, type Stores } from './materials.ts';
import type { JobPlan } from './plan-file.ts';
import { createSession, type Session } from './session.ts';
import { frozenBaseOf, type FrozenBase } from './trainable.ts';

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

/** The network that a job trains, all of it or a part. */
export function jobNetwork(
  { config, plan, model, stores }: ReadyJob,
  part: Partial<NetworkOptions>,
): Network {
  const task = networkTaskOf(config);
  return buildNetwork({
    architecture: model.architecture,
    task,
    labels: labelCountOf(stores.train),
    ...networkHead(plan.head, wordsOf(plan), model, task),
    maxTokens: plan.maxLength,
    ...part,
  });
}

/** What of a job's model is held in 8 bits; undefined where nothing is. */
export function jobFrozenBase(job: ReadyJob): FrozenBase | undefined {
  return frozenBaseOf(job.plan, job.model, (lora) => jobNetwork(job, { ...(lora && { lora }) }));
}
