import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { seededStream } from '../../privacy/index.ts';
import { resumeJob, trainJob } from '../../src/train/index.ts';
import {
  csvOf,
  filesIn,
  jsonOf,
  largestDifference,
  linesOf,
  madeUpRows,
  newRun,
  recorder,
  type Recorder,
  releasedWeights,
  resumeRun,
  runJob,
  tinyJob,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
beforeAll(async () => {
  await writeFile(join(place.root, 'public.csv'), csvOf(madeUpRows(12, 'public')));
});

/** Two phases with all that has a state: moments, averages, a schedule that listens, dropout. */
const everything: JobSettings = {
  data: { validation: { path: 'public.csv', public: true } },
  train: {
    method: undefined,
    steps: undefined,
    average: 0.8,
    schedule: { kind: 'plateau', patience: 1 },
    optimizer: { kind: 'adamw', weightDecay: 0.01 },
    phases: [
      { name: 'head', method: 'head', steps: 5 },
      { name: 'all', method: 'full', steps: 6, learningRate: 0.5, dropout: 0.1 },
    ],
  },
  evaluate: { everySteps: 1 },
};

/** Asks to stop during this stage, once so many steps were taken. */
function stoppedAt(stage: string, step: number): { observer: Recorder } {
  const observer = recorder();
  const stopping = () => observer.stages.at(-1) === stage && (observer.steps.at(-1)?.step ?? 0) >= step;
  return { observer: { ...observer, stopping } };
}

function interrupted(work: Promise<unknown>): Promise<void> {
  return expect(work).rejects.toMatchObject({ code: 'interrupted' });
}

function journalOf(run: string): Promise<Record<string, unknown>[]> {
  return linesOf(join(run, 'private', 'journal.ndjson'));
}

describe('an interrupted run', () => {
  test.each([
    ['of the last step: weights, moments, averages, schedule, dropout', {}],
    ['of the best', { train: { keepBest: true } }],
  ])('goes on bit for bit where there is no noise, to the weights %s', async (_, more) => {
    const [whole, parts] = [newRun(place), newRun(place)];
    const config = await tinyJob(place, everything, more);
    const before = await runJob(config, whole, { nonPrivate: true });
    await interrupted(runJob(config, parts, { nonPrivate: true, observer: recorder(2) }));
    await interrupted(resumeRun(parts, { observer: recorder(5) }));
    await interrupted(resumeRun(parts, { observer: recorder(7) }));
    await interrupted(resumeRun(parts, { observer: recorder(8) }));
    const after = await resumeRun(parts);
    expect(largestDifference(await releasedWeights(parts), await releasedWeights(whole))).toBe(0);
    expect(after.metrics).toEqual(before.metrics);
    expect(after.steps).toBe(11);
    expect(await journalOf(parts)).toEqual(await journalOf(whole));
  });

  test('loses nothing where it was stopped outside of a step', async () => {
    const [whole, parts] = [newRun(place), newRun(place)];
    const phases = [
      { name: 'head', method: 'head', steps: 3 },
      { name: 'last', method: 'last', layers: 1, steps: 3 },
    ];
    // No checkpoint on the way: what is stopped between the phases must save by itself.
    const settings = {
      train: { method: undefined, steps: undefined, phases },
      checkpoint: { everySteps: 100 },
    };
    const config = await tinyJob(place, settings);
    const before = await runJob(config, whole, { nonPrivate: true });
    await interrupted(runJob(config, parts, { nonPrivate: true, ...stoppedAt('frozen layers', 0) }));
    await interrupted(resumeRun(parts, stoppedAt('evaluation data', 3)));
    await interrupted(resumeRun(parts, stoppedAt('evaluation data', 6)));
    const after = await resumeRun(parts);
    expect(largestDifference(await releasedWeights(parts), await releasedWeights(whole))).toBe(0);
    expect(after.metrics['frozen']).toEqual(before.metrics['frozen']);
    expect(after.steps).toBe(6);
  });

  test('an evaluation on the way changes nothing, with averaged weights too', async () => {
    const job = { train: { method: 'last', layers: 1, average: 0.8 } };
    const [quiet, asked] = [newRun(place), newRun(place)];
    await runJob(await tinyJob(place, job), quiet, { nonPrivate: true });
    const evaluated = { ...job, data: everything['data'], evaluate: { everySteps: 1 } };
    await runJob(await tinyJob(place, evaluated), asked, { nonPrivate: true });
    expect(largestDifference(await releasedWeights(asked), await releasedWeights(quiet))).toBe(0);
  });

  test("G23: takes and charges the plan's steps, no more, whatever was interrupted", async () => {
    const out = newRun(place);
    const config = await tinyJob(place);
    await interrupted(runJob(config, out, { observer: recorder(2) }));
    await interrupted(resumeRun(out, { observer: recorder(5) }));
    const finished = await resumeRun(out);
    expect(finished.steps).toBe(6);
    const steps = Array.from({ length: 6 }, (_, step) => ({ phase: 'head', step: step + 1 }));
    expect(await journalOf(out)).toEqual(steps);
    expect((await linesOf(join(out, 'private', 'steps.ndjson'))).map(({ step }) => step)).toEqual([
      1, 2, 3, 4, 5, 6,
    ]);
  });

  test('G23: steps that were charged and lost in a crash are not taken again', async () => {
    const out = newRun(place);
    await interrupted(runJob(await tinyJob(place), out, { observer: recorder(2) }));
    const journal = join(out, 'private', 'journal.ndjson');
    const lost = '{"phase":"head","step":3}\n{"phase":"head","step":4}\n{"phase":"he';
    await writeFile(journal, lost, { flag: 'a' });
    await resumeRun(out);
    expect((await linesOf(join(out, 'private', 'steps.ndjson'))).map(({ step }) => step)).toEqual([
      1, 2, 5, 6,
    ]);
    expect(await journalOf(out)).toHaveLength(6);
  });

  test('G11: a resumed run draws new noise', async () => {
    const [out, copy] = [newRun(place), newRun(place)];
    await interrupted(runJob(await tinyJob(place), out, { observer: recorder(3) }));
    await cp(out, copy, { recursive: true });
    await resumeRun(out);
    await resumeRun(copy);
    expect(largestDifference(await releasedWeights(out), await releasedWeights(copy))).toBeGreaterThan(0.01);
  });

  test('G11: neither goes on with a seed nor sheds one', async () => {
    const [secure, seeded] = [newRun(place), newRun(place)];
    const config = await tinyJob(place);
    await interrupted(runJob(config, secure, { observer: recorder(3) }));
    await expect(resumeRun(secure, { stream: seededStream(1) })).rejects.toThrow(/stream: .*secure/);
    await interrupted(runJob(config, seeded, { observer: recorder(3), stream: seededStream(1) }));
    await expect(resumeRun(seeded)).rejects.toThrow(/stream: .*seeded/);
    const finished = await resumeRun(seeded, { stream: seededStream(2) });
    expect(finished.epsilon).toBe(Infinity);
    expect(finished.metrics).toMatchObject({ notPrivate: true });
  });

  test('that was killed between its last step and its release is released', async () => {
    const out = newRun(place);
    const observer = recorder();
    const run = await trainJob(await tinyJob(place), { out, observer });
    await run.close();
    await rm(join(out, 'release', 'plan.json'));
    const finished = await resumeRun(out);
    expect(finished.steps).toBe(6);
    expect(await filesIn(join(out, 'release'))).toContain('metrics.json');
    expect(await jsonOf(join(out, 'release', 'plan.json'))).toMatchObject({ format: 'dptune-plan/1' });
  });

  test('that was finished is evaluated again and nothing else', async () => {
    const out = newRun(place);
    const before = await runJob(await tinyJob(place), out);
    const weights = await releasedWeights(out);
    const after = await resumeRun(out);
    expect(after.steps).toBe(6);
    expect(largestDifference(await releasedWeights(out), weights)).toBe(0);
    expect(after.metrics).toEqual(before.metrics);
  });

  test('goes on with its non-private twin, too', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, { evaluate: { baselines: ['majority', 'non-private'] } });
    const observer = recorder();
    let twin = false;
    const stopping = (): boolean => twin && (observer.steps.at(-1)?.step ?? 0) === 2;
    const note = (text: string): void => void (twin ||= text.includes('twin'));
    await interrupted(runJob(config, out, { observer: { ...observer, note, stopping } }));
    const finished = await resumeRun(out);
    expect(finished.rows.map((row) => row['model'])).toEqual(['private', 'majority', 'NOT PRIVATE twin']);
    expect(Object.keys(finished.metrics)).toEqual(['private', 'majority']);
    expect(await journalOf(join(out, 'private', 'non-private'))).toHaveLength(6);
  });

  test('of another process is left alone: the second to charge samples nothing', async () => {
    const out = newRun(place);
    await interrupted(runJob(await tinyJob(place), out, { observer: recorder(2) }));
    const observer = recorder();
    let other: Promise<unknown> | undefined;
    const step: typeof observer.step = (state) => {
      observer.step(state);
      const journal = join(out, 'private', 'journal.ndjson');
      if (state.step === 3) other = writeFile(journal, '{"phase":"head","step":4}\n', { flag: 'a' });
    };
    const slow = { ...observer, step };
    const going = resumeJob(out, { observer: slow });
    await expect(going).rejects.toMatchObject({
      code: 'drift',
      message: expect.stringContaining('Another process') as string,
    });
    await other;
    expect((await linesOf(join(out, 'private', 'steps.ndjson'))).at(-1)).toMatchObject({ step: 3 });
  });
});

describe('G26: resume refuses', () => {
  let out: string;
  beforeAll(async () => {
    out = newRun(place);
    await interrupted(runJob(await tinyJob(place), out, { observer: recorder(2) }));
  });

  type Stored = Record<
    string,
    Record<string, Record<string, unknown> & { phases?: Record<string, unknown>[] }>
  >;
  const changes: readonly (readonly [string, (start: Stored) => void, RegExp])[] = [
    [
      'sigma of the job',
      ({ config }) => void (config!['privacy']!['noiseMultiplier'] = 1.01),
      /noiseMultiplier: 1 -> 1.01/,
    ],
    [
      'C of the job',
      ({ config }) => void (config!['privacy']!['clipping'] = { kind: 'auto', norm: 2, gamma: 0.01 }),
      /clipping\.norm: 1 -> 2/,
    ],
    ['q of the job', ({ config }) => void (config!['train']!['batchSize'] = 21), /samplingRate/],
    ['T of the job', ({ config }) => void (config!['train']!['steps'] = 7), /steps: 6 -> 7/],
    [
      'the unit of the job',
      ({ config }) => {
        Object.assign(config!['privacy']!, { unit: 'user', maxRecordsPerUser: 1 });
        (config!['data']!['columns'] as Record<string, unknown>)['unit'] = 'writer';
      },
      /unit\.kind: "record" -> "user"/,
    ],
    [
      'sigma of the plan',
      ({ plan }) => void (plan!['privacy']!.phases![0]!['noiseMultiplier'] = 0.9),
      /phases\[0\]/,
    ],
    ['T of the plan', ({ plan }) => void (plan!['privacy']!.phases![0]!['steps'] = 60), /plan/],
    [
      "the mechanism's version",
      ({ plan }) => void ((plan!['privacy'] as Record<string, unknown>)['mechanism'] = 'dp-sgd/0'),
      /mechanism/,
    ],
    [
      'a column',
      ({ config }) => void ((config!['data']!['columns'] as Record<string, unknown>)['text'] = 'second'),
      /start\.json/,
    ],
    [
      'private made non-private',
      (start) => void ((start as Record<string, unknown>)['nonPrivate'] = true),
      /start\.json/,
    ],
  ];
  test.each(changes)('%s', async (_, change, message) => {
    const path = join(out, 'private', 'start.json');
    const text = await readFile(path, 'utf8');
    const start = JSON.parse(text) as Stored;
    change(start);
    await writeFile(path, JSON.stringify(start));
    await expect(resumeRun(out)).rejects.toMatchObject({
      code: 'drift',
      message: expect.stringMatching(message) as string,
    });
    await writeFile(path, text);
    expect(await journalOf(out)).toHaveLength(2);
  });

  test.each([
    ['data', 'train.csv', /data\.train/],
    ['test data', 'test.csv', /data\.test/],
    ['base weights', 'model/model.safetensors', /model\.files\[\d\]\.sha256/],
  ])('other %s', async (_, name, message) => {
    const path = join(place.root, name);
    const bytes = await readFile(path);
    const changed = Buffer.from(bytes);
    changed[changed.length - 2]! ^= 1;
    await writeFile(path, changed);
    await expect(resumeRun(out)).rejects.toMatchObject({
      code: 'drift',
      message: expect.stringMatching(message) as string,
    });
    await writeFile(path, bytes);
  });

  test('a checkpoint of another run', async () => {
    const other = newRun(place);
    await interrupted(
      runJob(await tinyJob(place, { train: { steps: 5 } }), other, { observer: recorder(2) }),
    );
    const copy = newRun(place);
    await cp(out, copy, { recursive: true });
    await cp(
      join(other, 'private', 'checkpoint.safetensors'),
      join(copy, 'private', 'checkpoint.safetensors'),
    );
    await expect(resumeRun(copy)).rejects.toMatchObject({
      code: 'drift',
      message: expect.stringContaining('checkpoint') as string,
    });
  });

  test('a journal that was edited', async () => {
    const copy = newRun(place);
    await cp(out, copy, { recursive: true });
    await writeFile(join(copy, 'private', 'journal.ndjson'), '{"phase":"head","step":2}\n');
    await expect(resumeRun(copy)).rejects.toThrow(/journal/);
  });

  test('nothing that did not change', async () => {
    expect((await resumeRun(out)).steps).toBe(6);
  });
});
