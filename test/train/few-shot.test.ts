import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { epsilonOf } from '../../privacy/index.ts';
import { readReport, writeReport } from '../../src/report/index.ts';
import { readPlanFile } from '../../src/train/index.ts';
import { verify } from '../../src/verify/index.ts';
import { jsonOf, newRun, runJob, tinyJob } from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
let run: string;
const few = {
  data: { fewShot: 12 },
  privacy: { publicSize: 'auto', noiseMultiplier: 3 },
  train: { batchSize: 6 },
};

beforeAll(async () => {
  run = newRun(place);
  await runJob(await tinyJob(place, few), run);
  await writeReport(run);
});

describe('a job with a few records of each class', () => {
  test('G8: claims add or remove one for what replacing one costs', async () => {
    const { privacy, sizeSource } = await readPlanFile(join(run, 'release', 'plan.json'));
    expect(privacy).toMatchObject({
      relation: 'add-or-remove-one',
      publicSize: 24,
      selection: { perClass: 12, classes: 2, seed: 0 },
      phases: [{ samplingRate: 0.25, divisor: 6 }],
    });
    expect(sizeSource).toBe('declared');
    const event = {
      kind: 'self-composed',
      count: 6,
      event: { kind: 'poisson-sampled', rate: 0.25, event: { kind: 'gaussian', noiseMultiplier: 3 } },
    } as const;
    const epsilonUnder = (relation: 'replace-one' | 'add-or-remove-one') =>
      epsilonOf(event, { delta: 1e-4, relation }).epsilon.upper;
    expect(privacy.epsilon).toBeCloseTo(epsilonUnder('replace-one'), 9);
    expect(privacy.epsilon).toBeGreaterThan(1.5 * epsilonUnder('add-or-remove-one'));
  });

  test('trains on that many, and keeps what the file holds to itself', async () => {
    const data = await jsonOf<{ rows: number; records: number; labels: Record<string, number> }>(
      join(run, 'private', 'data.json'),
    );
    expect(data).toMatchObject({ records: 24, labels: { sad: 12, happy: 12 } });
    expect(data.rows).toBeGreaterThan(100);
    const report = await readFile(join(run, 'release', 'report.json'), 'utf8');
    expect(report).not.toMatch(new RegExp(`\\b${data.rows}\\b`));
  });

  test('is reported and verified', async () => {
    const report = await readReport(run);
    expect(report.dataset).toMatchObject({ publicSize: 24, selection: { perClass: 12, classes: 2 } });
    expect(report.unit.truncation).toContain('the first 12 records by a public order take part, 24 in all');
    expect(report.claim).toMatchObject({ relation: 'add-or-remove-one' });
    const texts = 'assumptions' in report.accounting ? report.accounting.assumptions : [];
    expect(texts.map(({ text }) => text)).toContain(
      'One record of the training file more or fewer replaces at most one of the records that take part.',
    );
    const { checks } = await verify(run);
    expect(checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    expect(checks.find(({ id }) => id === 'accountant')?.outcome).toBe('passed');
  });

  test('canaries join the selected, and are no part of the public size', async () => {
    const audited = newRun(place);
    await runJob(await tinyJob(place, few, { audit: { canaries: 20, guesses: 10 } }), audited);
    const { privacy } = await readPlanFile(join(audited, 'release', 'plan.json'));
    expect(privacy.publicSize).toBe(24);
    expect(await jsonOf(join(audited, 'private', 'data.json'))).toMatchObject({ records: 24 });
  });

  test('label words name the classes as data.labels does, and the same records take part', async () => {
    const byWords = {
      data: { labels: undefined },
      train: {
        head: 'verbalizer',
        verbalizer: { template: '{text} {mask}', words: { sad: 'paper', happy: 'stone' } },
      },
    };
    const config = await tinyJob(place, few, byWords);
    expect(config.data.labels).toBe('auto');
    const worded = newRun(place);
    await runJob(config, worded);
    const { privacy, sizeSource } = await readPlanFile(join(worded, 'release', 'plan.json'));
    expect(privacy).toMatchObject({ publicSize: 24, selection: { perClass: 12, classes: 2 } });
    expect(sizeSource).toBe('declared');
    expect(await jsonOf(join(worded, 'private', 'data.json'))).toMatchObject({
      records: 24,
      labels: { sad: 12, happy: 12 },
    });
    // One word more is one class more.
    const three = { train: { verbalizer: { words: { sad: 'paper', happy: 'stone', calm: 'road' } } } };
    await expect(tinyJob(place, few, byWords, three, { privacy: { publicSize: 24 } })).rejects.toThrow(
      'is not the number of records that take part, 36',
    );
  });

  test('a plan that hides its selection is found out', async () => {
    const plan = await jsonOf<{ privacy: { selection?: unknown } }>(join(run, 'release', 'plan.json'));
    delete plan.privacy.selection;
    const { planOf } = await import('../../src/verify/plan.ts');
    expect(() => planOf(plan)).toThrow(/phases\[0\]\.population|epsilon/);
  });

  test.each([
    [{ data: { labels: undefined } }, 'data.fewShot: needs data.labels'],
    [{ privacy: { relation: 'replace-one' } }, 'one record may replace two of the selected'],
    [{ privacy: { publicSize: 25 } }, 'is not the number of records that take part, 24'],
    [
      { data: { columns: { unit: 'writer' } }, privacy: { unit: 'user' } },
      'a user with several records could change the selection',
    ],
    [
      { task: 'regression', data: { labels: undefined, columns: { label: 'score' } } },
      'has no effect with task=regression',
    ],
  ])('refuses %j', async (change, message) => {
    await expect(tinyJob(place, few, change)).rejects.toThrow(message);
  });
});
