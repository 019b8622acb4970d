import { join } from 'node:path';
import {
  createReadRegistry,
  DriftError,
  InvalidParameterError,
  secureStream,
  type PrivacyStream,
} from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { createEngine, type Engine } from '../engines/index.ts';
import type { LoraSettings } from '../models/index.ts';
import { createEvaluator } from './evaluator.ts';
import { Journal } from './journal.ts';
import {
  dataDigests,
  encoderFor,
  labelCountOf,
  labelNamesOf,
  maxLengthFor,
  openJobModel,
  readData,
  taskOf,
  type BaseModel,
  type Stores,
} from './materials.ts';
import { reporter, throwIfStopping, type Observer, type Reporter } from './observer.ts';
import { takeSteps } from './phase-loop.ts';
import { startPhase, type PhaseRun } from './phase.ts';
import { jobPlanFrom, notPrivate, planJob, requireSameJobPlan, type JobPlan } from './plan-file.ts';
import { checkBeforeTraining } from './preflight.ts';
import { createRunDirectory, runDirectory, writeJson, type RunDirectory } from './run-directory.ts';
import { readRunState, writeRunState, type RunState } from './run-state.ts';
import { measure, scored } from './measure.ts';
import { reportData } from './data-report.ts';
import { digestOf, openStart, requireUnchanged, storeKeysOf, writeStart, type Start } from './start.ts';
import { adaptersIn, createSession, type Cut, type Session } from './session.ts';
import { alone, type World } from './world.ts';

/** How a run is started. */
export interface TrainOptions {
  readonly out: string;
  /** Trains the same job without clipping and noise; everything it makes is stamped NOT PRIVATE. */
  readonly nonPrivate?: boolean;
  /** Runs exactly this plan or nothing. */
  readonly plan?: JobPlan;
  readonly observer: Observer;
  /** Shows figures of the private data and training losses, which are in `private/` in any case. */
  readonly showPrivate?: boolean;
  readonly world?: World;
  /** Where frozen activations are kept; the run's own place unless given. */
  readonly activations?: string;
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
  /** Steps charged, over all phases. */
  readonly steps: number;
  close(): Promise<void>;
}

/**
 * Runs a job from the start.
 * @throws DriftError if `options.plan` is not what the job would run
 */
export async function trainJob(config: Config, options: TrainOptions): Promise<TrainedRun> {
  const { observer, stream, nonPrivate = false } = options;
  const model = await openJobModel(config);
  return orClose(model.directory, async () => {
    observer.note(`reading ${config.data.train}`);
    const { stores, plan } = await dataAndPlan(config, model);
    if (options.plan) requireSameJobPlan(options.plan, plan);
    checkBeforeTraining(config, plan, model, stores);
    const seeded = !nonPrivate && stream?.secure === false;
    const start: Start = { config, plan, nonPrivate, seeded, data: await dataDigests(config) };
    const directory = createRunDirectory(options.out);
    await reportData(stores, directory, createReadRegistry(plan.privacy.reads), options);
    await writeStart(directory.start, start);
    return trainPhases(start, directory, model, stores, options);
  });
}

/**
 * Goes on with a run that was interrupted, in everything as before but for the noise and the samples, which are fresh.
 * @throws DriftError naming what is no longer what the run was started with (G26)
 * @throws InvalidParameterError for a seeded stream, unless the run was started with one (G11)
 */
export async function resumeJob(
  path: string,
  options: Omit<TrainOptions, 'out' | 'plan'>,
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
    const { stores, plan } = await dataAndPlan(start.config, model);
    requireSameJobPlan(agreed, plan);
    return trainPhases(requireUnchanged(start), directory, model, stores, options);
  });
}

/** Does `work`; closes what it needs if it fails, else the caller has it to close. */
async function orClose<T>(needed: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await needed.close();
    throw error;
  }
}

async function dataAndPlan(config: Config, model: BaseModel): Promise<{ stores: Stores; plan: JobPlan }> {
  const stores = await readData(config, encoderFor(model, maxLengthFor(config, model)));
  const { publicSize } = config.privacy;
  const plan = await planJob(config, model, publicSize === 'auto' ? stores.train.units : publicSize);
  return { stores, plan };
}

async function trainPhases(
  start: Start,
  directory: RunDirectory,
  model: BaseModel,
  stores: Stores,
  options: Omit<TrainOptions, 'out' | 'plan'>,
): Promise<TrainedRun> {
  const { config, plan, nonPrivate, seeded } = start;
  const { observer, world = alone, showPrivate = false } = options;
  const isPrivate = !nonPrivate && !seeded;
  await writeJson(join(directory.release, 'plan.json'), isPrivate ? plan : { ...notPrivate, ...plan });
  const stream = nonPrivate ? undefined : (options.stream ?? secureStream());
  const engine = await startEngine(config);
  observer.note(`engine: ${engine.name}, ${engine.device}`);
  const session = createSession({
    model,
    task: taskOf(config),
    labels: labelCountOf(stores.train),
    head: plan.head,
    seed: plan.seed,
    engine,
    directory: options.activations ?? directory.activations,
    microBatchTokens:
      config.performance.microBatchTokens === 'auto' ? 2048 : config.performance.microBatchTokens,
    maxTokens: plan.maxLength,
  });
  const storeKeys = storeKeysOf(start);
  const evaluator = createEvaluator(session, observer);
  const remedy = `Go on with dptune train --resume ${directory.root}.`;
  const { phases } = plan.privacy;
  const reads = createReadRegistry(plan.privacy.reads);
  const digest = digestOf(start);
  let lastCut: Cut = 'tokens';
  let running: PhaseRun | undefined;
  let journal: Journal | undefined;
  const close = async (): Promise<void> => {
    running?.source.close();
    evaluator.close();
    journal?.close();
    await engine.dispose();
  };

  const runPhase = async (state: RunState, charges: Journal, report: Reporter): Promise<RunState> => {
    const index = state.phase;
    const lora = adaptersIn(plan, index, model);
    const phaseRun = await startPhase(
      phases[index]!,
      plan.training[index]!,
      {
        session,
        store: stores.train,
        storeKey: storeKeys['train']!,
        lora,
        journal: charges,
        reads,
        world,
        stream,
        byUser: plan.privacy.unit.kind === 'user',
        averageDecay: plan.average,
        cache: config.performance.cache,
        stepsLog: directory.steps,
        precompute: (records) => {
          throwIfStopping(observer, remedy);
          observer.stage('frozen layers', records, stores.train.records);
        },
      },
      state.inPhase,
    );
    running = phaseRun;
    const { cut } = phaseRun.source;
    const before = phases.slice(0, index).reduce((sum, phase) => sum + phase.steps, 0);
    const validation = stores.validationIsPublic ? stores.validation : undefined;
    if (validation) await evaluator.open(validation, storeKeys['validation']!, cut, lora);
    const best = await takeSteps(phaseRun, state, {
      config,
      observer,
      remedy,
      before,
      report,
      show: showPrivate
        ? (happened) => observer.note(`step (private): ${JSON.stringify(happened)}`)
        : undefined,
      save: (next) => writeRunState(directory.checkpoint, digest, next),
      score:
        validation &&
        ((run) =>
          run.asReleased(async () => {
            const logits = await evaluator.logits(validation, storeKeys['validation']!, cut, lora);
            const { metrics, score } = scored(validation, logits, config);
            observer.event({ event: 'validation', phase: run.phase.name, step: before + run.taken, metrics });
            return score;
          })),
    });
    running = undefined;
    await phaseRun.close(best && config.train.keepBest ? best.values : undefined);
    const isFrozen = index === 0 && phases.length > 1 && plan.training[0]!.method === 'head';
    const frozen =
      isFrozen && stores.test
        ? measure(stores.test, await evaluator.logits(stores.test, storeKeys['test']!, cut, lora), config)
        : state.frozen;
    evaluator.close();
    lastCut = cut;
    return { phase: index + 1, inPhase: undefined, values: session.changed(), best: undefined, frozen };
  };

  return orClose({ close }, async () => {
    const charges = (journal = new Journal(directory.journal));
    let state = await readRunState(directory.checkpoint, digest);
    session.restore(state.values);
    const report = reporter(plan.privacy, !isPrivate, observer);
    while (state.phase < phases.length) {
      state = await runPhase(state, charges, report);
      await writeRunState(directory.checkpoint, digest, state);
    }
    const lora = adaptersIn(plan, phases.length - 1, model);
    return {
      directory,
      config,
      plan,
      isPrivate,
      nonPrivate,
      session,
      stores,
      labelNames: labelNamesOf(stores.train),
      lora,
      model,
      logits: (part) => evaluator.logits(stores[part]!, storeKeys[part]!, lastCut, lora),
      frozen: state.frozen,
      steps: phases.reduce((sum, { name }) => sum + charges.charged(name), 0),
      async close() {
        await close();
        await model.directory.close();
      },
    };
  });
}

async function startEngine({ performance: { engine, device, threads } }: Config): Promise<Engine> {
  return createEngine({
    engine,
    ...(device !== 'auto' && { device }),
    ...(threads !== 'auto' && { threads }),
  });
}
