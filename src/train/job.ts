import { join } from 'node:path';
import {
  createReadRegistry,
  DriftError,
  InvalidParameterError,
  secureStream,
  type PrivacyStream,
} from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import type { Charging } from '../ledger/index.ts';
import type { LoraSettings } from '../models/index.ts';
import { drawCoins, makeCanaries, type Coins } from './canaries.ts';
import { withCanaries, writeCoins } from './canary-store.ts';
import { whileCharged, type LedgerOptions } from './charging.ts';
import { orClose } from './closing.ts';
import { reportData } from './data-report.ts';
import { jobFrozenBase, type ReadyJob } from './job-session.ts';
import { openJobModel, type BaseModel } from './base-model.ts';
import { dataDigests, jobEncoder, readData, type Stores } from './materials.ts';
import type { Observer } from './observer.ts';
import {
  jobPlanFrom,
  planJob,
  requireSameJobPlan,
  type JobPlan,
  type Provenance,
  type StagePart,
  type TrialOf,
} from './plan-file.ts';
import { publicUnits } from './population.ts';
import { checkBeforeTraining } from './preflight.ts';
import {
  createRunDirectory,
  removeLeftovers,
  runDirectory,
  writeJson,
  type RunDirectory,
} from './run-directory.ts';
import { ROUNDING_FILE, roundingEffect, roundingInWords, type RoundingEffect } from './rounding-effect.ts';
import { trainPhases } from './run-phases.ts';
import type { Session } from './session.ts';
import { shadowStores } from './shadow.ts';
import { openStart, requireUnchanged, writeStart, type Start } from './start.ts';
import type { World } from './world.ts';

/** How a run is started. */
export interface TrainOptions extends LedgerOptions {
  readonly out: string;
  /** Trains the same job without clipping and noise; everything it makes is stamped NOT PRIVATE. */
  readonly nonPrivate?: boolean;
  /** The data was declared public: a stage before a private job, whose model must not stamp that of the job. */
  readonly onPublicData?: boolean;
  /** Runs exactly this plan or nothing. */
  readonly plan?: JobPlan;
  /** The search that this run is a trial of. */
  readonly search?: TrialOf;
  /** Public trainings that the model went through before. */
  readonly stages?: readonly StagePart[];
  readonly observer: Observer;
  /** Judges the job before anything is spent or written, and throws to stop it; what it returns becomes release/conformance.json. */
  readonly check?: (job: ReadyJob) => Promise<object>;
  /** Shows figures of the private data and training losses, which are in `private/` in any case. */
  readonly showPrivate?: boolean;
  readonly world?: World;
  /** Where frozen activations are kept; the run's own place unless given. */
  readonly activations?: string;
  /** Trains on a half of all data, to attack another run with; number of the half. Never to be released. */
  readonly shadow?: number;
  /** Coins of the canaries, where another run's are to be shared; drawn afresh else. */
  readonly coins?: Coins;
  /** For tests alone: a seeded stream makes the run NOT PRIVATE. */
  readonly stream?: PrivacyStream;
}

/** What training left behind, ready to be evaluated and released. */
export interface TrainedRun {
  readonly directory: RunDirectory;
  readonly config: Config;
  readonly plan: JobPlan;
  /** False for a non-private run, and for one whose randomness was seeded. */
  readonly isPrivate: boolean;
  /** Trained without clipping and noise. */
  readonly nonPrivate: boolean;
  readonly session: Session;
  readonly stores: Stores;
  readonly labelNames: readonly string[] | undefined;
  readonly lora: LoraSettings | undefined;
  readonly model: BaseModel;
  /** The model's outputs for one of the run's stores, [records, labels]. */
  readonly logits: (part: 'train' | 'test' | 'validation') => Promise<Float32Array>;
  /** Metrics of the first phase on the test set, where that phase trained the head alone and others followed. */
  readonly frozen: unknown;
  /** Where the run is charged; absent where nobody counts. */
  readonly charging: Charging | undefined;
  /** Steps charged, over all phases. */
  readonly steps: number;
  close(): Promise<void>;
}

/**
 * Runs a job from the start, on the model that it names: its stages were trained before.
 * @throws DriftError if `options.plan` is not what the job would run
 */
export async function trainOnModel(config: Config, options: TrainOptions): Promise<TrainedRun> {
  const { observer, stream, nonPrivate = false } = options;
  const model = await openJobModel(config);
  return orClose(model.directory, async () => {
    observer.note(`reading ${config.data.train}`);
    const { stores, plan } = await dataAndPlan(
      config,
      model,
      { search: options.search?.search, stages: options.stages },
      options.shadow,
    );
    if (options.plan) requireSameJobPlan(options.plan, plan);
    checkBeforeTraining(config, plan, model, stores);
    const judged = nonPrivate ? undefined : await options.check?.({ config, plan, model, stores });
    const seeded = !nonPrivate && stream?.secure === false;
    const rounding = await measuredRounding({ config, plan, model, stores }, options);
    const directory = createRunDirectory(options.out);
    const coins = plan.audit && (options.coins ?? drawCoins(plan.audit, stream ?? secureStream()));
    const start: Start = {
      config,
      plan,
      nonPrivate,
      seeded,
      data: await dataDigests(config),
      ...(coins && { audit: { commitment: coins.commitment } }),
    };
    await reportData(stores, directory, createReadRegistry(plan.privacy.reads), options);
    return whileCharged(start, directory, options, async (charging) => {
      if (coins) await writeCoins(directory, plan, coins);
      if (rounding) await writeJson(join(directory.release, ROUNDING_FILE), rounding);
      await writeStart(directory.start, start);
      const paid = options.search?.ledger;
      if (paid) await writeJson(join(directory.release, 'ledger.json'), paid);
      if (judged) await writeJson(join(directory.release, 'conformance.json'), judged);
      const trained = await withCanaries(start, directory, model, stores);
      return trainPhases(start, directory, model, trained, options, charging);
    });
  });
}

/**
 * Goes on with a run that was interrupted, in everything as before but for the noise and the samples, which are fresh.
 * @throws DriftError naming what is no longer what the run was started with (G26)
 * @throws InvalidParameterError for a seeded stream, unless the run was started with one (G11)
 */
export async function resumeJob(
  path: string,
  options: Omit<TrainOptions, 'out' | 'plan' | 'search' | 'stages'>,
): Promise<TrainedRun> {
  const directory = runDirectory(path);
  const start = await openStart(path);
  if (!start.nonPrivate && start.seeded !== (options.stream?.secure === false)) {
    throw new InvalidParameterError(
      `stream: the run was started with ${start.seeded ? 'a seeded' : 'the secure'} one. Go on with the same kind.`,
    );
  }
  const agreed = jobPlanFrom(start.plan);
  const data = await dataDigests(start.config);
  const changed = Object.keys({ ...data, ...start.data }).filter((name) => data[name] !== start.data[name]);
  if (changed.length > 0) {
    throw new DriftError(
      `data.${changed.join(', data.')}: not the file that the run was started with. Restore it, or start a new run.`,
    );
  }
  const model = await openJobModel(start.config);
  return orClose(model.directory, async () => {
    const { stores, plan } = await dataAndPlan(start.config, model, agreed);
    requireSameJobPlan(agreed, plan);
    removeLeftovers(directory);
    const unchanged = requireUnchanged(start);
    const judged = start.nonPrivate
      ? undefined
      : await options.check?.({ config: start.config, plan, model, stores });
    if (judged) await writeJson(join(directory.release, 'conformance.json'), judged);
    return whileCharged(unchanged, directory, options, async (charging) => {
      const trained = await withCanaries(unchanged, directory, model, stores);
      return trainPhases(unchanged, directory, model, trained, options, charging);
    });
  });
}

/** What holding frozen weights in 8 bits does to the base model; shadow models are never released, and their base is the run's. */
async function measuredRounding(
  job: ReadyJob,
  { observer, shadow }: TrainOptions,
): Promise<RoundingEffect | undefined> {
  const base = shadow === undefined ? jobFrozenBase(job) : undefined;
  if (!base) return undefined;
  const effect = await roundingEffect(job.config, job.model, base.int8);
  observer.note(roundingInWords(effect));
  return effect;
}

/** Opens a job as training would, and no more; its model's directory is to be closed. */
export async function openJob(config: Config): Promise<ReadyJob> {
  const model = await openJobModel(config);
  return orClose(model.directory, async () => {
    const { stores, plan } = await dataAndPlan(config, model, {});
    checkBeforeTraining(config, plan, model, stores);
    return { config, plan, model, stores };
  });
}

async function dataAndPlan(
  config: Config,
  model: BaseModel,
  provenance: Provenance,
  shadow?: number,
): Promise<{ stores: Stores; plan: JobPlan }> {
  const all = await readData(config, jobEncoder(config, model));
  const stores = shadow === undefined ? all : shadowStores(all, shadow);
  const units = await publicUnits(config, () => stores.train.units);
  const plan = await planJob(config, model, units, provenance);
  // A job whose canaries cannot be made is refused now, before anything is spent or written.
  if (plan.audit) await makeCanaries(config, plan.audit, model, stores.train.labels);
  return { stores, plan };
}
