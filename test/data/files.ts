import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Encoding, Row, RowSource, Tokenizer } from '../../src/data/index.ts';

/** A temporary directory for one test file, removed after it. */
export function temporaryFiles(): (name: string, content: string | Uint8Array) => string {
  const directory = mkdtempSync(join(tmpdir(), 'dptune-data-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return (name, content) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Rows as if from a file. */
export function rowsOf(
  rows: readonly Partial<Row>[],
  columns: Partial<RowSource['columns']> = {},
): RowSource {
  const rejected: string[] = [];
  return {
    path: 'memory',
    columns: { text: 'text', label: 'label', ...columns },
    reject: (line, problem) => rejected.push(`${line}: ${problem}`),
    async *[Symbol.asyncIterator]() {
      for (const [index, row] of rows.entries()) {
        yield {
          line: index + 1,
          text: '',
          textPair: undefined,
          label: 'a',
          unit: undefined,
          slices: [],
          ...row,
        };
      }
      if (rejected.length > 0) throw new Error(rejected.join('\n'));
    },
  };
}

/** One token a word: its number if it is one, else a number of its letters. At most 50 tokens; `?` is unknown. */
export const wordTokenizer: Tokenizer = {
  encode(text: string, pair?: string): Encoding {
    const first = text.split(/\s+/).filter((word) => word !== '');
    const words = [...first, ...(pair?.split(/\s+/) ?? [])];
    return {
      ids: Int32Array.from(words.slice(0, 50), idOf),
      typeIds: Int32Array.from(words.slice(0, 50), (_, index) => (index < first.length ? 0 : 1)),
      truncated: words.length > 50,
      unknown: words.filter((word) => word === '?').length,
    };
  },
};

function idOf(word: string): number {
  return Number(word) || Buffer.from(word).reduce((sum, byte) => sum * 7 + byte, 0) % 30_000;
}

interface Expected {
  readonly csv: {
    readonly header: string[];
    readonly rows: { readonly line: number; readonly fields: string[] }[];
  };
  readonly parquet: {
    readonly text: string;
    readonly label: number;
    readonly tags: string[];
    readonly score: number;
    readonly user: number;
  }[];
  readonly entities: Readonly<Record<string, string>>;
  readonly sha256: string;
}

export const GOLDEN = new URL('../golden/data/', import.meta.url).pathname;
/** Written by test/golden/data.py. */
export const expected = JSON.parse(readFileSync(`${GOLDEN}expected.json`, 'utf8')) as Expected;
