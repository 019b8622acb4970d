import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { DptuneError } from '../../privacy/index.ts';
import { hostile, MOST_FILES, readReleaseFile, type ReleaseFile } from './release-file.ts';
import { foldedPath, pathFault } from './release-paths.ts';

/** Every path in a bundle starts with this. */
export const BUNDLE_ROOT = 'release/';

/** 1 TiB: no model that this tool trains is near it. */
const MOST_BYTES = 2 ** 40;

/**
 * The files of a bundle, read as a stream: nothing is unpacked to disk. Refused are links, devices, directories, paths
 * that leave the archive or differ only in case, duplicates, absurd numbers and sizes, and what is no tar at all.
 * @returns files by path, without the leading `release/`
 * @throws DptuneError `verification`
 */
export async function readBundle(path: string): Promise<Map<string, ReleaseFile>> {
  const files = new Map<string, ReleaseFile>();
  const seen = new Set<string>();
  let total = 0;
  const reader = extract();
  const accept = (header: Header): string => {
    const { name, type, size } = header;
    total += size;
    const fault =
      pathFault(name) ??
      (type !== 'file' ? `is of type ${type}, not a plain file` : undefined) ??
      (name.startsWith(BUNDLE_ROOT) ? undefined : `lies outside ${BUNDLE_ROOT}`) ??
      (seen.has(foldedPath(name)) ? 'occurs twice' : undefined) ??
      (seen.size >= MOST_FILES ? `is one of more than ${MOST_FILES}` : undefined) ??
      (total > MOST_BYTES ? `brings the archive above ${MOST_BYTES} bytes` : undefined);
    if (fault !== undefined) throw hostile(name, fault);
    seen.add(foldedPath(name));
    return name.slice(BUNDLE_ROOT.length);
  };
  const read = async (): Promise<void> => {
    for await (const entry of reader) {
      const name = accept(entry.header);
      files.set(name, await readReleaseFile(name, entry as AsyncIterable<Buffer>));
    }
  };
  try {
    await Promise.all([pipeline(createReadStream(path), reader), read()]);
  } catch (error) {
    if (error instanceof DptuneError || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw new DptuneError(
      'verification',
      `${path}: is not a whole tar archive (${(error as Error).message}). Get it from its producer again.`,
      { cause: error },
    );
  }
  if (files.size === 0) throw hostile(path, 'holds no file');
  return files;
}
