import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { coinsOf } from './canary-store.ts';
import { settleCharges } from './charging.ts';
import { resumeJob, trainOnModel, type TrainedRun, type TrainOptions } from './job.ts';
import { majority, measure, summaryRow, withTexts, type Measured } from './measure.ts';
import { notPrivate } from './plan-file.ts';
import { writeRelease } from './release.ts';
import { retentionOf } from './retention.ts';
import { runDirectory, writeJson, type RunDirectory } from './run-directory.ts';
import { writtenFigures } from './written-texts.ts';

/** A run with its release written. */
export interface Finished {
  readonly directory: RunDirectory;
  /** Certified upper bound; infinite for a non-private run. */
  readonly epsilon: number;
  readonly delta: number;
  readonly steps: number;
  /** As in metrics.json. */
  readonly metrics: Readonly<Record<string, unknown>>;
  /** The figures side by side, for people. */
  readonly rows: readonly Readonly<Record<string, string | number | null>>[];
}

/**
 * Evaluates a trained run, writes its release and closes it. What was measured on private validation data stays in
 * `private/`, and so does the non-private twin, which is trained here where the job asks for it. Done again, it does no
 * more than was left to do.
 */
export async function finishRun(run: TrainedRun, options: Omit<TrainOptions, 'out'>): Promise<Finished> {
  const { config, stores, plan, directory, isPrivate } = run;
  const { baselines, retention } = config.evaluate;
  const metrics: Record<string, unknown> = isPrivate ? {} : { ...notPrivate };
  const inside: Record<string, unknown> = {};
  try {
    const own = isPrivate ? 'private' : 'nonPrivate';
    if (stores.test) {
      const losses = await run.logits('test');
      const written = await writtenFigures(run);
      metrics[own] = withTexts(measure(stores.test, losses, config), written?.trained);
      if (baselines.includes('majority') && config.task !== 'generation')
        metrics['majority'] = majority(stores.test, config);
      const untouched = config.task === 'generation' || plan.verbalizer ? 'untrained' : 'frozen';
      if (baselines.includes('frozen') && run.frozen)
        metrics[untouched] = withTexts(run.frozen as Measured, written?.untrained);
    }
    if (stores.validation) {
      const figures = measure(stores.validation, await run.logits('validation'), config);
      if (stores.validationIsPublic) metrics['validation'] = figures;
      else inside['validation (private)'] = figures;
    }
    if (retention !== undefined) metrics['retention'] = await retentionOf(run, retention);
    await writeRelease(run, metrics, options.onPublicData);
    if (run.charging) await settleCharges(run.charging, directory, options);
  } finally {
    await run.close();
  }
  if (isPrivate && stores.test && baselines.includes('non-private')) {
    inside['NOT PRIVATE twin'] = await trainTwin(config, directory, options);
  }
  if (Object.keys(inside).length > 0) await writeJson(join(directory.private, 'comparison.json'), inside);
  const rows = Object.entries({ ...metrics, ...inside }).flatMap(([name, values]) => {
    const row = summaryRow(name, values);
    return row ? [row] : [];
  });
  return {
    directory,
    epsilon: isPrivate ? (plan.search ?? plan.privacy).epsilon : Infinity,
    delta: plan.privacy.delta,
    steps: run.steps,
    metrics,
    rows,
  };
}

/** The same job without privacy, on the same cached activations. */
async function trainTwin(
  config: Config,
  parent: RunDirectory,
  options: Omit<TrainOptions, 'out'>,
): Promise<unknown> {
  const { private: inside, activations } = parent;
  options.observer.note('training the non-private twin, for comparison; it stays in private/');
  const alone = { ...config, evaluate: { ...config.evaluate, baselines: [] } };
  const { plan: _, stream: __, ...rest } = options;
  const out = join(inside, 'non-private');
  const coins = await coinsOf(parent);
  const twin = existsSync(runDirectory(out).start)
    ? await resumeJob(out, { ...rest, activations })
    : await trainOnModel(alone, { ...rest, out, nonPrivate: true, activations, ...(coins && { coins }) });
  return (await finishRun(twin, rest)).metrics['nonPrivate'];
}
