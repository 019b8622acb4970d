import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { trainJob, type TrainedRun, type TrainOptions } from './job.ts';
import { majority, measure, summaryRow } from './measure.ts';
import { writeRelease } from './release.ts';
import { retentionOf } from './retention.ts';
import { writeJson, type RunDirectory } from './run-directory.ts';

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
 * Evaluates a trained run, writes its release and closes it. The non-private twin, where the job asks for it, is trained
 * here and stays in `private/`, figures and all.
 */
export async function finishRun(run: TrainedRun, options: Omit<TrainOptions, 'out'>): Promise<Finished> {
  const { config, stores, plan, directory, isPrivate } = run;
  try {
    const { baselines, retention } = config.evaluate;
    const own = isPrivate ? 'private' : 'nonPrivate';
    const metrics: Record<string, unknown> = {};
    if (stores.test) {
      metrics[own] = measure(stores.test, await run.logits('test'), config);
      if (baselines.includes('majority')) metrics['majority'] = majority(stores.test, config);
      if (baselines.includes('frozen') && run.frozen) metrics['frozen'] = run.frozen;
    }
    if (stores.validation) {
      metrics['validation'] = measure(stores.validation, await run.logits('validation'), config);
    }
    if (retention !== undefined) metrics['retention'] = await retentionOf(run, retention);
    await writeRelease(run, metrics);
    const rows = Object.entries(metrics).flatMap(([name, values]) => {
      const row = summaryRow(name, values);
      return row ? [row] : [];
    });
    const twin =
      isPrivate && stores.test && baselines.includes('non-private')
        ? await trainTwin(config, directory, options)
        : undefined;
    if (twin) {
      const row = summaryRow('NOT PRIVATE twin', twin);
      if (row) rows.push(row);
      await writeJson(join(directory.private, 'comparison.json'), { nonPrivate: twin });
    }
    return {
      directory,
      epsilon: isPrivate ? plan.privacy.epsilon : Infinity,
      delta: plan.privacy.delta,
      steps: run.steps,
      metrics,
      rows,
    };
  } finally {
    await run.close();
  }
}

/** The same job without privacy, on the same cached activations. */
async function trainTwin(
  config: Config,
  { private: inside, activations }: RunDirectory,
  options: Omit<TrainOptions, 'out'>,
): Promise<unknown> {
  options.observer.note('training the non-private twin, for comparison; it stays in private/');
  const alone = { ...config, evaluate: { ...config.evaluate, baselines: [] } };
  const { plan: _, ...rest } = options;
  const out = join(inside, 'non-private');
  const twin = await trainJob(alone, { ...rest, out, nonPrivate: true, activations });
  return (await finishRun(twin, rest)).metrics['nonPrivate'];
}
