import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { reproducibleRng } from '../../privacy/index.ts';
import { loadJob, type Config } from '../../src/config/index.ts';
import { openSafetensors, writeSafetensors } from '../../src/formats/index.ts';
import { architectureOf, buildNetwork, initialValues } from '../../src/models/index.ts';
import { finishRun, resumeJob, trainJob, type Finished, type Observer } from '../../src/train/index.ts';
import type { TrainOptions } from '../../src/train/job.ts';

/** A directory for a test file, with the model in it; `remove` it in the end. */
export interface Workplace {
  readonly root: string;
  readonly model: string;
  readonly remove: () => void;
}

const happy = ['bright', 'calm', 'fresh', 'kind', 'lovely', 'merry', 'proud', 'sweet'];
const sad = ['bleak', 'cold', 'dull', 'grim', 'harsh', 'lost', 'stale', 'torn'];
const plain = [
  'bread',
  'chair',
  'door',
  'field',
  'glass',
  'house',
  'lamp',
  'paper',
  'road',
  'stone',
  'table',
];
const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const vocabulary = [...specials, ...happy, ...sad, ...plain];

/** A random BERT of two layers, 16 wide, with a masked-language-model head, written as a Hugging Face directory. */
export async function createWorkplace(): Promise<Workplace> {
  const place = emptyWorkplace();
  await fillWorkplace(place);
  return place;
}

/** Where a workplace will lie; nothing is there yet. */
export function emptyWorkplace(): Workplace {
  const root = join(tmpdir(), `dptune-tiny-${randomUUID()}`);
  return {
    root,
    model: join(root, 'model'),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

export async function fillWorkplace({ model }: Pick<Workplace, 'model'>): Promise<void> {
  await mkdir(model, { recursive: true });
  await writeModel(model, 'tiny');
}

async function writeModel(directory: string, seed: string): Promise<void> {
  const config = {
    architectures: ['BertForMaskedLM'],
    model_type: 'bert',
    vocab_size: vocabulary.length,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 32,
    hidden_act: 'gelu',
    max_position_embeddings: 24,
    type_vocab_size: 2,
    initializer_range: 0.3,
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
  };
  const tokenizer = { tokenizer_class: 'BertTokenizer', do_lower_case: true, model_max_length: 24 };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify(tokenizer));
  await writeFile(join(directory, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
  const { params } = buildNetwork({ architecture: architectureOf(config), task: 'masked-lm' });
  const rng = reproducibleRng(seed);
  const tensors = params.map((spec) => ({
    name: spec.name,
    shape: spec.shape,
    data: initialValues(spec, rng),
  }));
  await writeSafetensors(join(directory, 'model.safetensors'), tensors);
}

/** A made-up row: what is said, by whom, and what is to be learnt from it in each task. */
export interface MadeUpRow {
  readonly writer: string;
  readonly text: string;
  readonly second: string;
  readonly mood: 'happy' | 'sad';
  /** 0 or 1 or 2 of `happy` and `long`, as a list with `;`. */
  readonly traits: string;
  readonly score: number;
}

/** Rows by `writers` writers of one to three rows each; writers and texts depend on the seed only, row by row. */
export function madeUpRows(writers: number, seed: string): MadeUpRow[] {
  const rng = reproducibleRng(seed);
  return Array.from({ length: writers }, (_, index) => {
    const own = rng.fork(index);
    return Array.from({ length: 1 + (index % 3) }, (): MadeUpRow => {
      const mood = own.uniform() < 0.5 ? 'happy' : 'sad';
      const length = 2 + own.integer(6);
      const words = Array.from({ length }, () =>
        pick(own.uniform() < 0.5 ? plain : mood === 'happy' ? happy : sad, own),
      );
      words.push(pick(mood === 'happy' ? happy : sad, own));
      const traits = [...(mood === 'happy' ? ['happy'] : []), ...(length > 4 ? ['long'] : [])];
      return {
        writer: `writer-${String(index).padStart(3, '0')}`,
        text: words.join(' '),
        second: pick(plain, own),
        mood,
        traits: traits.join(';'),
        score: (mood === 'happy' ? 1 : -1) + 0.1 * length,
      };
    });
  }).flat();
}

function pick(words: readonly string[], rng: { integer(below: number): number }): string {
  return words[rng.integer(words.length)]!;
}

export function csvOf(rows: readonly MadeUpRow[]): string {
  const lines = rows.map(({ writer, text, second, mood, traits, score }) =>
    [writer, text, second, mood, traits, score].join(','),
  );
  return `writer,text,second,mood,traits,score\n${lines.join('\n')}\n`;
}

/** Settings of a job as they stand in its file; nested ones are merged into the fixture's own. */
export type JobSettings = Readonly<Record<string, unknown>>;

const usual: JobSettings = {
  model: 'model',
  data: {
    train: 'train.csv',
    test: 'test.csv',
    columns: { text: 'text', label: 'mood' },
    labels: ['sad', 'happy'],
    maxLength: 16,
  },
  privacy: { noiseMultiplier: 1, delta: 1e-4, publicSize: 120, clipping: { norm: 1 } },
  train: { method: 'head', batchSize: 20, steps: 6, learningRate: 0.1 },
  evaluate: { bootstrap: 20 },
  performance: { threads: 1 },
};

/** Settings of a job whose unit is a writer. */
export const byWriter: JobSettings = {
  data: { columns: { text: 'text', label: 'mood', unit: 'writer' } },
  privacy: { unit: 'user', maxRecordsPerUser: 2, publicSize: 60 },
};

/**
 * Writes train.csv, test.csv and a job file into the workplace, and reads the job.
 * @param name - of the job file; files of data are shared by all jobs unless `settings` name others
 */
export async function tinyJob(place: Workplace, ...settings: readonly JobSettings[]): Promise<Config> {
  return (await loadJob(await tinyJobFile(place, ...settings))).config;
}

let jobs = 0;

export async function tinyJobFile({ root }: Workplace, ...settings: readonly JobSettings[]): Promise<string> {
  await writeFile(join(root, 'train.csv'), csvOf(madeUpRows(60, 'train')), { flag: 'w' });
  await writeFile(join(root, 'test.csv'), csvOf(madeUpRows(30, 'test')), { flag: 'w' });
  const path = join(root, `job-${(jobs += 1)}.yaml`);
  await writeFile(path, JSON.stringify(settings.reduce(merge, usual)));
  return path;
}

function merge(base: JobSettings, more: JobSettings): JobSettings {
  const merged = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const below = merged[key];
    if (value === undefined) delete merged[key];
    else merged[key] = isMapping(below) && isMapping(value) ? merge(below, value) : value;
  }
  return merged;
}

function isMapping(value: unknown): value is JobSettings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An observer that keeps what it is told. */
export interface Recorder extends Observer {
  readonly steps: {
    readonly phase: string;
    readonly step: number;
    readonly steps: number;
    readonly epsilon: number;
  }[];
  readonly notes: string[];
  readonly events: Readonly<Record<string, unknown>>[];
  readonly stages: string[];
}

/** @param stopAt - asks to stop once so many steps were taken */
export function recorder(stopAt = Infinity): Recorder {
  const told = {
    steps: [] as Recorder['steps'],
    notes: [] as string[],
    events: [] as Recorder['events'],
    stages: [] as string[],
  };
  return {
    ...told,
    step: (state) => void told.steps.push(state),
    stage: (what) => void told.stages.push(what),
    note: (text) => void told.notes.push(text),
    event: (event) => void told.events.push(event),
    stopping: () => (told.steps.at(-1)?.step ?? 0) >= stopAt,
  };
}

let runs = 0;

/** A directory for one more run. */
export function newRun({ root }: Workplace): string {
  return join(root, `run-${(runs += 1)}`);
}

/** Trains and finishes a job. */
export async function runJob(
  config: Config,
  out: string,
  options: Partial<Omit<TrainOptions, 'out'>> = {},
): Promise<Finished> {
  const all = { observer: recorder(), ...options };
  return finishRun(await trainJob(config, { ...all, out }), all);
}

export async function resumeRun(
  out: string,
  options: Partial<Omit<TrainOptions, 'out' | 'plan'>> = {},
): Promise<Finished> {
  const all = { observer: recorder(), ...options };
  return finishRun(await resumeJob(out, all), all);
}

/** All tensors of a safetensors file. */
export async function tensorsIn(path: string): Promise<Record<string, Float32Array>> {
  const file = await openSafetensors(path);
  const tensors: Record<string, Float32Array> = {};
  for (const name of file.tensors.keys()) tensors[name] = await file.read(name);
  await file.close();
  return tensors;
}

/** The released model's tensors. */
export function releasedWeights(run: string): Promise<Record<string, Float32Array>> {
  return tensorsIn(join(run, 'release', 'model', 'model.safetensors'));
}

/** Largest absolute difference over all tensors of one that the other has too. */
export function largestDifference(
  a: Readonly<Record<string, Float32Array>>,
  b: Readonly<Record<string, Float32Array>>,
): number {
  let largest = 0;
  for (const [name, values] of Object.entries(a)) {
    const other = b[name];
    if (other)
      for (const [i, value] of values.entries()) largest = Math.max(largest, Math.abs(value - other[i]!));
  }
  return largest;
}

export async function jsonOf<T = Record<string, unknown>>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}

/** Lines of JSON. */
export async function linesOf<T = Record<string, unknown>>(path: string): Promise<T[]> {
  const text = await readFile(path, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/** Paths of all files below a directory, sorted. */
export async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}
