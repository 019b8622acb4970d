import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InvalidParameterError } from '../../privacy/index.ts';
import { writeAtomic } from '../formats/index.ts';

/** Where everything of a run lies. Only `release` may be copied out of the building. */
export interface RunDirectory {
  readonly root: string;
  readonly release: string;
  readonly private: string;
  /** What the run was started with, for `--resume`. */
  readonly start: string;
  readonly journal: string;
  readonly checkpoint: string;
  /** Per-step diagnostics. */
  readonly steps: string;
  readonly activations: string;
}

export function runDirectory(path: string): RunDirectory {
  const root = resolve(path);
  const inside = join(root, 'private');
  return {
    root,
    release: join(root, 'release'),
    private: inside,
    start: join(inside, 'start.json'),
    journal: join(inside, 'journal.ndjson'),
    checkpoint: join(inside, 'checkpoint.safetensors'),
    steps: join(inside, 'steps.ndjson'),
    activations: join(inside, 'activations'),
  };
}

/** @throws InvalidParameterError where a run already lies there: its journal is its only record of what was spent */
export function createRunDirectory(path: string): RunDirectory {
  const run = runDirectory(path);
  if (existsSync(run.start) || existsSync(run.journal)) {
    throw new InvalidParameterError(
      `out=${path}: a run lies there already. Go on with it by --resume ${path}, or name another directory.`,
    );
  }
  if (!isUnused(run)) {
    throw new InvalidParameterError(
      `out=${path}: is not empty, and what is in release/ would be published with the run. Name a new directory.`,
    );
  }
  mkdirSync(run.release, { recursive: true });
  mkdirSync(run.private, { recursive: true, mode: 0o700 });
  return run;
}

/** Absent, empty, or left by a run that was killed before it began. */
function isUnused({ root, release, private: inside }: RunDirectory): boolean {
  const foreign = entriesOf(root).filter((name) => ![release, inside].includes(join(root, name)));
  return foreign.length === 0 && entriesOf(release).length === 0;
}

function entriesOf(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Removes the temporary files of writes that a crash cut off: none of them is part of the run. */
export function removeLeftovers({ release, private: inside }: RunDirectory): void {
  for (const directory of [release, inside, join(release, 'model'), join(release, 'adapter')]) {
    const cut = entriesOf(directory).filter((name) => /^\..+\.[0-9a-f]{12}\.tmp$/.test(name));
    for (const name of cut) rmSync(join(directory, name), { force: true });
  }
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeAtomic(path, [`${JSON.stringify(value, null, 2)}\n`]);
}
