import { cpSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { reproducibleRng, seededStream } from '../../privacy/index.ts';
import { runCommandLine } from '../../src/commands/command-line.ts';
import { loadJob } from '../../src/config/index.ts';
import { writeSafetensors } from '../../src/formats/index.ts';
import { architectureOf, buildNetwork, initialValues } from '../../src/models/index.ts';
import {
  csvOf,
  filesIn,
  jsonOf,
  linesOf,
  madeUpRows,
  newRun,
  runJob,
  tinyJobFile,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
/** Job of a classifier; run of a model that writes texts of a mood, and one that writes without being asked. */
let [classifier, writer, free] = ['', '', ''];

beforeAll(async () => {
  await writeFile(join(place.root, 'public.csv'), csvOf(madeUpRows(15, 'public')));
  classifier = await tinyJobFile(place, { train: { steps: 60, learningRate: 0.5 } });
  await createDecoder();
  writer = await trained({ columns: { prompt: 'mood', completion: 'text' } }, 120);
  free = await trained({ columns: { text: 'text' } }, 2);
});

/** A random GPT-2 that knows the words of the made-up rows and their moods. */
async function createDecoder(): Promise<void> {
  const texts = madeUpRows(60, 'train').flatMap(({ text }) => text.split(' '));
  const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'happy', 'sad', ...new Set(texts)];
  const config = {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: vocabulary.length,
    n_embd: 16,
    n_layer: 1,
    n_head: 2,
    n_positions: 24,
    initializer_range: 0.3,
    eos_token_id: 3,
  };
  const directory = join(place.root, 'decoder');
  await mkdir(directory);
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  const settings = { tokenizer_class: 'BertTokenizer', do_lower_case: true, model_max_length: 24 };
  await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify(settings));
  await writeFile(join(directory, 'generation_config.json'), JSON.stringify({ eos_token_id: 3 }));
  await writeFile(join(directory, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
  const { params } = buildNetwork({ architecture: architectureOf(config), task: 'causal-lm' });
  const rng = reproducibleRng('decoder');
  await writeSafetensors(
    join(directory, 'model.safetensors'),
    params.map((spec) => ({ name: spec.name, shape: spec.shape, data: initialValues(spec, rng) })),
  );
}

async function trained(data: Record<string, unknown>, steps: number): Promise<string> {
  const job = join(place.root, `writer-${steps}.yaml`);
  await writeFile(
    job,
    JSON.stringify({
      model: 'decoder',
      task: 'generation',
      data: { train: 'train.csv', maxLength: 16, ...data },
      privacy: { noiseMultiplier: 0.3, delta: 1e-4, publicSize: 120, clipping: { norm: 1 } },
      train: { method: 'full', batchSize: 40, steps, learningRate: 0.02 },
      performance: { threads: 1 },
    }),
  );
  const run = newRun(place);
  // From a seed, so that what is learnt does not vary.
  await runJob((await loadJob(job)).config, run, { stream: seededStream('writer') });
  return run;
}

/** @returns what was printed */
async function synthesize(...args: string[]): Promise<string> {
  let printed = '';
  const taken = (text: string | Uint8Array): boolean => ((printed += String(text)), true);
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation(taken),
  );
  try {
    await runCommandLine(['synthesize', ...args]);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return printed;
}

const moods = ['--label', 'happy', '--label', 'sad'];
let outs = 0;
const newOut = () => join(place.root, `synthetic-${(outs += 1)}`);

interface Figures {
  readonly classifier: { readonly accuracy: number; readonly records: number };
  readonly majority: { readonly accuracy: number };
}

describe('labelled texts', () => {
  let [out, printed] = ['', ''];
  beforeAll(async () => {
    out = newOut();
    const measured = ['--downstream', classifier, '--compare-real', '--mauve-encoder', place.model];
    const settings = ['-n', '160', '--seed', '1', '--max-new-tokens', '8'];
    printed = await synthesize(writer, ...settings, ...moods, ...measured, '--out', out);
  });

  test('have the shares that were declared', async () => {
    const rows = await linesOf<{ label: string; text: string }>(join(out, 'data.jsonl'));
    expect(rows.filter(({ label }) => label === 'sad')).toHaveLength(80);
    expect(rows).toHaveLength(160);
    expect(Object.keys(rows[0]!)).toEqual(['label', 'text']);
  });

  test('teach a classifier more than the majority class', async () => {
    const { downstream } = await jsonOf<{ downstream: Figures }>(join(out, 'sheet.json'));
    expect(downstream.classifier.records).toBe(madeUpRows(30, 'test').length);
    expect(downstream.classifier.accuracy).toBeGreaterThan(downstream.majority.accuracy + 0.1);
  });

  test('what compares them with the private data stays in private/, and unprinted', async () => {
    const released = await Promise.all(
      ['sheet.json', 'README.md'].map((name) => readFile(join(out, name), 'utf8')),
    );
    for (const text of [...released, printed]) {
      expect(text).not.toMatch(/overlap|likeness|mauve|real"/i);
    }
    const inside = await jsonOf<{ real: Figures }>(join(writer, 'private', 'synthesis-synthetic-1.json'));
    expect(inside).toMatchObject({
      statement: expect.stringContaining('PRIVATE') as string,
      overlap: { length: 8 },
      likeness: { encoder: 'model', clusters: 12, texts: { reference: 120 } },
    });
    expect(inside.real.classifier.accuracy).toBeGreaterThan(inside.real.majority.accuracy);
  });

  test('leave nothing behind of the classifiers', async () => {
    expect(await filesIn(out)).toEqual(['README.md', 'data.jsonl', 'sheet.json']);
    expect((await readdir(join(writer, 'private'))).filter((name) => name.startsWith('downstream'))).toEqual(
      [],
    );
  });
});

test('public texts to compare with make a figure for the sheet; a release alone can write', async () => {
  const release = join(place.root, 'release');
  cpSync(join(free, 'release'), release, { recursive: true });
  const out = newOut();
  const reference = join(place.root, 'public.csv');
  const args = [
    '-n',
    '40',
    '--max-new-tokens',
    '6',
    '--mauve-encoder',
    place.model,
    '--mauve-reference',
    reference,
  ];
  const printed = await synthesize(release, ...args, '--out', out);
  expect(printed).toContain('MAUVE, public texts');
  expect(await jsonOf(join(out, 'sheet.json'))).toMatchObject({
    likeness: { encoder: 'model', caution: expect.stringContaining('are few') as string },
  });
  expect(await readFile(join(out, 'README.md'), 'utf8')).toContain('MAUVE (1: alike)');
});

test('private figures are printed where asked', async () => {
  const printed = await synthesize(free, '-n', '2', '--show-private', '--out', newOut());
  expect(printed).toContain('shared runs of 8 words');
});

describe('is refused before anything is written:', () => {
  test.each<[string, () => Promise<string[]>, RegExp]>([
    ['a classifier without labels', async () => ['--downstream', classifier], /label/],
    [
      'other labels',
      async () => ['--downstream', classifier, '--label', 'sad', '--label', 'angry'],
      /label=sad, angry/,
    ],
    ['one label', async () => ['--label', 'sad'], /must be two at least/],
    ['a template without a label', async () => [...moods, '--template', 'x'], /template=x/],
    [
      'a test file that the model learnt from',
      async () => [
        ...moods,
        '--downstream',
        await tinyJobFile(place, { data: { train: 'test.csv', test: 'train.csv' } }),
      ],
      /data.test=.*train.csv: is the training file/,
    ],
    [
      'no test file',
      async () => [
        ...moods,
        '--downstream',
        await tinyJobFile(place, { data: { test: undefined, split: { test: 0.2 } } }),
      ],
      /data.test is missing/,
    ],
    [
      'labels that are counted',
      async () => [...moods, '--downstream', await tinyJobFile(place, { data: { labels: undefined } })],
      /data.labels is missing/,
    ],
    [
      'another task',
      async () => [
        ...moods,
        '--downstream',
        await tinyJobFile(place, {
          task: 'regression',
          data: { labels: undefined, columns: { label: 'score' } },
        }),
      ],
      /task classification/,
    ],
    ['a comparison of nothing', async () => ['--compare-real'], /compare-real: needs a classifier/],
    ['too few texts for MAUVE', async () => ['--mauve-encoder', place.model], /number=5: must be 20/],
    ['a public file without an encoder', async () => ['--mauve-reference', 'x'], /mauve-encoder/],
  ])('%s', async (_, args, message) => {
    const out = newOut();
    await expect(synthesize(writer, '-n', '5', '--out', out, ...(await args()))).rejects.toThrow(message);
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });

  test.each([
    ['--mauve-encoder', () => ['--mauve-encoder', place.model]],
    ['--compare-real', () => [...moods, '--downstream', classifier, '--compare-real']],
  ])('%s where the private half is not here', async (option, args) => {
    const alone = join(place.root, `release-${option}`);
    cpSync(join(writer, 'release'), alone, { recursive: true });
    const asked = [
      '-n',
      '20',
      ...moods.slice(option === '--compare-real' ? 4 : 0),
      '--out',
      newOut(),
      ...args(),
    ];
    await expect(synthesize(alone, ...asked)).rejects.toThrow(
      `${option.slice(2)}: compares with private data`,
    );
  });
});
