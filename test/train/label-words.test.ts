import { existsSync, mkdirSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { reproducibleRng, seededStream } from '../../privacy/index.ts';
import { templateParts, type Config } from '../../src/config/index.ts';
import { allUnits, lengthOf } from '../../src/data/index.ts';
import { loadTokenizer, openSafetensors, writeSafetensors, type Tokenizer } from '../../src/formats/index.ts';
import { openWriter } from '../../src/generate/index.ts';
import { architectureOf, buildNetwork, initialValues } from '../../src/models/index.ts';
import { writeReport } from '../../src/report/index.ts';
import { makeCanaries } from '../../src/train/canaries.ts';
import { openJob, openClassifier, openJobModel, planJob } from '../../src/train/index.ts';
import { createTemplateEncoder } from '../../src/train/label-words.ts';
import { verify } from '../../src/verify/index.ts';
import {
  byWriter,
  csvOf,
  jsonOf,
  madeUpRows,
  newRun,
  resumeRun,
  recorder,
  runJob,
  tensorsIn,
  tinyJob,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const shared = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const place = useWorkplace();
let vocabulary: string[];
beforeAll(async () => {
  vocabulary = (await readFile(join(place.model, 'vocab.txt'), 'utf8')).trim().split('\n');
  for (const [name, config] of Object.entries(decoders)) await writeDecoder(name, config);
});

const decoders = {
  gpt2: { n_embd: 16, n_layer: 2, n_head: 2, n_positions: 24 },
  llama: {
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 24,
  },
} as const;

/** A random decoder with the words of the workplace's BERT, and no token for padding in its configuration. */
async function writeDecoder(name: string, sizes: object): Promise<void> {
  const directory = join(place.root, name);
  mkdirSync(directory);
  const end = vocabulary.indexOf('[SEP]');
  const config = {
    model_type: name,
    vocab_size: vocabulary.length,
    initializer_range: 0.3,
    eos_token_id: end,
    ...sizes,
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  for (const file of ['vocab.txt', 'tokenizer_config.json'])
    await copyFile(join(place.model, file), join(directory, file));
  const { params } = buildNetwork({ architecture: architectureOf(config), task: 'causal-lm' });
  const rng = reproducibleRng(name);
  const tensors = params.map((spec) => ({ ...spec, data: initialValues(spec, rng) }));
  await writeSafetensors(join(directory, 'model.safetensors'), tensors);
}

/** A job by label words: two words that the made-up texts have nothing to do with. */
const byWords: JobSettings = {
  data: { labels: undefined },
  train: {
    method: 'full',
    head: 'verbalizer',
    verbalizer: { template: '{text} table {mask}', words: { sad: 'paper', happy: 'stone' } },
  },
};

const encoderOf = async (
  tokenizer: Tokenizer,
  family: 'encoder' | 'decoder',
  template: string,
  maxLength: number,
) =>
  createTemplateEncoder({ tokenizer, architecture: { family } as never, padId: 0 }, { template, maxLength });

/** Tokens as words, special ones without their brackets. */
const read = (ids: ArrayLike<number>) =>
  Array.from(ids, (id) => vocabulary[id]!.replace(/[[\]]/g, '')).join(' ');

const words = (changes: object, more: JobSettings = {}) => [
  byWords,
  {
    train: {
      verbalizer: { template: '{text} table {mask}', words: { sad: 'paper', happy: 'stone' }, ...changes },
    },
  },
  more,
];

const planned = async (made: Config) => {
  const model = await openJobModel(made);
  return planJob(made, model, 120).finally(() => model.directory.close());
};

describe('text in a template', () => {
  test('a long text loses its end, the template nothing; a mask in a text is left out', async () => {
    const tokenizer = await loadTokenizer(place.model);
    const one = await encoderOf(tokenizer, 'encoder', 'road {text}, table {mask}.', 9);
    const found = one.encode('lamp glass door bread');
    // Commas and full stops are unknown to this vocabulary.
    expect(read(found.ids)).toBe('CLS road lamp glass UNK table MASK UNK SEP');
    expect([found.truncated, found.unknown]).toEqual([true, 2]);
    expect(read(one.encode('lamp [MASK] glass').ids)).toBe('CLS road lamp glass UNK table MASK UNK SEP');
    expect(one.encode('lamp glass').truncated).toBe(false);
    expect([read(one.before), read(one.after)]).toEqual(['CLS road', 'UNK table MASK UNK SEP']);
    const two = await encoderOf(tokenizer, 'encoder', '{text} {mask} {textPair}', 8);
    expect(read(two.encode('lamp glass door bread', 'road paper').ids)).toBe(
      'CLS lamp glass door MASK road paper SEP',
    );
    const ends = await encoderOf(tokenizer, 'decoder', '{text} table {mask}', 4);
    expect(read(ends.encode('lamp glass door bread').ids)).toBe('CLS lamp glass table');
    await expect(encoderOf(tokenizer, 'encoder', '{text} table {mask}', 4)).rejects.toThrow(
      /data.maxLength=4: the template takes 4 tokens, which leaves no room/,
    );
  });

  const texts = ['a fine film', 'It is -- slow, and (far) too long!', '  naïve café 日本 ', ''];
  test.skipIf(!existsSync(shared)).each([
    ['tokenizers/bert-base-uncased', 'encoder', '{text} It was {mask}.'],
    ['tokenizers/bert-base-uncased', 'encoder', 'Review: {text} ({mask}) end'],
    ['tokenizers/gpt2', 'decoder', '{text} It was {mask}'],
    ['tokenizers/gpt2', 'decoder', 'Review: {text}\nIt was {mask}'],
    ['models/stories260K', 'decoder', '{text} It was {mask}'],
    ['models/stories260K', 'decoder', 'He said "{text}" and was {mask}'],
  ] as const)(
    '%s: the tokens are those of the whole text, %s %s (skipped where ../shared/data is absent)',
    async (path, family, template) => {
      const tokenizer = await loadTokenizer(join(shared, path));
      const encoder = await encoderOf(tokenizer, family, template, 100);
      for (const text of texts.filter((given) => given !== '' || !template.startsWith('{text} '))) {
        const whole = template.replace('{text}', text.trim());
        const expected =
          family === 'encoder'
            ? tokenizer.encode(whole.replace('{mask}', '[MASK]')).ids
            : [...tokenizer.opening, ...tokenizer.pieces(whole.replace(/ \{mask\}$/, ''))];
        expect([...(encoder.encode(text).ids as number[])]).toEqual([...expected]);
      }
    },
  );

  test('is cut where the text, its pair and the mask go', () => {
    expect(templateParts('A: {text}? {mask}, {textPair} ')).toEqual([
      { kind: 'literal', lead: '', text: 'A:' },
      { kind: 'text', lead: ' ' },
      { kind: 'literal', lead: '', text: '?' },
      { kind: 'mask', lead: ' ' },
      { kind: 'literal', lead: '', text: ',' },
      { kind: 'textPair', lead: ' ' },
    ]);
  });
});

describe('a job that is refused', () => {
  test.each([
    [
      [{ train: { head: 'verbalizer' } }],
      /train.verbalizer: missing; train.head=verbalizer needs it, such as/,
    ],
    [words({}, { train: { head: 'mean' } }), /train.verbalizer: has no effect with train.head=mean/],
    [words({}, { task: 'regression', data: { columns: { label: 'score' } } }), /is not task=regression/],
    [words({ template: '{text} table' }), /template: must have {text} and {mask} once each/],
    [words({ template: '{text} {mask} {textPair}' }), /template: has {textPair}; name its column/],
    [words({}, { data: { columns: { textPair: 'second' } } }), /template: must have {textPair} once/],
    [words({ words: { sad: 'paper', happy: 'paper' } }), /words: has paper twice/],
    [words({}, { data: { labels: ['sad', 'merry'] } }), /words: has no word for the class merry/],
    [
      words({ words: { sad: 'paper', happy: 'stone', no: 'road' } }, { data: { labels: ['sad', 'happy'] } }),
      /words: has a word for no/,
    ],
    [words({ words: { sad: 'paper', happy: undefined } }), /words/],
  ] as const)('as it is read %#', async (settings, message) => {
    await expect(tinyJob(place, ...settings)).rejects.toThrow(message);
  });

  test.each([
    [
      words({ words: { sad: 'paper', happy: 'gladness' } }),
      /words.happy=gladness: must be one token of model, and is not in its vocabulary/,
    ],
    [
      words({ words: { sad: 'paper', happy: 'stone lamp' } }),
      /happy=stone lamp: must be one token of model, and is 2 \(stone, lamp\)/,
    ],
    [words({ words: { sad: 'paper', happy: 'Paper' } }), /happy=Paper: is the same token as paper/],
    [
      words({ template: '{mask} {text}' }, { model: 'gpt2' }),
      /a gpt2 sees only what comes before a word. Let {mask} end it/,
    ],
  ] as const)('by the model %#', async (settings, message) => {
    await expect(planned(await tinyJob(place, ...settings))).rejects.toThrow(message);
  });

  test('without a language head', async () => {
    const bare = join(place.root, 'bare');
    mkdirSync(bare);
    for (const file of ['config.json', 'vocab.txt', 'tokenizer_config.json'])
      await copyFile(join(place.model, file), join(bare, file));
    const full = await tensorsIn(join(place.model, 'model.safetensors'));
    const file = await openSafetensors(join(place.model, 'model.safetensors'));
    const kept = [...file.tensors.values()].filter(({ name }) => !name.startsWith('cls.'));
    await writeSafetensors(
      join(bare, 'model.safetensors'),
      kept.map(({ name, shape }) => ({ name, shape, data: full[name]! })),
    );
    await file.close();
    await expect(planned(await tinyJob(place, byWords, { model: 'bare' }))).rejects.toThrow(
      /the checkpoint of bare has no masked-language-model head, which predicts words. Choose a model that has one/,
    );
  });
});

/** Logits of a run's released model for texts of the test file, and the run's own figures for it. */
async function figuresOf(run: string, config: Config) {
  const classifier = await openClassifier(run);
  try {
    return (await classifier.evaluate(config, config.data.test!)) as {
      accuracy?: number;
      mse?: number;
      loss?: number;
    };
  } finally {
    await classifier.close();
  }
}

describe.each([
  ['an encoder', { train: { batchSize: 60, steps: 100, learningRate: 0.005 } }],
  ['a decoder', { model: 'gpt2', train: { batchSize: 60, steps: 80, learningRate: 0.02 } }],
] as const)('%s that answers by label words', (_, settings) => {
  test('is trained, beats what it was before, is released with its words and opened again, and verified', async () => {
    const config = await tinyJob(place, byWords, { privacy: { noiseMultiplier: 0.3 } }, settings);
    const out = newRun(place);
    const { metrics, rows } = await runJob(config, out);
    expect(rows.map(({ model }) => model)).toEqual(['private', 'majority', 'untrained']);
    const accuracy = (name: string) => (metrics[name] as { accuracy: number }).accuracy;
    expect(accuracy('private')).toBeGreaterThan(0.8);
    expect(accuracy('untrained')).toBeLessThan(0.7);

    const isDecoder = 'model' in settings;
    const { verbalizer, head, model } = await jsonOf<Record<string, object>>(
      join(out, 'release', 'plan.json'),
    );
    expect(head).toBe('verbalizer');
    expect(verbalizer).toEqual({
      template: '{text} table {mask}',
      words: [
        { label: 'sad', word: 'paper', token: vocabulary.indexOf('paper') },
        { label: 'happy', word: 'stone', token: vocabulary.indexOf('stone') },
      ],
      maxLength: 16,
      model: isDecoder ? 'causal-lm' : 'masked-lm',
    });
    expect(model).toMatchObject({ reference: isDecoder ? 'gpt2' : 'model' });
    const written = await jsonOf(join(out, 'release', 'model', 'config.json'));
    expect(written['architectures']).toEqual([isDecoder ? 'GPT2LMHeadModel' : 'BertForMaskedLM']);
    expect(written['dptune']).toEqual({ head: 'verbalizer', task: 'single-label', verbalizer });
    expect((await figuresOf(out, config)).loss).toBeCloseTo((metrics['private'] as { loss: number }).loss, 5);

    const report = await writeReport(out);
    expect(report.report.labelWords).toEqual(verbalizer);
    const card = await readFile(join(out, 'release', 'README.md'), 'utf8');
    expect(card).toContain(`AutoModelFor${isDecoder ? 'CausalLM' : 'MaskedLM'}.from_pretrained('model')`);
    expect(card).toContain(`prompt = "{text} table${isDecoder ? '' : ' {mask}'}"`);
    expect(card).toContain("prompt = prompt.replace('{text}', 'your text')");
    const page = await readFile(join(out, 'release', 'report.html'), 'utf8');
    expect(page).toContain('sad = paper, happy = stone');
    const checked = await verify(out);
    expect(checked.checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });
});

describe('what goes with label words', () => {
  const lora = { train: { method: 'lora', steps: 3 } };

  test('an adapter of LoRA alone, with the words; none where the head trained, too', async () => {
    const out = newRun(place);
    await runJob(await tinyJob(place, byWords, lora), out);
    const adapter = join(out, 'release', 'adapter');
    expect(await jsonOf(join(adapter, 'adapter_config.json'))).toMatchObject({
      task_type: 'FEATURE_EXTRACTION',
      modules_to_save: null,
    });
    const names = Object.keys(await tensorsIn(join(adapter, 'adapter_model.safetensors')));
    expect(names.every((name) => /lora_[AB]\.weight$/.test(name))).toBe(true);
    const usage = await readFile(join(adapter, 'README.md'), 'utf8');
    expect(usage).toMatch(/AutoModelForMaskedLM[^]*tokenizer\.mask_token[^]*\[18, 21\]|AutoModelForMaskedLM/);
    expect(usage).toContain(`[${vocabulary.indexOf('paper')}, ${vocabulary.indexOf('stone')}]`);

    const both = newRun(place);
    const phases = [
      { name: 'head', method: 'head', steps: 2 },
      { name: 'lora', method: 'lora', steps: 2 },
    ];
    await runJob(await tinyJob(place, byWords, { train: { method: undefined, phases } }), both);
    expect(existsSync(join(both, 'release', 'adapter'))).toBe(false);
  });

  test('canaries in the same template, and an interrupted run that goes on', async () => {
    const config = await tinyJob(place, byWords, lora, { audit: { canaries: 20, guesses: 10 } });
    const { plan, model, stores } = await openJob(config);
    const canaries = await makeCanaries(config, plan.audit!, model, stores.train.labels);
    await model.directory.close();
    const mask = vocabulary.indexOf('[MASK]');
    for (const record of allUnits(canaries)) {
      const ids = canaries.ids.subarray(canaries.offsets[record], canaries.offsets[record + 1]);
      expect([...ids].filter((id) => id === mask)).toHaveLength(1);
      expect(ids.at(-2)).toBe(mask);
      expect(lengthOf(canaries, record)).toBeLessThanOrEqual(16);
    }
    const out = newRun(place);
    const stopping = runJob(config, out, { observer: recorder(2), stream: seededStream('words') });
    await expect(stopping).rejects.toThrow(/resume/);
    const { metrics } = await resumeRun(out, { stream: seededStream('words') });
    expect(Object.keys(metrics)).toEqual(['notPrivate', 'nonPrivate', 'majority', 'untrained']);
  });

  test('users, each with a few texts', async () => {
    const out = newRun(place);
    const { metrics } = await runJob(await tinyJob(place, byWords, byWriter, { train: { steps: 2 } }), out);
    expect(Object.keys(metrics)).toEqual(['private', 'majority', 'untrained']);
  });

  test('no head of a checkpoint: its template and words are to be given', async () => {
    const out = newRun(place);
    await runJob(await tinyJob(place, byWords, lora), out);
    const model = join(out, 'release', 'model');
    const again = runJob(await tinyJob(place, { model, train: { head: 'checkpoint' } }), newRun(place));
    await expect(again).rejects.toThrow(
      /this checkpoint answers by label words. Give train.head: verbalizer/,
    );
    await runJob(await tinyJob(place, byWords, lora, { model }), newRun(place));
  });
});

describe('a decoder that classifies by its last token', () => {
  test.each([
    ['gpt2', 'classification', { train: { method: 'lora' } }],
    ['llama', 'classification', { train: { method: 'head' }, data: { columns: { textPair: 'second' } } }],
    [
      'gpt2',
      'multi-label',
      {
        train: { method: 'last', layers: 1 },
        data: { labels: ['happy', 'long'], columns: { label: 'traits' } },
      },
    ],
    [
      'llama',
      'regression',
      { train: { method: 'lora' }, data: { labels: undefined, columns: { label: 'score' } } },
    ],
  ] as const)('%s, task %s, %j: trained, released, opened again', async (model, task, settings) => {
    const config = await tinyJob(place, { model, task, train: { head: 'auto', steps: 3 } }, settings);
    const out = newRun(place);
    const { metrics } = await runJob(config, out);
    const written = await jsonOf(join(out, 'release', 'model', 'config.json'));
    expect(written).toMatchObject({
      architectures: [`${model === 'gpt2' ? 'GPT2' : 'Llama'}ForSequenceClassification`],
      pad_token_id: vocabulary.indexOf('[PAD]'),
      dptune: { head: 'last-token' },
    });
    const found = await figuresOf(out, config);
    const own = metrics['private'] as { loss?: number; mse?: number };
    const name = task === 'regression' ? 'mse' : 'loss';
    expect(found[name]).toBeCloseTo(own[name]!, 5);
    await expect(openWriter(out)).rejects.toThrow(
      /this model classifies and does not write. Use dptune predict/,
    );
  });

  test('learns, goes on from its own head, and its release passes verification', async () => {
    const quiet = {
      privacy: { noiseMultiplier: 0.3 },
      train: { method: 'full', steps: 40, learningRate: 0.02 },
    };
    const config = await tinyJob(place, { model: 'llama' }, quiet);
    const out = newRun(place);
    const { metrics } = await runJob(config, out);
    expect((metrics['private'] as { accuracy: number }).accuracy).toBeGreaterThan(0.8);
    await writeReport(out);
    const checked = await verify(out);
    expect(checked.checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    const released = join(out, 'release', 'model');
    // One more step of a rate that moves nothing: the head is the checkpoint's own.
    const slow = { train: { head: 'checkpoint', method: 'head', steps: 1, learningRate: 1e-9 } };
    const more = newRun(place);
    const again = await runJob(await tinyJob(place, { model: released }, slow), more);
    expect((again.metrics['private'] as { accuracy: number }).accuracy).toBe(
      (metrics['private'] as { accuracy: number }).accuracy,
    );
  });

  test('takes an empty text for one token of padding', async () => {
    const rows = madeUpRows(60, 'train').map((row, at) => ({ ...row, text: at % 7 === 0 ? '' : row.text }));
    await writeFile(join(place.root, 'gaps.csv'), csvOf(rows));
    const config = await tinyJob(place, {
      model: 'gpt2',
      data: { train: 'gaps.csv' },
      train: { method: 'lora', steps: 2 },
    });
    const { metrics } = await runJob(config, newRun(place));
    expect(Number.isFinite((metrics['private'] as { loss: number }).loss)).toBe(true);
    expect(dirname(config.data.train)).toBe(place.root);
  });
});
