import * as zlib from 'node:zlib';
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type AsyncBuffer,
  type Compressors,
} from 'hyparquet';
import { DataError } from '../../privacy/index.ts';
import { openBytes, readError } from './bytes.ts';
import { locateColumns, type TableRow } from './columns.ts';

/** Rows of a Parquet file, one row group in memory at a time; `line` is the row's number from 1. */
export async function* readParquet(path: string, wanted: readonly string[]): AsyncGenerator<TableRow> {
  const { file, metadata, found } = await openParquet(path);
  const positions = locateColumns(path, found, wanted);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const columns: (readonly unknown[])[] = [];
    // One column at a time: of several that fail at once, hyparquet leaves some rejections unhandled.
    for (const position of positions) {
      columns.push(
        await readColumn(path, found[position]!, { file, metadata, rowStart, rowEnd, compressors }),
      );
    }
    for (let row = 0; row < rowEnd - rowStart; row++) {
      yield { line: rowStart + row + 1, values: columns.map((column) => column[row]) };
    }
    rowStart = rowEnd;
  }
}

async function openParquet(path: string) {
  const file = await openBuffer(path);
  try {
    const metadata = await parquetMetadataAsync(file);
    const found = parquetSchema(metadata).children.map(({ element }) => element.name);
    // A damaged footer may lack names, whatever the types say.
    if (found.some((name) => typeof name !== 'string')) throw new Error('a column without a name');
    return { file, metadata, found };
  } catch (error) {
    throw parquetError(path, error);
  }
}

type ReadOptions = Parameters<typeof parquetReadObjects>[0];

async function readColumn(path: string, name: string, options: ReadOptions): Promise<readonly unknown[]> {
  const rows = (options.rowEnd ?? 0) - (options.rowStart ?? 0);
  try {
    const column = await parquetReadObjects({ ...options, columns: [name] });
    if (column.length === rows) return column.map((row) => row[name] as unknown);
    throw new Error(`${column.length} values in a group of ${rows} rows`);
  } catch (error) {
    throw parquetError(path, error);
  }
}

async function openBuffer(path: string): Promise<AsyncBuffer | ArrayBuffer> {
  try {
    if (path !== '-' && !path.endsWith('.gz')) return await asyncBufferFromFile(path);
    const chunks: Buffer[] = [];
    for await (const chunk of openBytes(path) as AsyncIterable<Buffer>) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  } catch (error) {
    throw readError(path, error);
  }
}

/** Codecs beyond hyparquet's own Snappy, from the zlib of Node (Zstandard from 22.15 on). */
const compressors: Compressors = {
  GZIP: (input) => zlib.gunzipSync(input),
  BROTLI: (input) => zlib.brotliDecompressSync(input),
  ...('zstdDecompressSync' in zlib && {
    ZSTD: zlib.zstdDecompressSync as (input: Uint8Array) => Uint8Array,
  }),
};

function parquetError(path: string, error: unknown): unknown {
  const readable = readError(path, error);
  if (readable instanceof DataError) return readable;
  const reason = error instanceof Error ? error.message : String(error);
  const remedy = /unsupported compression codec/.test(reason)
    ? 'write it with Snappy compression, or use Node 22.15 or newer for Zstandard'
    : 'it must be a whole, undamaged Parquet file';
  return new DataError(`data=${path}: ${reason}; ${remedy}`, { cause: error });
}
