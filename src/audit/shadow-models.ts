import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DptuneError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { InterruptedError, runDptune, writeJson, type Observer } from '../train/index.ts';

export interface ShadowOptions {
  /** Where they are kept, in the `private/` half of the run that they are made to attack. */
  readonly directory: string;
  readonly count: number;
  /** Whether the run itself was trained without privacy. */
  readonly nonPrivate: boolean;
  /** Processes at once. */
  readonly workers: number;
  readonly observer: Pick<Observer, 'stage' | 'stopping'>;
}

/**
 * Trains models as the run's own was, each on half of all records; those that are there already are not trained again. They are made
 * from private data beside the run's budget, so they never leave `private/`.
 * @returns the directories of the models
 * @throws InterruptedError where the user stopped; done again, it goes on
 */
export async function trainShadows(config: Config, options: ShadowOptions): Promise<readonly string[]> {
  const { directory, count, nonPrivate, workers, observer } = options;
  const job = join(directory, 'job.json');
  await writeJson(job, shadowJob(config));
  const runs = Array.from({ length: count }, (_, shadow) => join(directory, `shadow-${shadow}`));
  const waiting = [...runs.keys()].filter((shadow) => !isDone(runs[shadow]!));
  let done = count - waiting.length;
  const work = async (): Promise<void> => {
    for (let shadow = waiting.shift(); shadow !== undefined; shadow = waiting.shift()) {
      if (observer.stopping()) throw new InterruptedError('Shadow models that are done are kept.');
      // One that was cut off is small enough to begin anew.
      rmSync(runs[shadow]!, { recursive: true, force: true });
      const how = nonPrivate ? ['--non-private'] : [];
      await dptune(['train', job, '--out', runs[shadow]!, '--shadow', String(shadow), ...how]);
      observer.stage('shadow models', (done += 1), count);
    }
  };
  observer.stage('shadow models', done, count);
  await Promise.all(Array.from({ length: Math.max(1, workers) }, work));
  return runs.map((run) => join(run, 'release', 'model'));
}

function isDone(run: string): boolean {
  return existsSync(join(run, 'release', 'metrics.json'));
}

/** The run's job, on other data, charged to nobody, with nothing measured. */
function shadowJob(config: Config): object {
  const { retention: _, ...evaluate } = config.evaluate;
  return {
    ...config,
    privacy: { ...config.privacy, publicSize: 'auto' },
    evaluate: { ...evaluate, baselines: [], bootstrap: 0 },
    audit: {},
    ledger: 'none',
  };
}

async function dptune(args: readonly string[]): Promise<void> {
  const { code, interrupted, complaint } = await runDptune(args);
  if (code === 0) return;
  throw interrupted
    ? new InterruptedError('A shadow model was interrupted.')
    : new DptuneError('data', `shadow model: ${complaint.trim().split('\n').at(-1) ?? 'failed'}`);
}
