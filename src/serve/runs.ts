import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { DptuneError } from '../../privacy/index.ts';
import { runStatus, type RunStatus } from '../train/index.ts';

export interface Run {
  /** Path below the directory that is served, with `/`; `.` for that directory itself. */
  readonly name: string;
  /** What its directory says, or why it cannot be read. */
  readonly status: RunStatus | { readonly fault: string };
}

/** How deep runs are looked for; a search keeps its own one level deeper than others. */
const depth = 3;

/** The runs below a directory. */
export async function runsIn(root: string): Promise<Run[]> {
  return Promise.all([...(await namedDirectories(root))].map(([name, path]) => openRun(name, path)));
}

/** One of the runs, by its name; no other path can be asked for. */
export async function runNamed(root: string, name: string): Promise<Run | undefined> {
  const path = (await namedDirectories(root)).get(name);
  return path === undefined ? undefined : openRun(name, path);
}

async function openRun(name: string, path: string): Promise<Run> {
  const status = await runStatus(path).catch((error: unknown) => {
    if (error instanceof DptuneError) return { fault: error.message };
    throw error;
  });
  return { name, status };
}

async function namedDirectories(root: string): Promise<Map<string, string>> {
  const found = await directories(resolve(root), depth);
  return new Map(found.map((path) => [relative(resolve(root), path).replaceAll('\\', '/') || '.', path]));
}

async function directories(path: string, below: number): Promise<string[]> {
  if (existsSync(join(path, 'private', 'start.json'))) return [path];
  if (below === 0) return [];
  const entries = await readdir(path, { withFileTypes: true });
  // A run's own private half, and a search's, are nobody's to browse.
  const inside = entries.filter(
    (entry) =>
      entry.isDirectory() && !['private', 'node_modules'].includes(entry.name) && !entry.name.startsWith('.'),
  );
  return (await Promise.all(inside.map(({ name }) => directories(join(path, name), below - 1)))).flat();
}

/** The run's report as it was released; undefined before. */
export async function reportOf(root: string, { name }: Run): Promise<string | undefined> {
  const path = join(root, name, 'release', 'report.html');
  return existsSync(path) ? readFile(path, 'utf8') : undefined;
}
