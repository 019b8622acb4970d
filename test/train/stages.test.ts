import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPlanFile, trainJob } from '../../src/train/index.ts';
import { writeReport } from '../../src/report/index.ts';
import {
  createWorkplace,
  csvOf,
  madeUpRows,
  newRun,
  recorder,
  releasedWeights,
  resumeRun,
  largestDifference,
  runJob,
  tensorsIn,
  tinyJob,
  type Workplace,
} from '../support/tiny-job.ts';

let place: Workplace;
beforeAll(async () => {
  place = await createWorkplace();
  await writeFile(join(place.root, 'public.csv'), csvOf(madeUpRows(40, 'public')));
});
afterAll(() => place.remove());

const stage = {
  name: 'intermediate',
  public: true,
  data: { train: 'public.csv', columns: { text: 'text', label: 'mood' }, labels: ['sad', 'happy'] },
  train: { method: 'full', steps: 10, batchSize: 20, learningRate: 0.01 },
};

test('a stage trains on public data first, and the plan and the report say so', async () => {
  const run = newRun(place);
  await runJob(await tinyJob(place, { stages: [stage] }), run);
  const plan = await readPlanFile(join(run, 'release', 'plan.json'));
  expect(plan.stages).toMatchObject([{ name: 'intermediate', task: 'classification' }]);
  expect(plan.stages![0]!.data).toMatch(/^[0-9a-f]{64}$/);

  const staged = await tensorsIn(
    join(run, 'private', 'stages', 'intermediate', 'release', 'model', 'model.safetensors'),
  );
  const base = await tensorsIn(join(place.model, 'model.safetensors'));
  expect(largestDifference(base, staged)).toBeGreaterThan(1e-3);
  // The private job trains the head alone: its body is the one that the stage made.
  const released = await releasedWeights(run);
  const body = Object.entries(released).filter(([name]) => name.includes('encoder.layer.0.'));
  expect(body.length).toBeGreaterThan(0);
  expect(largestDifference(Object.fromEntries(body), staged)).toBe(0);

  const { report } = await writeReport(run);
  expect(report.baseModel.pretraining).toContain('from data that its owner declares public: intermediate');
});

test('an interrupted job goes on after its stages, which are not trained again', async () => {
  const config = await tinyJob(place, { stages: [stage], train: { steps: 8 } });
  const run = newRun(place);
  // The stage has 10 steps, so step 12 of all is in the private job.
  const told = recorder();
  const stopping = { ...told, stopping: () => told.steps.length >= 13 };
  await expect(trainJob(config, { out: run, observer: stopping })).rejects.toThrow('interrupted');
  const weights = join(run, 'private', 'stages', 'intermediate', 'release', 'model', 'model.safetensors');
  const before = await readFile(weights);
  const finished = await resumeRun(run);
  expect(finished.steps).toBe(8);
  expect(await readFile(weights)).toEqual(before);
  expect((await readPlanFile(join(run, 'release', 'plan.json'))).stages).toHaveLength(1);
});

test('a stage on data that is not declared public is refused', async () => {
  const config = await tinyJob(place, { stages: [{ ...stage, public: false }] });
  await expect(runJob(config, newRun(place))).rejects.toThrow('stages.0.public=false');
  await expect(tinyJob(place, { stages: [{ name: 'x', data: stage.data }] })).rejects.toThrow(
    'stages.0.public',
  );
});
