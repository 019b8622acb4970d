import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DataError } from '../../privacy/index.ts';

/** Longest line accepted, in bytes: beyond it the file is not text of one record a line. */
const MAX_LINE_BYTES = 64 * 2 ** 20;
const NEWLINE = 0x0a;

/** Complete lines of a UTF-8 file; `line` is the number of the first, from 1. */
export interface LineBlock {
  readonly bytes: Buffer;
  readonly line: number;
}

/** Bytes of a file (`-` is standard input), gunzipped where its name ends in .gz. */
export function openBytes(path: string): Readable {
  const source: Readable = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 2 ** 18 });
  if (!path.endsWith('.gz')) return source;
  // `pipeline` hands an error of the source on to the reader, which `pipe` does not.
  return pipeline(source, createGunzip({ chunkSize: 2 ** 18 }), () => {});
}

/**
 * The file in blocks that end at a newline (the last at the end of the file), without the byte-order mark.
 * Lines that are not UTF-8 are reported and still part of their block.
 * @throws DataError for a file that cannot be read, a damaged gzip stream, UTF-16, or a line over 64 MiB
 */
export async function* lineBlocks(
  path: string,
  reject: (line: number, problem: string) => void,
): AsyncGenerator<LineBlock> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let line = 1;
  let atStart = true;
  const take = (last: Buffer): LineBlock | undefined => {
    const joined = pending.length === 0 ? last : Buffer.concat([...pending, last]);
    const bytes = atStart ? withoutMark(joined, path) : joined;
    pending = [];
    pendingBytes = 0;
    atStart = false;
    if (bytes.length === 0) return undefined;
    const block = { bytes, line };
    line = checkLines(block, reject);
    return block;
  };
  try {
    for await (const chunk of openBytes(path) as AsyncIterable<Buffer>) {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (end > 0) {
        const block = take(chunk.subarray(0, end));
        if (block) yield block;
      }
      if (end < chunk.length) pending.push(chunk.subarray(end));
      pendingBytes += chunk.length - end;
      if (pendingBytes > MAX_LINE_BYTES) {
        throw new DataError(
          `data=${path}: line ${line} is longer than ${MAX_LINE_BYTES} bytes; is this a text file with one record a line?`,
        );
      }
    }
  } catch (error) {
    throw readError(path, error);
  }
  const block = take(Buffer.alloc(0));
  if (block) yield block;
}

/** Turns a system or zlib error into one that says what to do; other errors pass through. */
export function readError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (code === 'ENOENT') return new DataError(`data=${path}: no such file; check the path`, { cause: error });
  if (code === 'EISDIR')
    return new DataError(`data=${path}: is a directory; name a file in it`, { cause: error });
  if (code === 'EACCES')
    return new DataError(`data=${path}: permission denied; make it readable`, { cause: error });
  if (code.startsWith('Z_')) {
    return new DataError(
      `data=${path}: the gzip stream is damaged or cut short (${code}); fetch or compress it again`,
      {
        cause: error,
      },
    );
  }
  return error;
}

function withoutMark(bytes: Buffer, path: string): Buffer {
  const [first, second, third] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new DataError(`data=${path}: is UTF-16; save it as UTF-8`);
  }
  return first === 0xef && second === 0xbb && third === 0xbf ? bytes.subarray(3) : bytes;
}

/** Reports lines that are not UTF-8; returns the number of the line after the block. */
function checkLines(block: LineBlock, reject: (line: number, problem: string) => void): number {
  const valid = isUtf8(block.bytes);
  let { line } = block;
  let from = 0;
  while (from < block.bytes.length) {
    const newline = block.bytes.indexOf(NEWLINE, from);
    const end = newline < 0 ? block.bytes.length : newline + 1;
    if (!valid && !isUtf8(block.bytes.subarray(from, end))) reject(line, 'not UTF-8; convert the file');
    from = end;
    line += 1;
  }
  return line;
}
