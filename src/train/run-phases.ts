import { join } from 'node:path';
import { createReadRegistry, secureStream } from '../../privacy/index.ts';
import type { Charging } from '../ledger/index.ts';
import { journalFor, paying } from './charging.ts';
import { orClose } from './closing.ts';
import { createEvaluator } from './evaluator.ts';
import type { TrainedRun, TrainOptions } from './job.ts';
import type { Journal } from './journal.ts';
import { sessionOf } from './job-session.ts';
import type { BaseModel } from './base-model.ts';
import { labelNamesOf, type Stores } from './materials.ts';
import { measure, scored } from './measure.ts';
import { reporter, throwIfStopping, type Reporter } from './observer.ts';
import { takeSteps } from './phase-loop.ts';
import { startPhase, type PhaseRun } from './phase.ts';
import { notPrivate } from './plan-file.ts';
import { writeJson, type RunDirectory } from './run-directory.ts';
import { readRunState, writeRunState, type RunState } from './run-state.ts';
import { startEngine, type Cut } from './session.ts';
import { digestOf, storeKeysOf, type Start } from './start.ts';
import { adaptersIn } from './trainable.ts';
import { alone } from './world.ts';

/** Takes all steps of a run that are left, phase by phase. */
export async function trainPhases(
  start: Start,
  directory: RunDirectory,
  model: BaseModel,
  stores: Stores,
  options: Omit<TrainOptions, 'out' | 'plan'>,
  charging?: Charging,
): Promise<TrainedRun> {
  const { config, plan, nonPrivate, seeded } = start;
  const { observer, world = alone, showPrivate = false } = options;
  const isPrivate = !nonPrivate && !seeded;
  await writeJson(join(directory.release, 'plan.json'), isPrivate ? plan : { ...notPrivate, ...plan });
  const stream = nonPrivate ? undefined : (options.stream ?? secureStream());
  const engine = await startEngine(config);
  observer.note(`engine: ${engine.name}, ${engine.device}`);
  const job = { config, plan, model, stores };
  const session = sessionOf(job, engine, options.activations ?? directory.activations);
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
    await charging?.close();
    await engine.dispose();
  };

  /** What a language model was before it trained, on the test set: what training has to beat. By label words, it can classify. */
  const untrained = async (): Promise<unknown> => {
    const isLanguage = config.task === 'generation' || plan.verbalizer !== undefined;
    if (!isLanguage || !stores.test) return null;
    const outputs = await evaluator.logits(stores.test, storeKeys['test']!, 'tokens', undefined);
    evaluator.close();
    return measure(stores.test, outputs, config);
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
    const paid = charging ? paying(phaseRun, charging, observer) : { run: phaseRun, observer };
    const best = await takeSteps(paid.run, state, {
      config,
      observer: paid.observer,
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
    const isFrozen =
      index === 0 && phases.length > 1 && plan.training[0]!.method === 'head' && !plan.verbalizer;
    const frozen =
      isFrozen && stores.test
        ? measure(stores.test, await evaluator.logits(stores.test, storeKeys['test']!, cut, lora), config)
        : state.frozen;
    evaluator.close();
    lastCut = cut;
    return { phase: index + 1, inPhase: undefined, values: session.changed(), best: undefined, frozen };
  };

  return orClose({ close }, async () => {
    const charges = (journal = journalFor(directory, charging));
    let state = await readRunState(directory.checkpoint, digest);
    session.restore(state.values);
    if (state.phase === 0 && !state.inPhase) state = { ...state, frozen: await untrained() };
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
      charging,
      steps: phases.reduce((sum, { name }) => sum + charges.charged(name), 0),
      async close() {
        await close();
        await model.directory.close();
      },
    };
  });
}
