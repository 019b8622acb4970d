import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, lstat, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { CommandModule } from 'yargs';
import { DataError } from '../../privacy/errors.ts';
import { RELEASE_DIRECTORIES, RELEASE_DOCUMENTS } from '../verify/index.ts';
import { outputFor, type CommonArguments } from './output.ts';

/** What `release/` of a finished run holds. */
const REQUIRED = ['plan.json', 'metrics.json', 'README.md'];
/** What `release/` may hold at its top; anything else there is not known to be safe and stops the export. */
const RELEASED: readonly string[] = [...RELEASE_DOCUMENTS, ...RELEASE_DIRECTORIES];

interface Arguments extends CommonArguments {
  readonly run: string;
  readonly to: string;
}

interface Entry {
  /** Relative to the directory that was listed. */
  readonly path: string;
  readonly bytes: number;
}

/** Copies `release/` of a run, and nothing else. */
export const exportRun: CommandModule<CommonArguments, Arguments> = {
  command: 'export <run>',
  describe: 'Copy what may leave the building out of a run',
  builder: (parser) =>
    parser
      .positional('run', { type: 'string', demandOption: true, describe: 'Run directory' })
      .option('to', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'New directory for the copy',
      })
      .example('$0 export runs/reviews --to reviews-model', 'the released half of a run'),
  handler: async (args) => {
    const output = outputFor(args);
    const files = await exportRelease(args.run, args.to);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    output.table(files.map(({ path, bytes: size }) => ({ file: path, bytes: size })));
    output.line(
      `${files.length} files, ${bytes} bytes, in ${args.to}; nothing of ${join(args.run, 'private')} is in it`,
    );
    output.event({ event: 'done', to: resolve(args.to), files, bytes });
  },
};

/**
 * Copies RUN/release to a new directory that appears complete or not at all.
 * @returns the files copied
 * @throws DataError where the run has no release or is not finished, the target exists or lies in the run, or `release/` holds anything but
 *   plain files of the known names, or a file that is also in `private/`
 */
export async function exportRelease(run: string, to: string): Promise<Entry[]> {
  const [release, target] = [join(resolve(run), 'release'), resolve(to)];
  if (!(await isDirectory(release)))
    throw new DataError(`run=${run}: has no release/; give the directory of a finished run`);
  if (`${target}${sep}`.startsWith(`${resolve(run)}${sep}`))
    throw new DataError(`to=${to}: lies in the run; choose a place outside it`);
  if (await exists(target)) throw new DataError(`to=${to}: exists; choose a new directory`);
  const files = await plainFiles(release);
  refuseUnfinished(run, files);
  await refusePrivate(run, release, files);
  const partial = join(dirname(target), `.${basename(target)}.${process.pid}.partial`);
  try {
    for (const { path } of files) await copyDurably(join(release, path), join(partial, path));
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
  return files;
}

function refuseUnfinished(run: string, files: readonly Entry[]): void {
  const paths = files.map(({ path }) => path);
  const missing = REQUIRED.filter((name) => !paths.includes(name));
  if (!paths.some((path) => /^(model|adapter)[/\\]/.test(path))) missing.push('model/');
  if (missing.length === 0) return;
  throw new DataError(
    `run=${run}: is not finished: release/ lacks ${missing.join(', ')}; finish it with dptune train --resume ${run}`,
  );
}

async function refusePrivate(run: string, release: string, files: readonly Entry[]): Promise<void> {
  const faults: string[] = [];
  for (const { path } of files) {
    const top = path.split(sep)[0]!;
    if (!RELEASED.includes(top)) faults.push(`release/${path}: is not part of a release`);
  }
  // Followed where it is a link: people put it on another disk.
  const directory = await realpath(join(run, 'private')).catch(() => undefined);
  const secret = directory === undefined ? [] : await plainFiles(directory);
  for (const file of files.filter(({ bytes }) => bytes > 0)) {
    for (const other of secret.filter(({ bytes }) => bytes === file.bytes)) {
      const [a, b] = await Promise.all([
        digestOf(join(release, file.path)),
        digestOf(join(directory!, other.path)),
      ]);
      if (a === b) faults.push(`release/${file.path}: has the content of private/${other.path}`);
    }
  }
  if (faults.length === 0) return;
  throw new DataError(`run=${run}: nothing was copied; take these out of release/:\n${faults.join('\n')}`);
}

/** @throws DataError at a link or device: it could lead anywhere */
async function plainFiles(root: string, directory = root): Promise<Entry[]> {
  const files: Entry[] = [];
  const names = (await readdir(directory)).sort();
  for (const name of names) {
    const path = join(directory, name);
    const entry = await lstat(path);
    if (entry.isDirectory()) files.push(...(await plainFiles(root, path)));
    else if (entry.isFile()) files.push({ path: relative(root, path), bytes: entry.size });
    else
      throw new DataError(`${path}: is not a plain file; a run holds only files and directories, remove it`);
  }
  return files;
}

async function copyDurably(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  const file = await open(to, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function isDirectory(path: string): Promise<boolean> {
  return lstat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
