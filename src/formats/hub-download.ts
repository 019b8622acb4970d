import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat, symlink, type FileHandle } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DataError } from '../../privacy/errors.ts';
import { reason, type HubFile } from './hub-client.ts';

/** Attempts in a row that bring not one byte, before giving up. */
const ATTEMPTS = 5;
/** Wait before the second attempt, doubled for each further one. */
const FIRST_WAIT_MS = 200;

export interface Download {
  readonly file: HubFile;
  /** Where the blob goes; its directory exists. */
  readonly blob: string;
  /** For errors. */
  readonly label: string;
  readonly content: (from: number) => Promise<Response>;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Downloads a file to `blob`: resumed after a cut, here and from an earlier run's `.incomplete` file; checked for length and
 * hash; renamed into place only then. Two processes may do so at once: each writes the same bytes at the same places.
 * @throws DataError for a wrong length or hash, or where the connection keeps failing
 */
export async function download({ file, blob, label, content, onProgress }: Download): Promise<void> {
  const incomplete = `${blob}.incomplete`;
  const target = await open(incomplete, existsSync(incomplete) ? 'r+' : 'w+');
  try {
    let position = Math.min((await target.stat()).size, file.bytes);
    for (let failures = 0, wait = FIRST_WAIT_MS; position < file.bytes;) {
      const before = position;
      try {
        position = await receive(target, await content(position), position, file, label, onProgress);
      } catch (error) {
        if (error instanceof DataError) throw error;
        position = (await target.stat()).size;
        failures = position > before ? 0 : failures + 1;
        if (failures === ATTEMPTS) {
          throw new DataError(
            `${label}: the download was cut at byte ${position} of ${file.bytes} (${reason(error)}). Run again to go on from there.`,
            { cause: error },
          );
        }
        await delay(wait);
        wait = failures === 0 ? FIRST_WAIT_MS : wait * 2;
      }
    }
    await target.truncate(file.bytes);
    await target.sync();
  } finally {
    await target.close();
  }
  if ((await contentHash(incomplete, file.hash)) !== file.hash) {
    await rm(incomplete, { force: true });
    throw new DataError(
      `${label}: what was downloaded does not have the hash that the hub lists (${file.hash}). Run again; if it stays, the mirror is wrong.`,
    );
  }
  await rename(incomplete, blob).catch((error: unknown) => {
    // Another process finished the same download first.
    if (!existsSync(blob)) throw error;
  });
}

/** Writes a response's bytes from `position` on. @returns the position after them, or an error where the stream broke */
async function receive(
  target: FileHandle,
  response: Response,
  position: number,
  { bytes }: HubFile,
  label: string,
  onProgress: Download['onProgress'],
): Promise<number> {
  let at = position;
  if (position > 0 && response.status !== 206) {
    // The server sends everything: from the start, then.
    at = 0;
    await target.truncate(0);
  }
  const length = response.headers.get('content-length');
  if (length !== null && at + Number(length) !== bytes) {
    await response.body?.cancel();
    throw new DataError(
      `${label}: the server announces ${at + Number(length)} bytes, the hub lists ${bytes}. Run again; if it stays, the mirror is wrong.`,
    );
  }
  if (response.body === null) throw new Error('an empty answer');
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    if (at + chunk.byteLength > bytes)
      throw new DataError(`${label}: more bytes than the ${bytes} that the hub lists.`);
    for (let done = 0; done < chunk.byteLength;) {
      done += (await target.write(chunk, done, chunk.byteLength - done, at + done)).bytesWritten;
    }
    at += chunk.byteLength;
    onProgress?.(chunk.byteLength);
  }
  if (at < bytes) throw new Error('the connection closed early');
  return at;
}

/** Hash of a file's content of the kind that `like` is: SHA-256 (64 digits), or git's blob hash (40). */
export async function contentHash(path: string, like: string): Promise<string> {
  const hash = createHash(like.length === 64 ? 'sha256' : 'sha1');
  if (like.length === 40) hash.update(`blob ${(await stat(path)).size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Makes `pointer` stand for `blob`: a relative link as the standard cache has it, a copy where links are not allowed. */
export async function pointTo(pointer: string, blob: string): Promise<void> {
  await mkdir(dirname(pointer), { recursive: true });
  await rm(pointer, { force: true });
  try {
    await symlink(relative(dirname(pointer), blob), pointer);
  } catch {
    const temporary = join(dirname(pointer), `.${Date.now()}.tmp`);
    await copyFile(blob, temporary);
    await rename(temporary, pointer);
  }
}
