import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DataError } from '../../privacy/index.ts';
import { renderings, type Artifacts } from '../../audits/index.ts';

/** Parsed JSON, or undefined where there is no such file. */
export async function readIfThere(path: string): Promise<unknown> {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    throw new DataError(`${path}: ${(error as Error).message}. Restore it from a copy.`, { cause: error });
  }
}

/** Parsed JSON. @throws DataError naming the remedy where there is no such file */
export async function readNeeded(path: string, remedy: string): Promise<unknown> {
  const json = await readIfThere(path);
  if (json === undefined) throw new DataError(`${path}: there is no such file. ${remedy}`);
  return json;
}

/** Every file of a release but the renderings of its report, with its digest, by path. */
export async function artifactsIn(release: string): Promise<Artifacts> {
  const entries = await readdir(release, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(release, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !renderings.includes(path))
    .sort();
  return Promise.all(
    paths.map(async (path) => {
      const file = join(release, path);
      return { path, bytes: (await stat(file)).size, sha256: await sha256Of(file) };
    }),
  );
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** The last step written down of each phase; undefined where nothing was. */
export async function chargedSteps(journal: string): Promise<Readonly<Record<string, number>> | undefined> {
  if (!existsSync(journal)) return undefined;
  const text = await readFile(journal, 'utf8');
  const steps: Record<string, number> = {};
  // A torn last line was never followed by a batch.
  for (const line of text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)) {
    const { phase, step } = JSON.parse(line) as { phase: string; step: number };
    steps[phase] = Math.max(steps[phase] ?? 0, step);
  }
  return steps;
}
