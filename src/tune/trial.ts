import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DptuneError, InvalidParameterError } from '../../privacy/index.ts';
import { InterruptedError, readJson } from '../train/index.ts';

export interface TrialSettings {
  readonly job: string;
  readonly overrides: readonly string[];
  /** File with the search that the trial is a part of; it goes into the trial's plan. */
  readonly search: string | undefined;
}

/** Figures of a trial on public validation data, as its metrics.json has them. */
export type TrialFigures = Readonly<Record<string, unknown>>;

/** Whether a run was trained and released. */
export function isFinished(run: string): boolean {
  return existsSync(join(run, 'release', 'metrics.json'));
}

/**
 * Trains one candidate in a process of its own, or goes on with it; one that is finished is left as it is.
 * @param run - directory of the trial's run
 * @throws InterruptedError where the user stopped it, DptuneError with its message where it failed
 */
export async function runTrial(run: string, settings: TrialSettings): Promise<TrialFigures> {
  if (!isFinished(run)) {
    const started = existsSync(join(run, 'private', 'start.json'));
    await dptune(started ? ['train', '--resume', run] : ['train', ...freshArguments(run, settings)]);
  }
  const metrics = (await readJson(join(run, 'release', 'metrics.json'))) as Record<string, unknown>;
  return metrics['validation'] as TrialFigures;
}

function freshArguments(run: string, { job, overrides, search }: TrialSettings): string[] {
  return [
    job,
    '--out',
    run,
    ...overrides.flatMap((override) => ['-s', override]),
    ...(search === undefined ? [] : ['--search', search]),
  ];
}

/** The figure by which trials are compared. */
export function figureOf(figures: TrialFigures, metric: string): number {
  const value = figures[metric];
  if (typeof value === 'number') return value;
  const known = Object.keys(figures).filter((name) => typeof figures[name] === 'number');
  throw new InvalidParameterError(`metric=${metric}: must be one of ${known.join(', ')} for this task.`);
}

function dptune(args: readonly string[]): Promise<void> {
  const cli = fileURLToPath(
    new URL(`../cli.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
  );
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, ...loader(cli), cli, ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let last = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      last = (last + text).slice(-4000);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else if (code === 130 || signal) reject(new InterruptedError('a trial was interrupted.'));
      else reject(failure(last, complaint));
    });
  });
}

/** From sources, the child needs what translates them. */
function loader(cli: string): string[] {
  const loaded = process.execArgv.some((argument) => argument.includes('tsx'));
  return cli.endsWith('.ts') && !loaded ? ['--import', import.meta.resolve('tsx')] : [];
}

/** The child's last event says what went wrong, with its code. */
function failure(output: string, complaint: string): DptuneError {
  try {
    const event = JSON.parse(output.trimEnd().split('\n').at(-1)!) as { code?: string; message?: string };
    if (event.code !== undefined && event.code !== 'unexpected') {
      return new DptuneError(event.code as DptuneError['code'], `trial: ${event.message}`);
    }
  } catch {
    // no event: what it printed says more
  }
  return new DptuneError('data', `trial: ${complaint.trim() || output.trim()}`);
}
