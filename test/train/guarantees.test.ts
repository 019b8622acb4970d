import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { seededStream } from '../../privacy/index.ts';
import { writeReport } from '../../src/report/index.ts';
import {
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
  type MadeUpRow,
  type Recorder,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
const rows = madeUpRows(60, 'train');

/** Every unit in every batch, plain steps of size 1: an update is the mean gradient itself. */
const plainSteps: JobSettings = {
  train: {
    head: 'first',
    batchSize: 120,
    steps: 1,
    learningRate: 1,
    schedule: { kind: 'constant' },
    optimizer: { kind: 'sgd', momentum: 0 },
  },
};

interface Outcome {
  readonly out: string;
  readonly head: Record<string, Float32Array>;
  readonly observer: Recorder;
}

let files = 0;

/** Trains on these rows; with `seed`, sampling and noise are the same each time. */
async function trained(
  data: readonly MadeUpRow[],
  seed: string | undefined,
  ...settings: JobSettings[]
): Promise<Outcome> {
  const name = `rows-${(files += 1)}.csv`;
  await writeFile(join(place.root, name), csvOf(data));
  const config = await tinyJob(place, ...settings, { data: { train: name } });
  const [out, observer] = [newRun(place), recorder()];
  const stream = seed === undefined ? {} : { stream: seededStream(seed) };
  await runJob(config, out, { observer, ...stream });
  return { out, observer, head: await parametersOf(out) };
}

/** What the last phase trained, and the optimizer's moments, exactly as the run ended. */
async function parametersOf(out: string): Promise<Record<string, Float32Array>> {
  const all = await tensorsIn(join(out, 'private', 'checkpoint.safetensors'));
  return Object.fromEntries(Object.entries(all).filter(([name]) => name.startsWith('value/')));
}

function flat(tensors: Readonly<Record<string, Float32Array>>): number[] {
  return Object.keys(tensors)
    .sort()
    .flatMap((name) => [...tensors[name]!]);
}

function norm(values: readonly number[]): number {
  return Math.hypot(...values);
}

function minus(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, i) => value - b[i]!);
}

function stepsOf(
  out: string,
): Promise<{ batch: number; loss: number | null; norm: number | null; dropped: number }[]> {
  return linesOf(join(out, 'private', 'steps.ndjson'));
}

/** What one step does to the head, on so many copies of the data. */
async function updateOf(copies: number): Promise<number[]> {
  const data = Array.from({ length: copies }, () => rows).flat();
  const { head, out } = await trained(data, 'same', plainSteps);
  expect((await stepsOf(out))[0]!.batch).toBe(120 * copies);
  return flat(head);
}

async function lossOf(out: string): Promise<number> {
  const metrics = await jsonOf<Record<string, Record<string, number>>>(join(out, 'release', 'metrics.json'));
  return metrics['nonPrivate']!['loss']!;
}

test("G10: the divisor is the plan's, whatever the batch was", async () => {
  // With q = 1 the sampler draws nothing, so the noise is the same: k copies of the data give (k S + N) / divisor.
  const [one, two, three] = [await updateOf(1), await updateOf(2), await updateOf(3)];
  const growth = minus(two, one);
  expect(norm(growth)).toBeGreaterThan(0.05);
  // Three roundings to the lattice, of 2^-10 of the noise at most, over a divisor of 120.
  expect(norm(minus(minus(three, two), growth))).toBeLessThan((4 * Math.sqrt(one.length)) / 1024 / 120);
});

describe('G3: a record whose gradient overflows', () => {
  const poisoned: MadeUpRow = { ...rows[0]!, writer: 'writer-999', score: 1e30 };
  const regression: JobSettings = {
    task: 'regression',
    data: { columns: { label: 'score' }, labels: undefined },
  };

  test('moves the update by at most C', async () => {
    const clean = await trained(rows, 'same', plainSteps, regression);
    const hit = await trained([...rows, poisoned], 'same', plainSteps, regression);
    const huge = await trained([...rows, { ...poisoned, score: 1e12 }], 'same', plainSteps, regression);
    const moved = (other: Outcome) => 120 * norm(minus(flat(other.head), flat(clean.head)));
    expect(moved(hit)).toBeLessThanOrEqual(1 + 1e-3);
    expect(moved(huge)).toBeLessThanOrEqual(1 + 1e-3);
    // Clipped, not dropped: the bound is met, so a bound of half of C would be seen to fail.
    expect(moved(huge)).toBeGreaterThan(0.99);
  });

  test('does not stop the run', async () => {
    const { out, head } = await trained([...rows, poisoned], 'same', regression, {
      train: { method: 'full', batchSize: 60 },
    });
    const steps = await stepsOf(out);
    expect(steps).toHaveLength(6);
    expect(steps.reduce((sum, { dropped }) => sum + dropped, 0)).toBeGreaterThan(0);
    expect(flat(head).every(Number.isFinite)).toBe(true);
  });
});

describe('G11:', () => {
  test('the same job twice has other noise, and its seed does not reach it', async () => {
    const [a, b] = [await trained(rows, undefined, plainSteps), await trained(rows, undefined, plainSteps)];
    // Every batch is the whole data, so that the noise is all that can differ.
    expect(norm(minus(flat(a.head), flat(b.head)))).toBeGreaterThan(0.02);
  });

  test('a run with seeded randomness is NOT PRIVATE everywhere', async () => {
    const { out, observer } = await trained(rows, 'seed', { train: { method: 'lora', lora: { rank: 2 } } });
    await writeReport(out);
    const text = (name: string) => readFile(join(out, 'release', name), 'utf8');
    expect(await text('README.md')).toMatch(/^# NOT PRIVATE/m);
    expect(await text('README.md')).toContain('not-private');
    expect(await text('adapter/README.md')).toContain('NOT PRIVATE');
    expect(await text('report.html')).toContain('<p class="stamp">NOT PRIVATE</p>');
    expect(await jsonOf(join(out, 'release', 'report.json'))).toMatchObject({
      status: { private: false, stamp: 'NOT PRIVATE' },
      claim: { value: null },
      meaning: { value: null },
    });
    for (const name of ['plan.json', 'metrics.json']) {
      expect(await jsonOf(join(out, 'release', name))).toMatchObject({ notPrivate: true });
    }
    expect(await jsonOf(join(out, 'release', 'metrics.json'))).not.toHaveProperty('private');
    expect(await jsonOf(join(out, 'release', 'model', 'config.json'))).toMatchObject({ not_private: true });
    expect(observer.steps.every(({ epsilon }) => epsilon === Infinity)).toBe(true);
  });

  test("a run with the system's randomness is not stamped", async () => {
    const { out, observer } = await trained(rows, undefined);
    for (const name of await filesIn(join(out, 'release'))) {
      expect(await readFile(join(out, 'release', name), 'latin1')).not.toMatch(/not.?private/i);
    }
    expect(observer.steps.at(-1)!.epsilon).toBeLessThan(Infinity);
  });
});

describe("G14: on the user's own job,", () => {
  const job: JobSettings = {
    train: {
      method: 'full',
      batchSize: 120,
      steps: 40,
      learningRate: 0.5,
      optimizer: { kind: 'sgd', momentum: 0 },
    },
  };
  test('noise of sigma = 1000 wrecks the model', async () => {
    const usual = await lossOf((await trained(rows, 'noise', job)).out);
    const wrecked = await lossOf(
      (await trained(rows, 'noise', job, { privacy: { noiseMultiplier: 1000 } })).out,
    );
    expect(usual).toBeLessThan(0.5);
    expect(wrecked).toBeGreaterThan(10);
  });

  test('a clipping norm near 0 freezes it', async () => {
    // With SGD: adaptive optimizers see gradients over C, so that their steps do not depend on C at all.
    const short: JobSettings = { train: { steps: 6 } };
    const { out } = await trained(rows, 'noise', job, short, { privacy: { clipping: { norm: 1e-9 } } });
    const base = await tensorsIn(join(place.model, 'model.safetensors'));
    expect(largestDifference(base, await releasedWeights(out))).toBeLessThan(1e-7);
    const moved = await trained(rows, 'noise', job, short);
    expect(largestDifference(base, await releasedWeights(moved.out))).toBeGreaterThan(0.01);
  });
});

test('G16: empty batches draw noise, take a step and are charged', async () => {
  const { out, head, observer } = await trained(
    rows,
    'empty',
    { privacy: { publicSize: 120_000, delta: 1e-6 } },
    plainSteps,
    { train: { batchSize: 1, steps: 20 } },
  );
  const steps = await stepsOf(out);
  expect(steps.map(({ batch }) => batch)).toEqual(Array.from({ length: 20 }, () => 0));
  expect(await linesOf(join(out, 'private', 'journal.ndjson'))).toHaveLength(20);
  expect(observer.steps.at(-1)).toMatchObject({ step: 20, steps: 20 });
  expect(observer.steps.at(-1)!.epsilon).toBeGreaterThan(0);
  // 20 draws of N(0, 1) over a divisor of 1, on 34 coordinates: 0.37 to 1.97 of the variance holds but once in 10,000.
  const values = flat(head);
  expect(values).toHaveLength(34);
  const ratio = norm(values) ** 2 / values.length / 20;
  expect(ratio).toBeGreaterThan(0.37);
  expect(ratio).toBeLessThan(1.97);
});

describe('G19: replay on D and on D without one unit', () => {
  // So much noise that a record's own part is a 1e-5 of it: what is left to differ is what must not.
  const job: JobSettings = {
    privacy: { noiseMultiplier: 1e5 },
    train: {
      method: 'last',
      layers: 1,
      batchSize: 120,
      steps: 8,
      learningRate: 1e-5,
      schedule: { kind: 'cosine', warmup: 0.2 },
      optimizer: { kind: 'sgd', momentum: 0.9 },
      average: 0.5,
    },
  };
  let whole: Outcome;
  let less: Outcome;
  beforeAll(async () => {
    whole = await trained(rows, 'replay', job);
    less = await trained(rows.slice(1), 'replay', job);
  });

  test('has the same steps, rates and divisor', async () => {
    const base = await tensorsIn(join(place.model, 'model.safetensors'));
    const start = Object.fromEntries(
      Object.entries(whole.head).map(([name, values]) => [
        name,
        base[name.slice('value/'.length)] ?? new Float32Array(values.length),
      ]),
    );
    const [a, b] = [flat(whole.head), flat(less.head)];
    const moved = norm(minus(a, flat(start)));
    expect(moved).toBeGreaterThan(0.1);
    // A rate or a divisor that differs by 1 % would show as 1e-2.
    expect(norm(minus(a, b)) / moved).toBeLessThan(1e-4);
  });

  test('logs the same, at the same steps', () => {
    expect(less.observer.steps).toEqual(whole.observer.steps);
    expect(less.observer.events).toEqual(whole.observer.events);
    expect(less.observer.notes.length).toBe(whole.observer.notes.length);
  });

  test('leaves the same files, and in release/ only weights and metrics differ', async () => {
    const names = await filesIn(join(whole.out, 'release'));
    expect(await filesIn(join(less.out, 'release'))).toEqual(names);
    const differing: string[] = [];
    for (const name of names) {
      const [a, b] = await Promise.all([whole, less].map(({ out }) => readFile(join(out, 'release', name))));
      if (!a!.equals(b!)) differing.push(name);
    }
    const mayDiffer = ['metrics.json', 'model/model.safetensors'];
    expect(differing.filter((name) => !mayDiffer.includes(name))).toEqual([]);
    const journals = await Promise.all(
      [whole, less].map(({ out }) => readFile(join(out, 'private', 'journal.ndjson'))),
    );
    expect(journals[0]!.equals(journals[1]!)).toBe(true);
  });
});

test('G29: release/ tells nothing that is private', async () => {
  const { out, observer } = await trained(rows, undefined, {
    data: { columns: { unit: 'writer' }, labels: ['sad', 'happy'] },
    privacy: { unit: 'user', maxRecordsPerUser: 2, publicSize: 60 },
    train: { method: 'lora', lora: { rank: 2 } },
  });
  await writeReport(out);
  const steps = await stepsOf(out);
  expect(steps.filter(({ loss }) => loss !== null).length).toBeGreaterThan(3);
  const secrets = [
    ...rows.flatMap(({ writer, text }) => [writer, text]),
    ...steps
      .flatMap(({ loss, norm: length }) => [loss, length])
      .filter((value) => value !== null)
      .map((value) => String(value).slice(0, 7)),
    createHash('sha256').update(csvOf(rows)).digest('hex'),
    place.root,
  ];
  for (const name of await filesIn(join(out, 'release'))) {
    const text = await readFile(join(out, 'release', name), 'latin1');
    const found = secrets.filter((secret) => text.includes(secret));
    expect({ name, found }).toEqual({ name, found: [] });
  }
  const told = JSON.stringify([
    observer.notes.filter((note) => !note.includes(place.root)),
    observer.events,
    observer.steps,
  ]);
  expect(secrets.filter((secret) => told.includes(secret))).toEqual([]);
});

describe('G28: private validation data', () => {
  test('is measured, in private/, and decides nothing', async () => {
    const { out } = await trained(rows, undefined, { data: { split: { validation: 0.2 } } });
    expect(await jsonOf(join(out, 'release', 'metrics.json'))).not.toHaveProperty('validation');
    const inside = await jsonOf<Record<string, Record<string, unknown>>>(
      join(out, 'private', 'comparison.json'),
    );
    expect(inside['validation (private)']!['accuracy']).toBeTypeOf('number');
  });

  test.each([
    ['early stopping', { train: { earlyStopping: { patience: 1 } } }],
    ['the best checkpoint', { train: { keepBest: true } }],
    ['a plateau', { train: { schedule: { kind: 'plateau' } } }],
  ])('is refused for %s', async (_, settings) => {
    const data = { data: { validation: 'test.csv', test: undefined } };
    await expect(tinyJob(place, settings, data)).rejects.toMatchObject({ code: 'config' });
  });
});
