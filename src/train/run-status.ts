import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { stepsIn } from './journal.ts';
import { jobPlanFrom, type JobPlan } from './plan-file.ts';
import { runDirectory } from './run-directory.ts';
import { openStart } from './start.ts';

/** Where a run stands, as its directory says. Nothing in it is private. */
export interface RunStatus {
  readonly plan: JobPlan;
  readonly nonPrivate: boolean;
  /** Trained, evaluated and released. */
  readonly finished: boolean;
  readonly phases: readonly { readonly name: string; readonly steps: number; readonly charged: number }[];
  /** When the last step was charged, in milliseconds since 1970; undefined before the first. */
  readonly lastCharge: number | undefined;
}

/** @throws InvalidParameterError where no run lies */
export async function runStatus(path: string): Promise<RunStatus> {
  const { release, journal } = runDirectory(path);
  const start = await openStart(path);
  const plan = jobPlanFrom(start.plan);
  const charged = stepsIn(journal);
  return {
    plan,
    nonPrivate: start.nonPrivate || start.seeded,
    finished: existsSync(join(release, 'metrics.json')),
    phases: plan.privacy.phases.map(({ name, steps }) => ({
      name,
      steps,
      charged: charged[name] ?? 0,
    })),
    lastCharge: Object.keys(charged).length > 0 ? statSync(journal).mtimeMs : undefined,
  };
}
