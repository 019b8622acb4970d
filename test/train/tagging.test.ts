import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { requireNoViolation, auditRun } from '../../src/audit/index.ts';
import { findEntities, parseSentence } from '../../src/commands/predict-entities.ts';
import { readReport, writeReport } from '../../src/report/index.ts';
import { countUnits, openClassifier, openJobModel, estimateCost, planJob } from '../../src/train/index.ts';
import { openRelease, verifyRelease } from '../../src/verify/index.ts';
import {
  filesIn,
  jsonOf,
  newRun,
  releasedWeights,
  resumeRun,
  recorder,
  runJob,
  tinyJob,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
beforeAll(async () => {
  for (const [name, count] of [
    ['words', 120],
    ['held-out', 30],
  ] as const) {
    await writeFile(join(place.root, `${name}.jsonl`), sentences(count, name).map(lineOf).join('\n'));
  }
});

const moods = ['bright', 'calm', 'fresh', 'kind', 'bleak', 'cold', 'dull', 'grim'];
const things = ['bread', 'chair', 'door', 'field', 'glass', 'house', 'lamp', 'paper'];

/** Things are entities of one kind, moods before a thing belong to it. */
function sentences(count: number, seed: string) {
  const rng = reproducibleRng(seed);
  return Array.from({ length: count }, (_, index) => {
    const tokens: string[] = [];
    const tags: string[] = [];
    for (let part = 0; part < 1 + rng.integer(4); part++) {
      const mood = rng.uniform() < 0.5;
      if (mood) tokens.push(moods[rng.integer(8)]!);
      tokens.push(things[rng.integer(8)]!, moods[rng.integer(8)]!);
      tags.push(...(mood ? ['B-THING', 'I-THING'] : ['B-THING']), 'O');
    }
    return { writer: `writer-${index % 60}`, tokens, tags };
  });
}
const lineOf = (row: object): string => JSON.stringify(row);

const usual: JobSettings = {
  task: 'token-classification',
  data: {
    train: 'words.jsonl',
    test: 'held-out.jsonl',
    columns: { tokens: 'tokens', tags: 'tags', text: undefined, label: undefined },
    labels: ['O', 'B-THING', 'I-THING'],
  },
};

const methods: readonly (readonly [string, JobSettings])[] = [
  ['the head on cached states', {}],
  ['biases', { train: { method: 'bitfit' } }],
  ['the last layer', { train: { method: 'last', layers: 1 } }],
  ['all weights', { train: { method: 'full', dropout: 0.1 } }],
  [
    'adapters by automatic clipping',
    { train: { method: 'lora' }, privacy: { clipping: { kind: 'automatic' } } },
  ],
  [
    'users',
    {
      data: { columns: { unit: 'writer' } },
      privacy: { unit: 'user', maxRecordsPerUser: 2, publicSize: 60 },
    },
  ],
];

async function checksOf(run: string): Promise<Record<string, string>> {
  const release = await openRelease(run);
  const { checks } = await verifyRelease(release);
  return Object.fromEntries(checks.map(({ id, outcome }) => [id, outcome]));
}

describe('token classification, from end to end', () => {
  test.each(methods)('%s', async (_, settings) => {
    const out = newRun(place);
    const config = await tinyJob(place, usual, settings);
    await runJob(config, out);
    const metrics = await jsonOf<Record<string, Record<string, unknown>>>(
      join(out, 'release', 'metrics.json'),
    );
    expect(metrics['private']).toMatchObject({ records: 30 });
    expect(metrics['majority']).toMatchObject({ f1: 0, records: 30 });
    expect(metrics['private']!['tokenAccuracy']).toBeTypeOf('number');
    const { id2label, architectures } = await jsonOf(join(out, 'release', 'model', 'config.json'));
    expect({ id2label, architectures }).toEqual({
      id2label: { 0: 'O', 1: 'B-THING', 2: 'I-THING' },
      architectures: ['BertForTokenClassification'],
    });
    // What was released gives the very figures of the run.
    const opened = await openClassifier(out, { threads: 1 });
    const {
      loss,
      intervals: __,
      ...figures
    } = await opened.evaluate(config, join(place.root, 'held-out.jsonl'));
    expect(metrics['private']).toMatchObject(figures);
    expect(loss).toBeCloseTo(metrics['private']!['loss'] as number, 6);
    await opened.close();
  });
});

test('a model that has learnt finds entities, with their places in the text', async () => {
  const out = newRun(place);
  const train = { method: 'full', steps: 200, batchSize: 40, learningRate: 0.02 };
  // Without noise, so that the test always sees the same model.
  const { metrics } = await runJob(await tinyJob(place, usual, { train }), out, { nonPrivate: true });
  expect((metrics['nonPrivate'] as { f1: number }).f1).toBeGreaterThan(0.85);
  const opened = await openClassifier(out, { threads: 1 });
  const lines = ['Calm  bread dull', '{"tokens": ["bright", "lamp", "kind"]}', '', '{"text": "bread cold"}'];
  const found = await findEntities(
    opened,
    lines.map((line, at) => parseSentence(line, at + 1)),
  );
  await opened.close();
  expect(found).toMatchObject([
    {
      text: 'Calm  bread dull',
      entities: [{ text: 'Calm  bread', type: 'THING', start: 0, end: 11, words: [0, 2] }],
    },
    { text: 'bright lamp kind', entities: [{ text: 'bright lamp', start: 0, end: 11, words: [0, 2] }] },
    { text: '', entities: [] },
    { text: 'bread cold', entities: [{ text: 'bread', words: [0, 1] }] },
  ]);
  const [{ score }] = (found[0] as { entities: [{ score: number }] }).entities;
  expect(score).toBeGreaterThan(0.5);
});

test('texts are cut into words around punctuation, but not within numbers and names', () => {
  const { text, words } = parseSentence("Dr. O'Neil's e-mail: 3.5 mg (twice)", 1);
  expect(words.map((word) => word.text).join(' | ')).toBe(
    "Dr | . | O'Neil's | e-mail | : | 3.5 | mg | ( | twice | )",
  );
  expect(words.every((word) => text.slice(word.start, word.end) === word.text)).toBe(true);
  expect(parseSentence('{"tokens": ["a", "", "bc"]}', 1)).toEqual({
    text: 'a  bc',
    words: [
      { text: 'a', start: 0, end: 1 },
      { text: '', start: 2, end: 2 },
      { text: 'bc', start: 3, end: 5 },
    ],
  });
  expect(parseSentence('{not json', 1).text).toBe('{not json');
  expect(() => parseSentence('{"tokens": [3]}', 7)).toThrow(/input:7: no "tokens" and no "text"/);
});

describe('a private run', () => {
  let out: string;
  beforeAll(async () => {
    out = newRun(place);
    await runJob(await tinyJob(place, usual, { audit: { canaries: 30, guesses: 10 } }), out);
    await writeReport(out);
  });

  test('says so in its report, which verify confirms', async () => {
    const { utility, head, dataset } = await readReport(out);
    expect({ primary: utility.primary, head, task: dataset.task }).toEqual({
      primary: 'f1',
      head: 'token',
      task: 'token-classification',
    });
    const { figures } = utility.models.find(({ name }) => name === 'private')!;
    const f1 = figures.find(({ metric }) => metric === 'f1')!;
    expect(f1.value).toBeTypeOf('number');
    expect(figures.find(({ metric }) => metric === 'f1 of THING')!.value).toBe(f1.value);
    const checks = await checksOf(out);
    expect(Object.entries(checks).filter(([, outcome]) => outcome === 'failed')).toEqual([]);
    expect(checks).toMatchObject({ plan: 'passed', report: 'passed', renderings: 'passed' });
  });

  test('is audited with canaries whose words have random tags', async () => {
    const audited = await auditRun(out);
    expect(audited.results[0]).toMatchObject({ adversary: 'A1' });
    requireNoViolation({ ...audited, verdict: 'no violation found' });
    const { scores } = await jsonOf<{ scores: Record<string, number[]> }>(join(out, 'release', 'audit.json'));
    expect(scores['loss drop']).toHaveLength(30);
    expect(new Set(scores['loss drop']).size).toBeGreaterThan(20);
  });
});

test('an interrupted run goes on; its phases may be head and adapters, the first of which is the frozen baseline', async () => {
  const config = await tinyJob(place, usual, {
    train: {
      method: undefined,
      phases: [
        { name: 'head', method: 'head', steps: 4 },
        { name: 'adapters', method: 'lora', steps: 3 },
      ],
    },
    evaluate: { baselines: ['majority', 'frozen'] },
  });
  const out = newRun(place);
  await expect(runJob(config, out, { observer: recorder(2) })).rejects.toThrow(/interrupted|stopped|resume/i);
  await resumeRun(out);
  const metrics = await jsonOf<Record<string, Record<string, unknown>>>(join(out, 'release', 'metrics.json'));
  expect(Object.keys(metrics)).toEqual(['private', 'majority', 'frozen']);
  expect(metrics['frozen']!['f1']).toBeTypeOf('number');
  expect(await filesIn(join(out, 'release'))).toContain('adapter/adapter_model.safetensors');
});

test('a released model is a base model like any other, its head taken over where the job asks for it', async () => {
  const first = newRun(place);
  await runJob(await tinyJob(place, usual), first, { nonPrivate: true });
  const again: JobSettings = {
    ...usual,
    model: join(first, 'release', 'model'),
    train: { head: 'checkpoint', learningRate: 1e-12 },
  };
  const otherOrder = { data: { labels: ['O', 'I-THING', 'B-THING'] } };
  await expect(runJob(await tinyJob(place, usual, again, otherOrder), newRun(place))).rejects.toThrow(
    'in its order: ["O", "B-THING", "I-THING"]',
  );
  const second = newRun(place);
  await runJob(await tinyJob(place, usual, again), second, { nonPrivate: true });
  const [before, after] = [await releasedWeights(first), await releasedWeights(second)];
  expect(Math.max(...before['classifier.weight']!.map(Math.abs))).toBeGreaterThan(0.05);
  for (const [at, value] of after['classifier.weight']!.entries()) {
    expect(value).toBeCloseTo(before['classifier.weight']![at]!, 6);
  }
});

test('plan counts sentences, and measures what a run would cost', async () => {
  const config = await tinyJob(place, usual, { privacy: { publicSize: 'auto' } });
  expect(await countUnits(config)).toBe(120);
  const model = await openJobModel(config);
  const plan = await planJob(config, model, 120);
  expect(plan).toMatchObject({ task: 'token-classification', head: 'token' });
  const { phases } = await estimateCost(config, plan, model, 3);
  // 16 numbers and an offset for each of three tags.
  expect(phases[0]!.trainable).toBe(51);
  expect(phases[0]!.frozenSeconds).toBeGreaterThan(0);
  await model.directory.close();
});
