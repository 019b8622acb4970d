import { existsSync } from 'node:fs';
import { canonicalHash, InvalidParameterError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { readJson, type JobPlan } from './plan-file.ts';
import { runDirectory } from './run-directory.ts';

/** What a run was started with; `private/start.json`. */
export interface Start {
  readonly config: Config;
  readonly plan: JobPlan;
  readonly nonPrivate: boolean;
  readonly data: Readonly<Record<string, string>>;
}

/** The job of a run, as it was started. */
export async function openRunConfig(path: string): Promise<Config> {
  return (await openStart(path)).config;
}

/** @throws InvalidParameterError where no run lies */
export async function openStart(path: string): Promise<Start> {
  const { start } = runDirectory(path);
  if (existsSync(start)) return (await readJson(start)) as Start;
  throw new InvalidParameterError(
    `run=${path}: no run lies there. Start one with dptune train JOB --out ${path}.`,
  );
}

/** What the activations of each store depend on, beside the model. */
export function storeKeysOf({ config, data }: Start): Record<string, string> {
  const { cleaning, columns, split, labels } = config.data;
  const { unit, maxRecordsPerUser } = config.privacy;
  const shared = { cleaning, columns, split, labels, unit, maxRecordsPerUser };
  return Object.fromEntries(
    ['train', 'test', 'validation'].map((part) => [
      part,
      canonicalHash({ ...shared, part, file: data[part] ?? data['train']! }),
    ]),
  );
}
