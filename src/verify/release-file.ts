import { createHash } from 'node:crypto';
import { DptuneError } from '../../privacy/index.ts';

/** One file of a release. */
export interface ReleaseFile {
  /** Relative to the release, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, lower-case hex. */
  readonly sha256: string;
  /** Of documents and model settings only: weights are too large to hold, and no check needs more than their digest. */
  readonly content: Buffer | undefined;
}

/** Larger documents at the top of a release are refused: none is near this. */
const LARGEST_DOCUMENT = 64 * 2 ** 20;
export const MOST_FILES = 10_000;

/**
 * Digests a file as it streams by, and keeps it if it is a document.
 * @throws DptuneError `verification` for a document of absurd size
 */
export async function readReleaseFile(path: string, stream: AsyncIterable<Buffer>): Promise<ReleaseFile> {
  const hash = createHash('sha256');
  const isDocument = !path.includes('/') || path.endsWith('config.json');
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.length;
    if (!isDocument) continue;
    if (bytes > LARGEST_DOCUMENT) throw hostile(path, `is larger than ${LARGEST_DOCUMENT} bytes`);
    kept.push(chunk);
  }
  return { path, bytes, sha256: hash.digest('hex'), content: isDocument ? Buffer.concat(kept) : undefined };
}

/** A release or an archive that is not fit to be opened. */
export function hostile(path: string, fault: string): DptuneError {
  return new DptuneError(
    'verification',
    `${JSON.stringify(path)}: ${fault}; a release holds at most ${MOST_FILES} plain files of plain names. ` +
      'Do not unpack it; ask its producer for a bundle made by dptune bundle.',
  );
}
