import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { DataError } from '../../privacy/errors.ts';

/** Column names that people give to each role, likeliest first. */
const USUAL_NAMES = {
  text: [
    'text',
    'sentence',
    'review',
    'content',
    'body',
    'comment',
    'message',
    'document',
    'tweet',
    'dialogue',
    'note',
    'sentence1',
    'text_a',
    'premise',
    'question1',
    'description',
    'title',
  ],
  textPair: ['text_pair', 'textpair', 'sentence2', 'text_b', 'hypothesis', 'question2'],
  label: ['label', 'labels', 'class', 'category', 'target', 'sentiment', 'rating', 'score', 'stars', 'y'],
  tokens: ['tokens', 'words'],
  tags: ['tags', 'ner_tags', 'bio'],
  unit: [
    'user',
    'user_id',
    'userid',
    'author',
    'author_id',
    'authorid',
    'customer',
    'customer_id',
    'patient',
    'patient_id',
    'speaker',
    'person',
    'owner',
    'username',
  ],
} as const;

type Role = keyof typeof USUAL_NAMES;

export interface Guess {
  readonly columns: readonly string[];
  /** Column of each role that was recognised by its name. */
  readonly roles: Readonly<Partial<Record<Role, string>>>;
}

/**
 * Names of the columns of a CSV, TSV, JSON lines, Parquet or CoNLL file (also gzipped, but for Parquet), and which of them look
 * like what. Reads the header alone, or the first record of a file of JSON lines.
 * @throws DataError where the file cannot be read or has no names
 */
export async function guessColumns(path: string): Promise<Guess> {
  const columns = await columnsOf(path);
  const byName = new Map(columns.map((name) => [name.trim().toLowerCase().replaceAll(/[ -]/g, '_'), name]));
  const roles = Object.entries(USUAL_NAMES).flatMap(([role, names]) => {
    const found = names.find((name) => byName.has(name));
    return found === undefined ? [] : [[role, byName.get(found)!]];
  });
  return { columns, roles: Object.fromEntries(roles) as Guess['roles'] };
}

async function columnsOf(path: string): Promise<string[]> {
  const format = /\.([a-z]+)(\.gz)?$/.exec(path.toLowerCase())?.[1];
  try {
    if (format === 'parquet') return await parquetColumns(path);
    if (format === 'conll' || format === 'bio') return ['tokens', 'tags'];
    const line = (await firstLine(path)).replace(/^\uFEFF/, '');
    if (format === 'jsonl' || format === 'ndjson') return Object.keys(JSON.parse(line) as object);
    return parse(line, { delimiter: format === 'tsv' ? '\t' : ',' })[0] ?? [];
  } catch (error) {
    throw new DataError(
      `data=${path}: its columns cannot be read (${(error as Error).message}); leave out --data and fill in the job by hand`,
      { cause: error },
    );
  }
}

async function parquetColumns(path: string): Promise<string[]> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetSchema } = await import('hyparquet');
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
  return parquetSchema(metadata).children.map(({ element }) => element.name);
}

async function firstLine(path: string): Promise<string> {
  const file = createReadStream(path);
  const content = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  try {
    // readline does not pass on the errors of the file behind a decompressor.
    file.on('error', (error) => content.destroy(error));
    for await (const line of createInterface({ input: content, crlfDelay: Infinity })) return line;
    return '';
  } finally {
    file.destroy();
  }
}
