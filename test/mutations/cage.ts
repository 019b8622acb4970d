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

/**
 * Does something with a copy of the sources that has the mistakes in it.
 * @param work - is given the address of a module of the copy
 */
export async function inCage<T>(
  edits: readonly Edit[],
  work: (addressOf: (path: string) => string) => Promise<T>,
): Promise<T> {
  const cage = mkdtempSync(join(tmpdir(), 'dptune-mutant-'));
  try {
    for (const part of parts) cpSync(join(root, part), join(cage, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(cage, 'node_modules'));
    for (const { file, find, replace } of edits) {
      const path = join(cage, file);
      const text = readFileSync(path, 'utf8');
      if (text.split(find).length !== 2) throw new Error(`${file} has changed; update the zoo: ${find}`);
      writeFileSync(
        path,
        text.replace(find, () => replace),
      );
    }
    return await work((path) => pathToFileURL(join(cage, path)).href);
  } finally {
    rmSync(cage, { recursive: true, force: true });
  }
}

/** What became of a mutation. */
export interface Catch {
  /** What noticed it: `tier 0`, or whole runs; nothing where it got away. */
  readonly tier: string | undefined;
  /** Failed checks of tier 0; what went wrong where it did not come to an end. */
  readonly caughtBy: readonly string[];
  readonly seconds: number;
}

/** Runs tier 0 on a copy of the sources with the mistake in it, and whole runs where it finds nothing. */
export function tryMutation({ job, edits }: Mutation): Promise<Catch> {
  return inCage(edits, async (addressOf) => {
    const mutant = (await import(addressOf('test/mutations/subject.ts'))) as typeof subject;
    const started = performance.now();
    const taken = (): number => (performance.now() - started) / 1000;
    const caughtBy = await mutant
      .failedChecks(job)
      .catch((error: unknown) => [`stopped: ${String(error).slice(0, 80)}`]);
    if (caughtBy.length > 0) return { tier: 'tier 0', caughtBy, seconds: taken() };
    const repeats = await mutant.runsRepeat(job);
    return repeats
      ? { tier: 'runs', caughtBy: ['noise repeats'], seconds: taken() }
      : { tier: undefined, caughtBy, seconds: taken() };
  });
}
