import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as subject from './subject.ts';
import type { Edit, Mutation } from './zoo.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const parts = ['package.json', 'privacy', 'audits', 'src', 'test/support', 'test/mutations'];

/** How often the edit's text occurs in the sources; 1 if the zoo is up to date. */
export function occurrences({ file, find }: Edit): number {
  return readFileSync(join(root, file), 'utf8').split(find).length - 1;
}

/** What became of a mutation. */
export interface Catch {
  readonly name: string;
  /** Failed checks of tier 0; what went wrong where it did not come to an end; empty where nothing was noticed. */
  readonly caughtBy: readonly string[];
  readonly seconds: number;
}

/** Runs tier 0 on a copy of the sources with the mistake in it. */
export async function tryMutation({ name, job, edits }: Mutation): Promise<Catch> {
  const cage = mkdtempSync(join(tmpdir(), 'dptune-mutant-'));
  try {
    for (const part of parts) cpSync(join(root, part), join(cage, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(cage, 'node_modules'));
    for (const { file, find, replace } of edits) {
      const path = join(cage, file);
      const text = readFileSync(path, 'utf8');
      if (text.split(find).length !== 2)
        throw new Error(`mutation=${name}: ${file} has changed; update the zoo`);
      writeFileSync(
        path,
        text.replace(find, () => replace),
      );
    }
    const url = pathToFileURL(join(cage, 'test/mutations/subject.ts')).href;
    const mutant = (await import(url)) as typeof subject;
    const started = performance.now();
    const caughtBy = await mutant
      .failedChecks(job)
      .catch((error: unknown) => [`stopped: ${String(error).slice(0, 80)}`]);
    return { name, caughtBy, seconds: (performance.now() - started) / 1000 };
  } finally {
    rmSync(cage, { recursive: true, force: true });
  }
}
