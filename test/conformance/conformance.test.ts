import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DptuneError } from '../../privacy/index.ts';
import {
  checkConformance,
  efforts,
  requireConformance,
  type Conformance,
} from '../../src/conformance/index.ts';
import { openJob, trainJob, type ReadyJob } from '../../src/train/index.ts';
import { runCommand } from '../support/kill-process.ts';
import {
  byWriter,
  jsonOf,
  newRun,
  recorder,
  resumeRun,
  runJob,
  tinyJob,
  tinyJobFile,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();

const effort = { ...efforts.start, units: 4, steps: 8, trials: 1 << 18, observations: 2000 };
const check = (job: ReadyJob): Promise<Conformance> => checkConformance(job, effort);
/** What may differ between two runs is the noise's own. */
const details = ({ checks }: Conformance): string[] =>
  checks.map(({ detail }) => detail.replace(/at least [\d.]+ found/, ''));

async function conformanceOf(...settings: readonly JobSettings[]): Promise<Conformance> {
  const job = await openJob(await tinyJob(place, ...settings));
  try {
    return await checkConformance(job, effort);
  } finally {
    await job.model.directory.close();
  }
}

describe('G1, G2, G3, G6, G7, G9, G10, G11, G12, G14, G15, G16: tier 0 passes', () => {
  test.each([
    ['users, all weights, dropout', { ...byWriter, train: { method: 'full', dropout: 0.1 } }],
    [
      'adapters, then the head again',
      {
        train: {
          method: undefined,
          phases: [
            { name: 'adapters', method: 'lora', lora: { rank: 2 }, steps: 3 },
            { name: 'head', method: 'head', steps: 3 },
          ],
        },
      },
    ],
    [
      'one layer clipped by layers',
      {
        train: { method: 'last', layers: 1 },
        privacy: { clipping: { kind: 'per-layer', norm: 0.1 } },
      },
    ],
    [
      'numbers, automatic clipping, every unit in each batch',
      {
        task: 'regression',
        data: { columns: { label: 'score' }, labels: undefined },
        train: { method: 'bitfit', batchSize: 120, steps: 1 },
        privacy: { clipping: { kind: 'automatic', norm: 1, gamma: 0.01 } },
      },
    ],
  ] satisfies [string, JobSettings][])('%s', { timeout: 30_000 }, async (_, settings) => {
    const { checks, passed, falseAlarm } = await conformanceOf(settings);
    expect(checks.filter(({ passed: good }) => !good)).toEqual([]);
    expect(checks).toHaveLength(13);
    expect(passed).toBe(true);
    expect(falseAlarm).toBeLessThan(1e-6);
  });
});

test('what a run is started with is in its release, and tells nothing of the data', async () => {
  const config = await tinyJob(place, { train: { steps: 2 } });
  const out = newRun(place);
  await runJob(config, out, { check });
  const written = await jsonOf<Conformance>(join(out, 'release', 'conformance.json'));
  expect(written).toMatchObject({ format: 'dptune-conformance/1', passed: true });
  // One unit more: every number in the details must come from the plan and the effort.
  const more = await conformanceOf({ train: { steps: 2 }, data: { train: 'test.csv', test: 'train.csv' } });
  expect(details(more)).toEqual(details(written));
  expect(more.falseAlarm).toBe(written.falseAlarm);
});

test('a resumed run is judged again, a run without privacy never', async () => {
  let judged = 0;
  const judge = (): Promise<object> => Promise.resolve({ judged: (judged += 1) });
  const [config, out] = [await tinyJob(place), newRun(place)];
  await expect(trainJob(config, { out, observer: recorder(2), check: judge })).rejects.toMatchObject({
    code: 'interrupted',
  });
  await resumeRun(out, { check: judge });
  expect(await jsonOf(join(out, 'release', 'conformance.json'))).toEqual({ judged: 2 });
  const open = newRun(place);
  await runJob(config, open, { check: judge, nonPrivate: true });
  expect(judged).toBe(2);
  expect(existsSync(join(open, 'release', 'conformance.json'))).toBe(false);
});

test('a job that fails is not started', async () => {
  const failing: Conformance = {
    format: 'dptune-conformance/1',
    checks: [{ id: 'noise', title: 'Noise', passed: false, detail: 'failed: noise scale', tests: 9 }],
    passed: false,
    testLevel: 1e-9,
    falseAlarm: 0,
    seconds: 1,
  };
  const out = newRun(place);
  const refused = trainJob(await tinyJob(place), {
    out,
    observer: recorder(),
    check: () => Promise.resolve(failing).then(requireConformance),
  });
  await expect(refused).rejects.toThrow(/noise scale/);
  await expect(refused).rejects.toBeInstanceOf(DptuneError);
  await expect(refused).rejects.toMatchObject({ code: 'violation' });
  expect(existsSync(out)).toBe(false);
});

test('dptune check prints each check, and its document with --json', { timeout: 60_000 }, async () => {
  const { code, events, errors } = await runCommand(['check', await tinyJobFile(place)]);
  expect(errors).toBe('');
  expect(code).toBe(0);
  expect(events).toMatchObject([{ event: 'conformance', format: 'dptune-conformance/1', passed: true }]);
});
