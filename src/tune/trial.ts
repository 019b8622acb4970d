import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DptuneError, InvalidParameterError } from '../../privacy/index.ts';
import { InterruptedError, readJson, runDptune } from '../train/index.ts';

export interface TrialSettings {
  readonly job: string;
  readonly overrides: readonly string[];
  /** File with the search that the trial is a part of; it goes into the trial's plan. */
  readonly search: string | undefined;
}

/** Figures of a trial on public validation data, as its metrics.json has them. */
export type TrialFigures = Readonly<Record<string, unknown>>;

/** Whether a run was trained, released and reported: report.json is the last file that a training writes. */
function isFinished(run: string): boolean {
  return existsSync(join(run, 'release', 'report.json'));
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

async function dptune(args: readonly string[]): Promise<void> {
  const { code, interrupted, output, complaint } = await runDptune([...args, '--json']);
  if (code === 0) return;
  throw interrupted ? new InterruptedError('a trial was interrupted.') : failure(output, complaint);
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
