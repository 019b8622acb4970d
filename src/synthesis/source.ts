import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, InvalidParameterError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { openRunConfig, readJson, readPlanFile, runDirectory, type JobPlan } from '../train/index.ts';

/** A finished run, or its release alone, that is to write. */
export interface Source {
  readonly path: string;
  readonly plan: JobPlan;
  /** False where the model was trained without privacy. */
  readonly isPrivate: boolean;
  /** The private half, where it is here. */
  readonly inside:
    { readonly path: string; readonly config: Config; readonly trainDigest: string } | undefined;
}

/**
 * @param path - run directory, or a release
 * @throws DataError where no finished run lies there; InvalidParameterError for one that writes nothing
 */
export async function openSource(path: string): Promise<Source> {
  const release = [join(path, 'release'), path].find(
    (candidate) =>
      existsSync(join(candidate, 'plan.json')) && existsSync(join(candidate, 'model', 'config.json')),
  );
  if (release === undefined) {
    throw new DataError(
      `run=${path}: no finished run lies there. Name the directory of one, or its release.`,
    );
  }
  const file = join(release, 'plan.json');
  const { notPrivate } = (await readJson(file)) as { readonly notPrivate?: boolean };
  const plan = await readPlanFile(file);
  if (plan.task !== 'generation') {
    throw new InvalidParameterError(
      `run: its task is ${plan.task}, it writes nothing. Name a run of task generation.`,
    );
  }
  return { path, plan, isPrivate: notPrivate !== true, inside: await insideOf(path) };
}

async function insideOf(path: string): Promise<Source['inside']> {
  const { private: inside, start } = runDirectory(path);
  if (!existsSync(start)) return undefined;
  const { data } = (await readJson(start)) as { readonly data: { readonly train: string } };
  return { path: inside, config: await openRunConfig(path), trainDigest: data.train };
}

/** Whether the model learnt to complete prompts. */
export function completesPrompts({ plan }: Source): boolean {
  return plan.separator !== undefined || plan.chat === true;
}
