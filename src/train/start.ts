import { existsSync } from 'node:fs';
import { canonicalHash, DriftError, InvalidParameterError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { readJson, type JobPlan } from './plan-file.ts';
import { unitOf } from './population.ts';
import { runDirectory, writeJson } from './run-directory.ts';

/** What a run was started with; `private/start.json`. */
export interface Start {
  readonly config: Config;
  readonly plan: JobPlan;
  readonly nonPrivate: boolean;
  /** Whether sampling and noise come from a seed, as in tests; such a run is NOT PRIVATE for good (G11). */
  readonly seeded: boolean;
  readonly data: Readonly<Record<string, string>>;
  /** What the canaries' coins were committed to with, before anything trained. */
  readonly audit?: { readonly commitment: string };
}

interface StoredStart extends Start {
  readonly digest: string;
}

/** Ties a run's checkpoints to what it was started with. */
export function digestOf(start: Start): string {
  return canonicalHash(start);
}

/** Writes what a run is started with; from then on a run lies there. */
export async function writeStart(path: string, start: Start): Promise<void> {
  await writeJson(path, { ...start, digest: digestOf(start) });
}

/** The job of a run, as it was started. */
export async function openRunConfig(path: string): Promise<Config> {
  return (await openStart(path)).config;
}

/** @throws InvalidParameterError where no run lies */
export async function openStart(path: string): Promise<StoredStart> {
  const file = runDirectory(path).start;
  if (!existsSync(file)) {
    throw new InvalidParameterError(
      `run=${path}: no run lies there. Start one with dptune train JOB --out ${path}.`,
    );
  }
  return (await readJson(file)) as StoredStart;
}

/** @throws DriftError where what a run was started with was changed since */
export function requireUnchanged({ digest, ...start }: StoredStart): Start {
  if (digest === digestOf(start)) return start;
  throw new DriftError(
    'start.json: was changed after the run began. Restore it from a copy, or start a new run.',
  );
}

/** What the activations of each store depend on, beside the model. */
export function storeKeysOf({ config, data, audit }: Start): Record<string, string> {
  const { cleaning, columns, separator, chat, split, labels, parallel, fewShot } = config.data;
  const unit = unitOf(config);
  const shared = { cleaning, columns, separator, chat, split, labels, unit };
  return Object.fromEntries(
    ['train', 'test', 'validation'].map((part) => [
      part,
      canonicalHash({
        ...shared,
        ...(config.train.verbalizer && { template: config.train.verbalizer.template }),
        part,
        file: data[part] ?? data['train']!,
        ...(parallel && { files: data }),
        ...(part === 'train' && fewShot !== undefined && { fewShot }),
        ...(part === 'train' && audit && { canaries: audit.commitment }),
      }),
    ]),
  );
}
