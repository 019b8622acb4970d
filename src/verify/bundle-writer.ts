import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { DataError } from '../../privacy/index.ts';
import { BUNDLE_ROOT } from './bundle-reader.ts';
import type { ReleaseFile } from './release-file.ts';

/**
 * A release as a tar archive: sorted, without times, owners and modes of this machine, so that the same release gives the
 * same bytes everywhere.
 * @param root - the release directory
 * @param files - as they were read and verified; what changed since then ends the archive
 */
export async function* bundleOf(root: string, files: Iterable<ReleaseFile>): AsyncGenerator<Buffer> {
  const archive = pack();
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const written = (async () => {
    for (const { path, bytes, sha256 } of sorted) {
      const entry = archive.entry({
        name: `${BUNDLE_ROOT}${path}`,
        size: bytes,
        mode: 0o644,
        mtime: new Date(0),
        uid: 0,
        gid: 0,
        uname: '',
        gname: '',
      });
      await pipeline(unchanged(join(root, path), sha256), entry);
    }
    archive.finalize();
  })();
  written.catch((error: unknown) => archive.destroy(error as Error));
  yield* archive as AsyncIterable<Buffer>;
  await written;
}

/** What was verified is what is packed. */
async function* unchanged(path: string, sha256: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') === sha256) return;
  throw new DataError(
    `${path}: changed while it was packed. Let nothing write to the release, and pack it again.`,
  );
}
