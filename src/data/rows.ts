import { InvalidParameterError } from '../../privacy/index.ts';
import type { Columns, TableRow } from './columns.ts';
import { readConll } from './conll.ts';
import { readCsv } from './csv.ts';
import { readJsonl, readText } from './jsonl.ts';
import { readParallel, type ParallelFile } from './parallel.ts';
import { readParquet } from './parquet.ts';
import { createProblems, show, type Problems } from './problems.ts';
import { parseWords } from './words.ts';

export type DataFormat = 'csv' | 'tsv' | 'jsonl' | 'parquet' | 'text' | 'conll';

export interface OpenOptions {
  readonly columns: Columns;
  /** From the file's extension unless given (.csv, .tsv, .jsonl, .ndjson, .parquet, .txt, .conll, .bio; each also with .gz). */
  readonly format?: DataFormat | undefined;
  /** One character; a comma for csv and a tab for tsv unless given. */
  readonly delimiter?: string | undefined;
  /** Whether the first row of a csv or tsv names its columns (default); without, they are "1", "2", ... */
  readonly header?: boolean | undefined;
  /** Whether `"` encloses fields of a csv or tsv (default); without, it is an ordinary character. */
  readonly quote?: boolean | undefined;
  /** Columns in text files of their own, beside a text file: line k of each belongs to line k of it. */
  readonly parallel?: readonly ParallelFile[] | undefined;
}

/** One row of a data file, its text raw. */
export interface Row {
  /** Line on which the row starts, from 1; for Parquet the row's number. */
  readonly line: number;
  readonly text: string;
  /** The text's words, where the file has words. */
  readonly words?: readonly string[] | undefined;
  readonly textPair: string | undefined;
  /** As the file has it: a string, number, list, ...; `undefined` without a label column. */
  readonly label: unknown;
  readonly unit: string | undefined;
  /** Where the file says so. */
  readonly part?: 'train' | 'test' | undefined;
  /** Values of the slice columns, in their order. */
  readonly slices: readonly string[];
}

/**
 * Rows of one file, to be read once. Bad rows are left out and noted; the read ends by throwing a DataError that lists up
 * to 20 of them, so whoever reads to the end has seen a wholly good file.
 */
export interface RowSource extends AsyncIterable<Row> {
  readonly path: string;
  readonly columns: Columns;
  /** Notes a row that its reader found bad. */
  reject(line: number, problem: string): void;
}

/**
 * Opens a data file.
 * @param path - the file, or `-` for standard input (then `format` must be given)
 * @throws InvalidParameterError where the format cannot be told; DataError, while iterating, for what is wrong in the file
 */
export function openRows(path: string, options: OpenOptions): RowSource {
  const format = options.format ?? formatOf(path);
  const problems = createProblems(path, format === 'parquet' ? 'row' : 'line');
  if (options.parallel && options.parallel.length > 0 && format !== 'text') {
    throw new InvalidParameterError(
      `data=${path}: ${format} has columns of its own; files beside it (${options.parallel[0]!.path}) go with plain text, format=text`,
    );
  }
  if (format === 'conll' && !options.columns.words) {
    throw new InvalidParameterError(
      `data=${path}: format conll has words and their tags; it goes with task: token-classification`,
    );
  }
  return {
    path,
    columns: options.columns,
    reject: (line, problem) => problems.add(line, problem),
    async *[Symbol.asyncIterator]() {
      const wanted = wantedColumns(options.columns);
      for await (const row of openTable(path, format, wanted, options, problems)) {
        const complete = toRow(row, options.columns, problems);
        if (complete) yield complete;
      }
      problems.throwIfAny();
    },
  };
}

function openTable(
  path: string,
  format: DataFormat,
  wanted: readonly string[],
  { columns, delimiter, header = true, quote = true, parallel = [] }: OpenOptions,
  problems: Problems,
): AsyncIterable<TableRow> {
  switch (format) {
    case 'csv':
      return readCsv(path, wanted, { delimiter: delimiter ?? ',', header, quote }, problems);
    case 'tsv':
      return readCsv(path, wanted, { delimiter: delimiter ?? '\t', header, quote }, problems);
    case 'jsonl':
      return readJsonl(path, wanted, problems);
    case 'parquet':
      return readParquet(path, wanted);
    case 'conll':
      return readConll(path, wanted, columns.label === undefined ? 1 : 2, problems);
    default:
      return parallel.length > 0
        ? readParallel(path, parallel, wanted, problems)
        : readText(path, wanted, problems);
  }
}

const FORMATS: Readonly<Record<string, DataFormat>> = {
  csv: 'csv',
  tsv: 'tsv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  parquet: 'parquet',
  txt: 'text',
  conll: 'conll',
  bio: 'conll',
};

function formatOf(path: string): DataFormat {
  const extension = /\.([a-z]+)(?:\.gz)?$/.exec(path)?.[1] ?? '';
  const format = Object.hasOwn(FORMATS, extension) ? FORMATS[extension] : undefined;
  if (format) return format;
  const remedy =
    extension === 'json'
      ? 'write one JSON object a line (.jsonl), or give format=jsonl if it is so'
      : 'give format=csv, tsv, jsonl, parquet, text or conll';
  throw new InvalidParameterError(`data=${path}: the extension does not tell the format; ${remedy}`);
}

/** Text, pair, label, unit, part, slices: the order that `toRow` takes apart. */
function wantedColumns({ text, textPair, label, unit, part, slices = [] }: Columns): string[] {
  return [text, textPair, label, unit, part].filter((name) => name !== undefined).concat(slices);
}

function toRow({ line, values }: TableRow, columns: Columns, problems: Problems): Row | undefined {
  const { textPair: pairColumn, label: labelColumn, unit: unitColumn, part: partColumn } = columns;
  let next = 0;
  const given = values[next++];
  const textPair = pairColumn === undefined ? undefined : values[next++];
  const label = labelColumn === undefined ? undefined : values[next++];
  const unit = unitColumn === undefined ? undefined : values[next++];
  const part = partColumn === undefined ? undefined : partIn(values[next++]);
  const words = columns.words ? parseWords(given, columns.text) : undefined;
  if (typeof words === 'string') {
    problems.add(line, words);
    return undefined;
  }
  const text = words ? words.join(' ') : given;
  if (typeof text !== 'string') {
    problems.add(line, `${columns.text}=${show(text)}, must be a string`);
    return undefined;
  }
  if (pairColumn !== undefined && typeof textPair !== 'string') {
    problems.add(line, `${pairColumn}=${show(textPair)}, must be a string`);
    return undefined;
  }
  if (labelColumn !== undefined && isMissing(label)) {
    problems.add(line, `${labelColumn} is empty, must be a label`);
    return undefined;
  }
  const unitKey = keyOf(unit);
  if (unitColumn !== undefined && unitKey === '') {
    problems.add(line, `${unitColumn}=${show(unit)}, must name the row's privacy unit`);
    return undefined;
  }
  if (part === 'neither') {
    problems.add(line, `${partColumn!} must be train or test; give the other rows in a file of their own`);
    return undefined;
  }
  return {
    line,
    text,
    ...(words && { words }),
    textPair: textPair as string | undefined,
    label,
    unit: unitColumn === undefined ? undefined : unitKey,
    ...(part && { part }),
    slices: values.slice(next).map(keyOf),
  };
}

function partIn(value: unknown): 'train' | 'test' | 'neither' {
  const name = keyOf(value).trim().toLowerCase();
  return name === 'train' || name === 'test' ? name : 'neither';
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}

/** A plain value as text; empty for a missing one and for what is no plain value. */
function keyOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const isPlain = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
  return isPlain ? String(value) : '';
}
