import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readError } from './bytes.ts';

/** SHA-256 of a file as it lies on disk (compressed, if it is), hexadecimal; read as a stream. */
export async function sha256File(path: string): Promise<string> {
  const digest = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }))
      digest.update(chunk as Buffer);
  } catch (error) {
    throw readError(path, error);
  }
  return digest.digest('hex');
}
