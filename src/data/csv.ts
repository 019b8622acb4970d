import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { DataError } from '../../privacy/index.ts';
import { lineBlocks } from './bytes.ts';
import { locateColumns, type TableRow } from './columns.ts';
import type { Problems } from './problems.ts';

/** Longest row accepted, in characters; an unclosed quote would otherwise swallow the rest of a large file. */
const MAX_ROW_CHARACTERS = 16 * 2 ** 20;

export interface CsvOptions {
  readonly delimiter: string;
  /** Whether the first row names the columns; without it they are named "1", "2", ... */
  readonly header: boolean;
  /** `"` encloses fields; where `false` it is an ordinary character, as in GLUE's files. */
  readonly quote: boolean;
}

/** Rows of an RFC 4180 file: quoted fields may hold delimiters, newlines and doubled quotes. Blank lines are skipped. */
export async function* readCsv(
  path: string,
  wanted: readonly string[],
  { delimiter, header, quote }: CsvOptions,
  problems: Problems,
): AsyncGenerator<TableRow> {
  const blocks = lineBlocks(path, (line, problem) => problems.add(line, problem));
  const source = Readable.from(bytesOf(blocks));
  // Lines are counted here: csv-parse's `info` would double the time. So it must not skip or refuse rows itself.
  const parser = parse({
    delimiter,
    quote: quote ? '"' : false,
    relax_quotes: true,
    relax_column_count: true,
    record_delimiter: ['\r\n', '\n'],
    max_record_size: MAX_ROW_CHARACTERS,
  });
  source.on('error', (error) => parser.destroy(error));
  let line = 1;
  let positions: number[] | undefined;
  let width = 0;
  try {
    for await (const fields of source.pipe(parser) as AsyncIterable<string[]>) {
      const start = line;
      line += 1 + newlines(fields);
      if (fields.length === 1 && fields[0] === '') continue;
      if (!positions) {
        const found = header ? fields : fields.map((_, index) => String(index + 1));
        positions = locateColumns(path, found, wanted);
        width = fields.length;
        if (header) continue;
      }
      if (fields.length !== width) {
        problems.add(start, `${fields.length} fields, must be ${width} as in the first row; check quotes`);
        continue;
      }
      yield { line: start, values: positions.map((position) => fields[position]) };
    }
  } catch (error) {
    throw error instanceof CsvError ? csvError(path, line, error) : error;
  } finally {
    source.destroy();
  }
  if (!positions) throw new DataError(`data=${path}: is empty; it must have ${header ? 'a header' : 'rows'}`);
}

async function* bytesOf(blocks: AsyncIterable<{ readonly bytes: Buffer }>): AsyncGenerator<Buffer> {
  for await (const { bytes } of blocks) yield bytes;
}

function newlines(fields: readonly string[]): number {
  let count = 0;
  for (const field of fields) {
    for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) count += 1;
  }
  return count;
}

function csvError(path: string, line: number, error: CsvError): DataError {
  const reason =
    error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE'
      ? 'a quote that opens in this row is never closed; close it, or read the file with quote=false'
      : `${error.message}; correct the row`;
  return new DataError(`data=${path}: 1 bad row; correct or remove:\n  ${path}:${line}: ${reason}`, {
    cause: error,
  });
}
