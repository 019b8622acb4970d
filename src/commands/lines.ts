import { once } from 'node:events';
import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { DataError } from '../../privacy/errors.ts';

/** Whether lines come from a person at a terminal, who waits for an answer to each. */
export function isTyped(input: string): boolean {
  return input === '-' && process.stdin.isTTY;
}

/** What a person who is to type lines should know. */
export const howToType = 'type a line and Enter; Ctrl-D ends';

/**
 * The lines of a file, or of standard input for `-`.
 * @throws DataError naming a file that cannot be read
 */
export async function* linesOf(input: string): AsyncGenerator<string, void, undefined> {
  const stream = input === '-' ? process.stdin : await opened(input);
  yield* createInterface({ input: stream, crlfDelay: Infinity });
}

async function opened(path: string): Promise<ReadStream> {
  try {
    if ((await stat(path)).isDirectory()) throw new Error('it is a directory');
    const stream = createReadStream(path);
    await once(stream, 'ready');
    return stream;
  } catch (error) {
    throw new DataError(
      `input=${path}: cannot be read (${(error as Error).message}). Name a file, or - for standard input.`,
      { cause: error },
    );
  }
}
