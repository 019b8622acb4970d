import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DptuneError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { InterruptedError, writeJson, type Observer } from '../train/index.ts';

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

function dptune(args: readonly string[]): Promise<void> {
  const compiled = !import.meta.url.endsWith('.ts');
  const cli = fileURLToPath(new URL(`../cli.${compiled ? 'js' : 'ts'}`, import.meta.url));
  // From sources, the child needs what translates them.
  const loader = compiled ? [] : ['--import', import.meta.resolve('tsx')];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...loader, cli, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (complaint = (complaint + text).slice(-2000)));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else if (code === 130 || signal) reject(new InterruptedError('A shadow model was interrupted.'));
      else
        reject(new DptuneError('data', `shadow model: ${complaint.trim().split('\n').at(-1) ?? 'failed'}`));
    });
  });
}
