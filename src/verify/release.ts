import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../privacy/index.ts';
import { readBundle } from './bundle-reader.ts';
import { hostile, MOST_FILES, readReleaseFile, type ReleaseFile } from './release-file.ts';
import { pathFault } from './release-paths.ts';

/** What is verified, read whole, once: every check sees the same bytes. */
export interface Release {
  readonly source: 'run' | 'release' | 'bundle';
  readonly files: ReadonlyMap<string, ReleaseFile>;
  /** The run's private half, where a whole run was given. */
  readonly privateHalf: string | undefined;
}

/**
 * Reads a run directory, its `release/`, or a bundle.
 * @throws DataError where nothing of the kind lies there
 * @throws DptuneError `verification` for an archive or a tree that holds anything but plain files of plain names
 */
export async function openRelease(path: string): Promise<Release> {
  const entry = await lstat(path).catch(() => undefined);
  if (entry?.isFile()) {
    return { source: 'bundle', files: await readBundle(path), privateHalf: undefined };
  }
  if (!entry?.isDirectory()) {
    throw new DataError(`path=${path}: no run, release or bundle lies there. Give one of these.`);
  }
  const inner = join(path, 'release');
  const isRun = (await lstat(inner).catch(() => undefined))?.isDirectory() === true;
  const files = await readTree(isRun ? inner : path);
  if (!files.has('plan.json') && !files.has('report.json')) {
    throw new DataError(`path=${path}: is no run and no release: it holds no plan.json and no report.json.`);
  }
  return { source: isRun ? 'run' : 'release', files, privateHalf: isRun ? join(path, 'private') : undefined };
}

async function readTree(root: string): Promise<Map<string, ReleaseFile>> {
  const files = new Map<string, ReleaseFile>();
  for (const path of await pathsBelow(root, '')) {
    files.set(path, await readReleaseFile(path, createReadStream(join(root, path))));
  }
  return files;
}

async function pathsBelow(root: string, below: string): Promise<string[]> {
  const paths: string[] = [];
  const names = (await readdir(join(root, below))).sort();
  for (const name of names) {
    const path = below === '' ? name : `${below}/${name}`;
    const fault = pathFault(path);
    const entry = await lstat(join(root, path));
    if (entry.isDirectory()) paths.push(...(await pathsBelow(root, path)));
    else if (fault !== undefined) throw hostile(path, fault);
    else if (entry.isFile()) paths.push(path);
    else throw hostile(path, 'is not a plain file');
    if (paths.length > MOST_FILES) throw hostile(path, `is one of more than ${MOST_FILES} files`);
  }
  return paths;
}
