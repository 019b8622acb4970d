import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { seededStream } from '../../privacy/index.ts';
import {
  estimateCost,
  openClassifier,
  openJobModel,
  planJob,
  readPlanFile,
  writeJson,
} from '../../src/train/index.ts';
import {
  byWriter,
  csvOf,
  filesIn,
  jsonOf,
  largestDifference,
  linesOf,
  madeUpRows,
  newRun,
  recorder,
  releasedWeights,
  runJob,
  tensorsIn,
  tinyJob,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
beforeAll(async () => {
  await writeFile(join(place.root, 'public.csv'), csvOf(madeUpRows(12, 'public')));
  await writeFile(join(place.root, 'public.txt'), 'bright stone road\ncold lamp\ngrim table paper door\n');
});

const publicValidation: JobSettings = {
  data: { validation: { path: 'public.csv', public: true } },
  evaluate: { everySteps: 1 },
};
const twoPhases: JobSettings = {
  train: {
    method: undefined,
    steps: undefined,
    phases: [
      { name: 'head', method: 'head', steps: 3 },
      { name: 'adapters', method: 'lora', steps: 4, learningRate: 0.01, lora: { rank: 2 } },
    ],
  },
};

type Figures = Record<string, Record<string, number>>;

describe('two phases', () => {
  test('are both charged, released together, and compared with the frozen encoder', async () => {
    const out = newRun(place);
    const observer = recorder();
    const finished = await runJob(await tinyJob(place, twoPhases), out, { observer });
    expect(finished.steps).toBe(7);
    expect(observer.steps.map(({ phase }) => phase)).toEqual([
      ...Array.from({ length: 4 }, () => 'head'),
      ...Array.from({ length: 5 }, () => 'adapters'),
    ]);
    expect(Object.keys(finished.metrics)).toEqual(['private', 'majority', 'frozen']);
    expect(await filesIn(join(out, 'release', 'adapter'))).toHaveLength(3);
    const spent = observer.steps.map(({ epsilon }) => epsilon);
    expect(spent).toEqual(spent.toSorted((a, b) => a - b));
    expect(spent[0]).toBe(0);
  });

  test('the second begins where the first ended', async () => {
    const out = newRun(place);
    const still = {
      train: { ...(twoPhases['train'] as object), learningRate: 0.1 },
      privacy: { clipping: { norm: 1 } },
    };
    const config = await tinyJob(place, still, {
      train: {
        phases: [
          { name: 'head', method: 'head', steps: 3 },
          { name: 'rest', method: 'last', layers: 1, steps: 1, learningRate: 1e-12 },
        ],
      },
    });
    const finished = await runJob(config, out, { stream: seededStream(3) });
    const { nonPrivate, frozen } = finished.metrics as Figures;
    expect(nonPrivate!['loss']).toBeCloseTo(frozen!['loss']!, 5);
  });

  test('must agree on their adapters', async () => {
    const phases = [
      { name: 'a', method: 'lora', steps: 2, lora: { rank: 2 } },
      { name: 'b', method: 'lora', steps: 2, lora: { rank: 4 } },
    ];
    const config = await tinyJob(place, { train: { method: undefined, steps: undefined, phases } });
    await expect(runJob(config, newRun(place))).rejects.toThrow(/lora/);
  });
});

describe('public validation data', () => {
  test('ends training early; the whole plan stays charged in epsilon', async () => {
    const out = newRun(place);
    const worse = { learningRate: 50, steps: 30, earlyStopping: { patience: 2 } };
    const observer = recorder();
    const finished = await runJob(await tinyJob(place, publicValidation, { train: worse }), out, {
      observer,
    });
    expect(finished.steps).toBeLessThan(30);
    expect(await linesOf(join(out, 'private', 'journal.ndjson'))).toHaveLength(finished.steps);
    const plan = await jsonOf<{ privacy: { epsilon: number } }>(join(out, 'release', 'plan.json'));
    expect(finished.epsilon).toBe(plan.privacy.epsilon);
    expect(observer.events.filter(({ event }) => event === 'validation')).toHaveLength(finished.steps);
  });

  test('chooses the best checkpoint', async () => {
    const [last, best] = [newRun(place), newRun(place)];
    const rising = { train: { steps: 8, learningRate: 5, schedule: { kind: 'constant' } } };
    const observer = recorder();
    const end = await runJob(await tinyJob(place, publicValidation, rising), last, {
      stream: seededStream('same'),
    });
    const config = await tinyJob(place, publicValidation, rising, { train: { keepBest: true } });
    const kept = await runJob(config, best, { observer, stream: seededStream('same') });
    const seen = observer.events.map(({ metrics }) => (metrics as { loss: number }).loss);
    expect(validationLoss(kept.metrics)).toBeCloseTo(Math.min(...seen), 5);
    expect(validationLoss(end.metrics)).toBeCloseTo(seen.at(-1)!, 5);
    expect(validationLoss(end.metrics)).toBeGreaterThan(validationLoss(kept.metrics));
  });

  test('lowers the rate on a plateau', async () => {
    const [even, falling] = [newRun(place), newRun(place)];
    const steep = { steps: 8, learningRate: 5 };
    const constant = { train: { ...steep, schedule: { kind: 'constant' } } };
    const plateau = { train: { ...steep, schedule: { kind: 'plateau', patience: 1, factor: 1e-6 } } };
    await runJob(await tinyJob(place, publicValidation, constant), even, { stream: seededStream('same') });
    await runJob(await tinyJob(place, publicValidation, plateau), falling, { stream: seededStream('same') });
    expect(largestDifference(await releasedWeights(even), await releasedWeights(falling))).toBeGreaterThan(
      0.1,
    );
  });
});

function testLoss(metrics: unknown): number {
  return (metrics as Figures)['nonPrivate']!['loss']!;
}

function validationLoss(metrics: unknown): number {
  return (metrics as Figures)['validation']!['loss']!;
}

/** The head's weights as a run ended. */
async function headOf(out: string): Promise<Float32Array> {
  return (await tensorsIn(join(out, 'private', 'checkpoint.safetensors')))['value/head.weight']!;
}

test('averaged weights are those of the formula, on the way of the others', async () => {
  const [plain, averaged] = [newRun(place), newRun(place)];
  const settings = { train: { steps: 3 }, checkpoint: { everySteps: 1 } };
  const path: Float32Array[] = [];
  for (const steps of [1, 2, 3]) {
    const out = newRun(place);
    const constant = { train: { steps, schedule: { kind: 'constant' } } };
    await runJob(await tinyJob(place, settings, constant), out, { nonPrivate: true });
    path.push(await headOf(out));
  }
  const constant = { train: { schedule: { kind: 'constant' }, average: 0.5 } };
  await runJob(await tinyJob(place, settings, constant), averaged, { nonPrivate: true });
  await runJob(await tinyJob(place, settings), plain, { nonPrivate: true });
  // Weights of the past: min(0.5, (1 + t) / (10 + t)) = 1/10, 2/11, 3/12; at first it is the zero head.
  const expected = path[0]!.map((_, i) => {
    let average = 0;
    for (const [t, values] of path.entries()) average += (1 - (1 + t) / (10 + t)) * (values[i]! - average);
    return average;
  });
  const found = await headOf(averaged);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  expect(largestDifference({ x: found }, { x: path[2]! })).toBeGreaterThan(1e-3);
});

describe('retention', () => {
  const asked: JobSettings = { evaluate: { retention: 'public.txt' } };
  test('is the same before and after where the encoder did not change', async () => {
    const { metrics } = await runJob(await tinyJob(place, asked), newRun(place));
    const { before, after, reason } = metrics['retention'] as {
      before: number;
      after: number;
      reason: unknown;
    };
    expect(reason).toBeNull();
    expect(before).toBeGreaterThan(0);
    expect(after).toBe(before);
  });

  test('differs where it did, merged adapters included', async () => {
    for (const method of ['full', 'lora']) {
      const config = await tinyJob(place, asked, { train: { method, learningRate: 0.1 } });
      const { before, after } = (await runJob(config, newRun(place))).metrics['retention'] as Record<
        string,
        number
      >;
      expect(Math.abs(after! - before!)).toBeGreaterThan(1e-3);
    }
  });
});

const headAround = (method: string): Record<string, unknown> => ({
  method: undefined,
  steps: undefined,
  phases: [
    { name: 'before', method: 'head', steps: 2 },
    {
      name: 'between',
      method,
      steps: 2,
      learningRate: 0.05,
      ...(method === 'lora' && { lora: { rank: 2 } }),
    },
    { name: 'after', method: 'head', steps: 2 },
  ],
});

test.each<[string, Record<string, unknown>]>([
  ['a head', {}],
  ['the last layer', { method: 'last', layers: 1 }],
  ['a head before and after all weights', headAround('full')],
  ['a head before and after adapters', headAround('lora')],
])('cached activations change the outputs by rounding only, for %s', async (_, train) => {
  const [cached, fresh] = [newRun(place), newRun(place)];
  const observer = recorder();
  await runJob(await tinyJob(place, { train }), cached, { nonPrivate: true, observer });
  await runJob(await tinyJob(place, { train, performance: { cache: false } }), fresh, { nonPrivate: true });
  expect(observer.stages).toContain('frozen layers');
  expect(existsSync(join(cached, 'private', 'activations'))).toBe(true);
  expect(existsSync(join(fresh, 'private', 'activations'))).toBe(false);
  expect(largestDifference(await releasedWeights(cached), await releasedWeights(fresh))).toBeLessThan(1e-4);
});

test("a released model gives the run's own figures", async () => {
  const out = newRun(place);
  // Cut short, so that a classifier that reads on would give others.
  const settings = { data: { maxLength: 5 }, train: { method: 'lora', lora: { rank: 2 } } };
  const config = await tinyJob(place, settings);
  const { metrics } = await runJob(config, out);
  const classifier = await openClassifier(out);
  const again = await classifier.evaluate(config, config.data.test!);
  expect(again['loss']).toBeCloseTo((metrics as Figures)['private']!['loss']!, 4);
  expect(again['confusion']).toEqual(
    (metrics as Record<string, Record<string, unknown>>)['private']!['confusion'],
  );
  await classifier.close();
});

test.each(['mean', 'first', 'pooler'])('a model released with a %s head is gone on with', async (head) => {
  const [first, second] = [newRun(place), newRun(place)];
  const before = await runJob(await tinyJob(place, { train: { head, learningRate: 0.01 } }), first, {
    nonPrivate: true,
  });
  const still = { head: 'checkpoint', steps: 1, learningRate: 1e-12 };
  const config = await tinyJob(place, { model: join(first, 'release', 'model'), train: still });
  const after = await runJob(config, second, { nonPrivate: true });
  expect(testLoss(after.metrics)).toBeCloseTo(testLoss(before.metrics), 4);
  expect(testLoss(after.metrics)).not.toBeCloseTo(Math.LN2, 4);
});

describe('a plan made before', () => {
  test('is what runs', async () => {
    const config = await tinyJob(place);
    const path = join(place.root, 'plan.json');
    const model = await openJobModel(config);
    await writeJson(path, await planJob(config, model, 120));
    await model.directory.close();
    const out = newRun(place);
    await runJob(config, out, { plan: await readPlanFile(path) });
    expect(await readFile(join(out, 'release', 'plan.json'), 'utf8')).toBe(await readFile(path, 'utf8'));
    // Released by a run that is not private, it is the same plan under a stamp.
    const stamped = newRun(place);
    await runJob(config, stamped, { nonPrivate: true });
    expect(await readPlanFile(join(stamped, 'release', 'plan.json'))).toEqual(await readPlanFile(path));
  });

  test('is refused for another job, before anything is written', async () => {
    const plan = await readPlanFile(join(place.root, 'plan.json'));
    const out = newRun(place);
    const other = await tinyJob(place, { train: { learningRate: 0.2 } });
    await expect(runJob(other, out, { plan })).rejects.toMatchObject({
      code: 'drift',
      message: expect.stringContaining('learningRate: 0.1 -> 0.2') as string,
    });
    expect(existsSync(out)).toBe(false);
  });
});

describe('refused before anything is spent or written:', () => {
  test.each<[string, JobSettings, RegExp]>([
    ['an unknown metric', { evaluate: { metrics: ['acuracy'] } }, /evaluate\.metrics=acuracy/],
    [
      'an unknown metric to stop by',
      { ...publicValidation, train: { earlyStopping: { metric: 'f1' } } },
      /metric=f1/,
    ],
    ['a public text that is not there', { evaluate: { retention: 'absent.txt' } }, /evaluate\.retention/],
    ['more layers than there are', { train: { method: 'last', layers: 3 } }, /last=3/],
    ['an adapter on nothing', { train: { method: 'lora', lora: { targets: ['qwery'] } } }, /qwery/],
    ['an absent data file', { data: { test: 'absent.csv' } }, /absent\.csv/],
    ['a delta that is too large', { privacy: { delta: 0.1 } }, /delta=0\.1/],
  ])('%s', async (_, settings, message) => {
    const out = newRun(place);
    await expect(tinyJob(place, settings).then((config) => runJob(config, out))).rejects.toThrow(message);
    expect(existsSync(out)).toBe(false);
  });

  test('a directory in which something lies', async () => {
    const config = await tinyJob(place);
    const out = newRun(place);
    await mkdir(join(out, 'release'), { recursive: true });
    await writeFile(join(out, 'release', 'notes.txt'), 'private');
    await expect(runJob(config, out)).rejects.toThrow(/is not empty/);
    const used = newRun(place);
    await runJob(config, used);
    await expect(runJob(config, used)).rejects.toThrow(/a run lies there already/);
  });
});

test('private figures of each step are shown where the user asks for them, and only there', async () => {
  const [quiet, open] = [recorder(), recorder()];
  const config = await tinyJob(place);
  await runJob(config, newRun(place), { observer: quiet });
  await runJob(config, newRun(place), { observer: open, showPrivate: true });
  const shown = ({ notes }: typeof quiet) => notes.filter((note) => note.includes('"loss"'));
  expect(shown(quiet)).toEqual([]);
  expect(shown(open)).toHaveLength(6);
  expect(shown(open).every((note) => note.includes('(private)'))).toBe(true);
});

describe('the cost of a run is estimated', () => {
  test.each<[string, JobSettings, number]>([
    ['for a head', {}, 2],
    ['for users', { ...byWriter, train: { method: 'full' } }, 2],
    [
      'for several labels',
      { task: 'multi-label', data: { columns: { label: 'traits' }, labels: ['happy', 'long'] } },
      2,
    ],
    ['for a number', { task: 'regression', data: { columns: { label: 'score' }, labels: undefined } }, 1],
    ['for phases', twoPhases, 2],
    ['with dropout', { train: { method: 'lora', dropout: 0.1, lora: { dropout: 0.1 } } }, 2],
  ])('%s', async (_, settings, labels) => {
    const config = await tinyJob(place, settings);
    const model = await openJobModel(config);
    const plan = await planJob(config, model, config.privacy.publicSize as number);
    const cost = await estimateCost(config, plan, model, labels);
    await model.directory.close();
    expect(cost.phases.map(({ name }) => name)).toEqual(plan.training.map(({ name }) => name));
    for (const { trainable, stepSeconds, frozenSeconds } of cost.phases) {
      expect(trainable).toBeGreaterThan(0);
      expect(stepSeconds).toBeGreaterThan(0);
      expect(stepSeconds).toBeLessThan(10);
      expect(frozenSeconds).toBeGreaterThanOrEqual(0);
    }
    expect(cost.seconds).toBeCloseTo(
      cost.phases.reduce((sum, phase) => sum + phase.seconds, 0),
      9,
    );
    expect(cost.peakMemory).toBeGreaterThan(1e7);
  });
});

test('the budget asked for is met when the noise is calibrated to it', async () => {
  const config = await tinyJob(place, { privacy: { noiseMultiplier: undefined, epsilon: 4 } });
  const { epsilon } = await runJob(config, newRun(place));
  expect(epsilon).toBeLessThanOrEqual(4);
  expect(epsilon).toBeGreaterThan(4 * 0.995);
});
