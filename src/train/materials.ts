import { resolve } from 'node:path';
import { DataError } from '../../privacy/index.ts';
import { declaredLabels, splitsTest, type Config } from '../config/index.ts';
import {
  openRows,
  readSplit,
  readSplitByColumn,
  readStore,
  selectFirstOfEachClass,
  sha256File,
  type Columns,
  type ReadOptions,
  type RowSource,
  type SplitStores,
  type Task,
  type TokenStore,
  type Tokenizer as TextEncoder,
} from '../data/index.ts';
import type { Task as NetworkTask } from '../models/index.ts';
import type { BaseModel } from './base-model.ts';
import { createTemplateEncoder, verbalizerOf } from './label-words.ts';
import { createLanguageEncoder, type PromptForm } from './language.ts';
import { publicUnits, selectionOf, unitOf } from './population.ts';

/** Longest text in tokens where the job leaves it open; a longer limit costs nothing where texts are short. */
const defaultMaxLength = 256;

/** More tokens at once take more memory and are no faster (npm run bench). */
const defaultMicroBatchTokens = 1024;

export function microBatchTokensOf({ performance: { microBatchTokens } }: Config): number {
  return microBatchTokens === 'auto' ? defaultMicroBatchTokens : microBatchTokens;
}

export function maxLengthFor(config: Config, { architecture }: BaseModel): number {
  const { maxLength } = config.data;
  return maxLength === 'auto'
    ? Math.min(defaultMaxLength, architecture.maxTokens)
    : Math.min(maxLength, architecture.maxTokens);
}

export function encoderFor(
  { tokenizer, padId }: Pick<BaseModel, 'tokenizer' | 'padId'>,
  maxLength: number,
): TextEncoder {
  return {
    encode(text, pair) {
      const found = tokenizer.encode(text, pair, { maxLength });
      // Some tokenizers of decoders make nothing of an empty text; a record has one token at least.
      return found.ids.length > 0 ? found : { ids: [padId], truncated: false, unknown: 0 };
    },
    encodeWords: (words) => tokenizer.encodeWords(words, { maxLength }),
  };
}

/** Text to tokens, as the job's task takes it. */
export function jobEncoder(config: Config, model: BaseModel): TextEncoder {
  const maxLength = maxLengthFor(config, model);
  if (config.task === 'generation')
    return createLanguageEncoder(model, { maxLength, form: promptForm(config, model) });
  const verbalizer = verbalizerOf(config, model, maxLength);
  return verbalizer ? createTemplateEncoder(model, verbalizer) : encoderFor(model, maxLength);
}

/**
 * How a job writes its prompts.
 * @throws DataError where it asks for a chat template that the model does not have
 */
export function promptForm({ data }: Config, { chat, reference }: BaseModel): PromptForm {
  if (!data.chat) return { separator: data.separator };
  if (chat !== undefined) return { chat };
  throw new DataError(
    `data.chat=true: ${reference} has no chat template. Choose one that has, or leave it out.`,
  );
}

export function taskOf(config: Config): Exclude<Task, 'unlabelled'> {
  return config.task === 'classification' ? 'single-label' : config.task;
}

export function networkTaskOf({ task }: Pick<Config, 'task'>): Exclude<NetworkTask, 'masked-lm'> {
  return task === 'generation' ? 'causal-lm' : task === 'classification' ? 'single-label' : task;
}

/** The job's data, tokenised. Validation is of use for decisions only where it was declared public. */
export interface Stores extends SplitStores {
  readonly validationIsPublic: boolean;
}

/**
 * Reads all data files of a job.
 * @param encoder - the model's tokenizer, or something cheaper where only units are to be counted
 */
export async function readData(config: Config, encoder: TextEncoder): Promise<Stores> {
  const { data, evaluate } = config;
  const slices = evaluate.slices;
  const options: ReadOptions = {
    tokenizer: encoder,
    task: taskOf(config),
    labels: declaredLabels(config),
    unit: unitOf(config),
    cleaning: data.cleaning,
    seed: data.split.seed,
  };
  const trainRows = rowsOf(config, data.train, splitsTest(data.split) ? slices : []);
  const parts = await readTraining(trainRows, options, data.split);
  const labels = labelNamesOf(parts.train);
  const selection = selectionOf(config);
  const read = (path: string): Promise<TokenStore> => readHeldOut(config, path, encoder, labels);
  return {
    train: selection ? selectFirstOfEachClass(parts.train, selection.perClass, selection.seed) : parts.train,
    validation: data.validation ? await read(data.validation.path) : parts.validation,
    test: data.test === undefined ? parts.test : await read(data.test),
    validationIsPublic: data.validation?.public ?? false,
  };
}

function readTraining(
  rows: RowSource,
  options: ReadOptions,
  { column, test, validation }: Config['data']['split'],
): Promise<SplitStores> {
  if (column !== undefined) return readSplitByColumn(rows, options);
  if (test > 0 || validation > 0) return readSplit(rows, options, { test, validation });
  return readStore(rows, options).then((train) => ({ train, validation: undefined, test: undefined }));
}

/**
 * Reads a file of held-out rows: each a record of its own, whoever wrote it.
 * @param labels - names of the classes that the model knows
 */
export async function readHeldOut(
  config: Config,
  path: string,
  encoder: TextEncoder,
  labels: readonly string[] | undefined,
): Promise<TokenStore> {
  return readStore(rowsOf(config, path, config.evaluate.slices, false), {
    tokenizer: encoder,
    task: taskOf(config),
    labels,
    unit: { kind: 'record' },
    cleaning: config.data.cleaning.filter((step) => step !== 'dedupe'),
    seed: config.data.split.seed,
  });
}

/** Texts of the training data as they are learnt: the completions, where there are prompts. Private. */
export async function* privateTexts(config: Config): AsyncGenerator<string> {
  for await (const { text, textPair } of rowsOf(config, config.data.train, [], false)) yield textPair ?? text;
}

/**
 * The rows of one of a job's files.
 * @param withUnit - for the training file: who a row belongs to, and which part, where the file says so
 */
export function rowsOf(config: Config, path: string, slices: readonly string[], withUnit = true) {
  const { split, format, delimiter, header, quote } = config.data;
  const columns = columnsOf(config);
  return openRows(path, {
    columns: { ...columns, ...(withUnit ? { part: split.column } : { unit: undefined }), slices },
    format: format === 'auto' ? undefined : format,
    delimiter: delimiter === 'auto' ? undefined : delimiter,
    header,
    quote,
    parallel: filesBeside(config.data, path),
  });
}

/** Where a file of the job's task has its texts, or words, and what is to be learnt of them. */
function columnsOf({ task, data: { columns: named } }: Config): Columns {
  const { prompt, completion, tokens, tags, ...plain } = named;
  if (task === 'generation') return { text: prompt ?? named.text, textPair: completion, unit: named.unit };
  return task === 'token-classification'
    ? { text: tokens, words: true, label: tags, unit: named.unit }
    : plain;
}

type Part = 'train' | 'test' | 'validation';

/** The columns that stand in files beside one of the job's own. */
function filesBeside({ train, test, validation, parallel = [] }: Config['data'], path: string) {
  const own: [Part, string | undefined][] = [
    ['train', train],
    ['test', test],
    ['validation', validation?.path],
  ];
  const part = own.find(([, file]) => file !== undefined && resolve(file) === resolve(path))?.[0];
  return parallel.flatMap(({ column, ...files }) => {
    const file = part && files[part];
    return file === undefined ? [] : [{ column, path: file }];
  });
}

/** SHA-256 of every data file. Private: with all other records known, a digest confirms a guess of the last one. */
export async function dataDigests(config: Config): Promise<Record<string, string>> {
  const { train, test, validation, parallel = [] } = config.data;
  const files = {
    train,
    ...(test && { test }),
    ...(validation && { validation: validation.path }),
    ...Object.fromEntries(
      parallel.flatMap(({ column, ...beside }) =>
        Object.entries(beside).map(([part, file]) => [`parallel.${column}.${part}`, file]),
      ),
    ),
  };
  const digests: Record<string, string> = {};
  for (const [name, path] of Object.entries(files)) digests[name] = await sha256File(path);
  return digests;
}

/** The number of units that is treated as public; counted, where it has to be, without a tokenizer. */
export async function countUnits(config: Config): Promise<number> {
  const one = { ids: [0], truncated: false, unknown: 0 };
  const counting: TextEncoder = {
    encode: () => one,
    encodeWords: (words) => ({ ...one, words: words.map(() => 0) }),
  };
  return publicUnits(config, async () => (await readData(config, counting)).train.units);
}

/** Public facts about labels: how many outputs the head has. */
export function labelCountOf(store: TokenStore): number {
  return 'names' in store.labels ? store.labels.names.names.length : 1;
}

export function labelNamesOf(store: TokenStore): readonly string[] | undefined {
  return 'names' in store.labels ? store.labels.names.names : undefined;
}
