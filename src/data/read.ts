import { DataError, InvalidParameterError, type PrivacyUnit } from '../../privacy/index.ts';
import { createStoreBuilder, parseLabel, type StoreBuilder } from './builder.ts';
import { createCleaner, type Cleaner, type CleaningStep } from './cleaning.ts';
import { digestOf, keyedUniform } from './keyed.ts';
import { createLabelIndex, type Task } from './labels.ts';
import type { Row, RowSource } from './rows.ts';
import type { Encoding, TokenStore } from './store.ts';
import { tagsProblem } from './words.ts';

/** Text to tokens; a closure over the model's tokenizer and maximal length. */
export interface Tokenizer {
  encode(text: string, pair?: string): Encoding;
  /** The words of a sentence; needed for token classification alone. */
  encodeWords?(words: readonly string[]): Encoding;
}

export interface ReadOptions {
  readonly tokenizer: Tokenizer;
  readonly task: Task;
  /** Declared label names, or those of the training store; without, they are discovered (see `LabelNames`). */
  readonly labels?: readonly string[] | undefined;
  readonly unit: PrivacyUnit;
  readonly cleaning?: readonly CleaningStep[] | undefined;
  /** Public and reproducible: which records a user over the limit keeps, and which part of a split a unit goes to. */
  readonly seed: string | number;
}

type Part = 'train' | 'validation' | 'test';
type Parts = Partial<Record<Part, TokenStore>>;

/** Parts of a random split; those that were not asked for are absent. */
export interface SplitStores {
  readonly train: TokenStore;
  readonly validation: TokenStore | undefined;
  readonly test: TokenStore | undefined;
}

/** Shares of the units that a random split sets apart; the rest is for training. */
export type SplitFractions = Readonly<Partial<Record<'validation' | 'test', number>>>;

/**
 * Reads, cleans and tokenises all rows. No text is kept.
 * @throws DataError listing up to 20 bad rows; InvalidParameterError for options that do not fit the columns
 */
export async function readStore(source: RowSource, options: ReadOptions): Promise<TokenStore> {
  const parts = await readParts(source, options, () => 'train');
  return requirePart(parts, 'train', source);
}

/**
 * Reads as `readStore` does and splits at random. Each unit (by the unit column where there is one, else by the record's content)
 * goes to a part by its own coin, which depends on the seed and on that unit only: a user never straddles parts, equal records stay
 * together, and adding or removing a unit moves no other. Sizes of the parts are therefore binomial, not exact. The privacy unit
 * groups the training part only; held-out parts are stores of records.
 */
export async function readSplit(
  source: RowSource,
  options: ReadOptions,
  fractions: SplitFractions,
): Promise<SplitStores> {
  const { test = 0, validation = 0 } = fractions;
  for (const [name, value] of Object.entries({ test, validation })) {
    if (!(value >= 0 && value < 1)) {
      throw new InvalidParameterError(`split.${name}=${value}, must be at least 0 and below 1`);
    }
  }
  if (test + validation >= 1) {
    throw new InvalidParameterError(
      `split.test=${test} and split.validation=${validation}, must add up to less than 1; leave something to train on`,
    );
  }
  const parts = await readParts(source, options, (key) => {
    const coin = keyedUniform(options.seed, ['split', ...key]);
    if (coin < test) return 'test';
    return coin < test + validation ? 'validation' : 'train';
  });
  return {
    train: requirePart(parts, 'train', source),
    validation: validation > 0 ? requirePart(parts, 'validation', source) : undefined,
    test: test > 0 ? requirePart(parts, 'test', source) : undefined,
  };
}

/**
 * Reads as `readStore` does and splits by a column: `train` and `test` there, in any case, say where a row belongs. The privacy
 * unit groups the training part only; the test part is a store of records.
 * @throws DataError for any other value, and where there are no rows for a part
 */
export async function readSplitByColumn(source: RowSource, options: ReadOptions): Promise<SplitStores> {
  if (source.columns.part === undefined) {
    throw new InvalidParameterError('columns.part=undefined, must name the column that says train or test');
  }
  const parts = await readParts(source, options, (_, { part }) => part ?? 'train');
  return {
    train: requirePart(parts, 'train', source),
    validation: undefined,
    test: requirePart(parts, 'test', source),
  };
}

function requirePart(parts: Parts, name: Part, { path }: RowSource): TokenStore {
  const store = parts[name];
  if (!store) throw new DataError(`data=${path}: no rows for ${name}; use a file with more rows`);
  return store;
}

async function readParts(
  source: RowSource,
  { tokenizer, task, labels, unit, cleaning = [], seed }: ReadOptions,
  partOf: (key: readonly unknown[], row: Row) => Part,
): Promise<Parts> {
  checkColumns(source, task, unit);
  const cleaner = await createCleaner(cleaning);
  const isDuplicate = cleaning.includes('dedupe') ? createDeduplicator(unit) : () => false;
  const index = createLabelIndex(labels);
  if (task === 'token-classification' && labels) requireTags(labels, source);
  const builders = new Map<Part, { builder: StoreBuilder; rows: number; duplicates: number }>();
  const sliceColumns = source.columns.slices ?? [];
  const newPart = (name: Part) => {
    // Held-out rows are measured one by one, whoever wrote them.
    const unitOfPart: PrivacyUnit = name === 'train' ? unit : { kind: 'record' };
    return {
      builder: createStoreBuilder({ task, unit: unitOfPart, seed, sliceColumns }),
      rows: 0,
      duplicates: 0,
    };
  };

  for await (const row of source) {
    const label = parseLabel(row.label, task, index, row.words?.length ?? 0);
    if (typeof label === 'string') {
      source.reject(row.line, label);
      continue;
    }
    const cleaned = cleanedRow(row, cleaner);
    const name = partOf(row.unit === undefined ? contentOf(cleaned) : [row.unit], row);
    const part = builders.get(name) ?? newPart(name);
    builders.set(name, part);
    part.rows += 1;
    if (isDuplicate(cleaned)) {
      part.duplicates += 1;
      continue;
    }
    part.builder.add({
      encoding: encodingOf(cleaned, tokenizer),
      isEmpty: cleaned.text.trim() === '' && (cleaned.textPair ?? '').trim() === '',
      label,
      unit: row.unit,
      slices: row.slices,
    });
  }

  const names = index.finish();
  if (task === 'token-classification') requireTags(names.names, source);
  const stores: Parts = {};
  for (const [name, { builder, rows, duplicates }] of builders) {
    stores[name] = builder.finish(names, { rows, duplicates, cleaned: cleaner.changed });
  }
  return stores;
}

/** A word that cleaning empties keeps its place, and its tag. */
function cleanedRow(row: Row, cleaner: Cleaner): Row {
  const clean = (text: string): string => cleaner.clean(text);
  const words = row.words?.map(clean);
  const text = words ? words.join(' ') : clean(row.text);
  const pair = row.textPair === undefined ? undefined : clean(row.textPair);
  return { ...row, text, textPair: pair, ...(words && { words }) };
}

function encodingOf({ text, textPair, words }: Row, tokenizer: Tokenizer): Encoding {
  if (words === undefined) return tokenizer.encode(text, textPair);
  if (tokenizer.encodeWords) return tokenizer.encodeWords(words);
  throw new InvalidParameterError('tokenizer: has no encodeWords, which token classification needs');
}

function requireTags(names: readonly string[], { path }: RowSource): void {
  const problem = tagsProblem(names);
  if (problem !== undefined) throw new DataError(`data=${path}: ${problem}`);
}

/**
 * Finds exact duplicates: rows whose cleaned texts and label all agree with an earlier one's.
 *
 * Which row is dropped depends on other rows, so what must hold is that data sets that differ in one unit still do so afterwards.
 * - Record unit: the result is the set of distinct records. Adding a record to the data adds it to the set or changes nothing, so
 *   the sensitivity of a sum over records stays what it is. (Comparing the texts alone would not do: removing a record could
 *   bring back another with the same text and a different label, which is a replacement.)
 * - User unit: only duplicates within one user are dropped. Across users, removing one user could bring back
 *   records of any number of others.
 */
function createDeduplicator(unit: PrivacyUnit): (row: Row) => boolean {
  const seen = new Set<string>();
  return (row) => {
    const digest = digestOf(unit.kind === 'user' ? [row.unit, ...contentOf(row)] : contentOf(row));
    const sizeBefore = seen.size;
    return seen.add(digest).size === sizeBefore;
  };
}

function contentOf({ text, words, textPair, label }: Row): readonly unknown[] {
  return [words ?? text, textPair, label];
}

function checkColumns({ columns }: RowSource, task: Task, unit: PrivacyUnit): void {
  if (task !== 'unlabelled' && task !== 'generation' && columns.label === undefined) {
    throw new InvalidParameterError(`columns.label=undefined, must name the label column of a ${task} task`);
  }
  if (task === 'token-classification' && !columns.words) {
    throw new InvalidParameterError('columns.words=false, must be true: token classification reads words');
  }
  if (unit.kind === 'record') return;
  if (columns.unit === undefined) {
    throw new InvalidParameterError(
      'columns.unit=undefined, must name the user column where the privacy unit is a user',
    );
  }
  if (!Number.isInteger(unit.maxRecords) || unit.maxRecords < 1) {
    throw new InvalidParameterError(
      `maxRecordsPerUser=${unit.maxRecords}, must be a whole number of at least 1`,
    );
  }
}
