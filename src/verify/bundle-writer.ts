import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { BUNDLE_ROOT } from './bundle-reader.ts';
import type { ReleaseFile } from './release-file.ts';

/**
 * A release as a tar archive: sorted, without times, owners and modes of this machine, so that the same release gives the
 * same bytes everywhere.
 * @param root - the release directory
 * @param files - as they were read and verified
 */
export async function* bundleOf(root: string, files: Iterable<ReleaseFile>): AsyncGenerator<Buffer> {
  const archive = pack();
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const written = (async () => {
    for (const { path, bytes } of sorted) {
      const { size } = await lstat(join(root, path));
      if (size !== bytes)
        throw new Error(`${path}: changed from ${bytes} to ${size} bytes while it was read`);
      const entry = archive.entry({
        name: `${BUNDLE_ROOT}${path}`,
        size,
        mode: 0o644,
        mtime: new Date(0),
        uid: 0,
        gid: 0,
        uname: '',
        gname: '',
      });
      await pipeline(createReadStream(join(root, path)), entry);
    }
    archive.finalize();
  })();
  written.catch((error: unknown) => archive.destroy(error as Error));
  yield* archive as AsyncIterable<Buffer>;
  await written;
}
