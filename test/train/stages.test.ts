import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { createEngine } from '../../src/engines/index.ts';
import { greedy, openWriter } from '../../src/generate/index.ts';
import { buildNetwork, feedsOf, loadParameters, tensorsOf } from '../../src/models/index.ts';
import { pretrain, readPlanFile, trainJob } from '../../src/train/index.ts';
import { maskedBatch } from '../../src/train/masking.ts';
import { openBaseModel } from '../../src/train/base-model.ts';
import { verify } from '../../src/verify/index.ts';
import { writeReport } from '../../src/report/index.ts';
import {
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
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
beforeAll(async () => {
  await writeFile(join(place.root, 'public.csv'), csvOf(madeUpRows(40, 'public')));
});

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

describe('continued pretraining', () => {
  const pretraining = {
    name: 'more-text',
    public: true,
    task: 'pretraining',
    data: { train: 'public.csv', columns: { text: 'text' } },
    train: { steps: 30, batchSize: 16, learningRate: 0.01 },
  };

  test('of an encoder, by masked tokens, feeds what comes next', async () => {
    const run = newRun(place);
    const told = recorder();
    await runJob(await tinyJob(place, { stages: [pretraining, stage] }), run, { observer: told });
    const plan = await readPlanFile(join(run, 'release', 'plan.json'));
    expect(plan.stages).toMatchObject([
      { name: 'more-text', task: 'pretraining', from: { reference: 'model' } },
      { name: 'intermediate', from: { reference: 'stage more-text' } },
    ]);
    expect(plan.model.reference).toBe('stage intermediate');
    const made = join(run, 'private', 'stages', 'more-text', 'release', 'model');
    const base = await tensorsIn(join(place.model, 'model.safetensors'));
    const learnt = await tensorsIn(join(made, 'model.safetensors'));
    expect(Object.keys(learnt).sort()).toEqual(Object.keys(base).sort());
    expect(largestDifference(base, learnt)).toBeGreaterThan(1e-3);
    const [before, after] = [await lossOf(place.model), await lossOf(made)];
    expect(after).toBeLessThan(before - 0.2);

    const { report } = await writeReport(run);
    expect(report.baseModel.pretraining).toContain('more-text (pretraining, from model with SHA-256 ');
    const { checks } = await verify(run);
    expect(checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });

  test('a start that was refused after its stages begins again without them, from the same models', async () => {
    const run = newRun(place);
    const config = await tinyJob(place, { stages: [pretraining, stage] });
    const refused = trainJob(config, {
      out: run,
      observer: recorder(),
      check: () => Promise.reject(new Error('refused')),
    });
    await expect(refused).rejects.toThrow('refused');
    const weights = (name: string) =>
      readFile(join(run, 'private', 'stages', name, 'release', 'model', 'model.safetensors'));
    const before = [await weights('more-text'), await weights('intermediate')];
    const told = recorder();
    await runJob(config, run, { observer: told });
    expect([await weights('more-text'), await weights('intermediate')]).toEqual(before);
    // Those of the private job, from 0 to 6.
    expect(told.steps).toHaveLength(7);
    const base = await openBaseModel(place.model, 'model');
    const second = await openBaseModel(
      join(run, 'private', 'stages', 'more-text', 'release', 'model'),
      'stage more-text',
    );
    const { stages } = await readPlanFile(join(run, 'release', 'plan.json'));
    expect(stages!.map(({ from }) => from)).toEqual(
      [base, second].map(({ reference, digest }) => ({ reference, digest })),
    );
    await Promise.all([base.directory.close(), second.directory.close()]);
  });

  test('of a decoder, by next tokens', async () => {
    const text = join(place.root, 'public.txt');
    const lines = Array.from({ length: 30 }, (_, k) =>
      k % 2 ? 'the road is long and cold' : 'a lamp on a table',
    );
    await writeFile(text, `${lines.join('\n')}\n`);
    const shape = {
      kind: 'gpt2' as const,
      vocabularySize: 300,
      layers: 1,
      width: 16,
      heads: 2,
      maxTokens: 16,
    };
    const learn = { text, batchSize: 16, steps: 5, learningRate: 0.001, seed: 0, observer: recorder() };
    await pretrain({ ...shape, ...learn, out: join(place.root, 'writer') });
    const config = await tinyJob(place, {
      model: 'writer',
      task: 'generation',
      stages: [
        {
          ...pretraining,
          data: { train: 'public.txt', format: 'text' },
          train: { steps: 60, batchSize: 8, learningRate: 0.01 },
        },
      ],
      data: { labels: undefined, columns: { text: 'text', label: undefined } },
      train: { method: 'lora', steps: 2 },
      evaluate: { baselines: [] },
    });
    const run = newRun(place);
    await runJob(config, run);
    const writer = await openWriter(join(run, 'private', 'stages', 'more-text', 'release', 'model'), {
      threads: 1,
    });
    const [tokens] = await writer.write([writer.prompt('the road')], {
      ...greedy,
      maxNewTokens: 8,
      endIds: writer.defaults.endIds,
    });
    expect(writer.tokenizer.decode(tokens!)).toContain(' is long');
    await writer.close();
  });

  test('a second start does not repeat it, and one that was stopped starts again', async () => {
    const config = await tinyJob(place, { stages: [pretraining] });
    const run = newRun(place);
    const stopping = { ...recorder(), stopping: () => true };
    await expect(trainJob(config, { out: run, observer: stopping })).rejects.toMatchObject({
      code: 'interrupted',
    });
    await runJob(config, run);
    expect((await readPlanFile(join(run, 'release', 'plan.json'))).stages).toHaveLength(1);
  });

  test.each([
    [{ train: { method: 'lora' } }, 'makes no use of train.method'],
    [{ data: { ...pretraining.data, labels: ['a', 'b'] } }, 'makes no use of data.labels'],
    [{ train: { steps: 3, epochs: 2 } }, 'both train.steps and train.epochs'],
  ])('what it makes no use of is refused: %j', async (change, message) => {
    await expect(tinyJob(place, { stages: [{ ...pretraining, ...change }] })).rejects.toThrow(message);
  });
});

/** Mean loss of a masked language model on the public texts, nats a predicted token. */
async function lossOf(path: string): Promise<number> {
  const model = await openBaseModel(path, 'model');
  const network = buildNetwork({ architecture: model.architecture, task: 'masked-lm', maxTokens: 16 });
  const { values } = await loadParameters(model.directory.weights, {
    architecture: model.architecture,
    params: network.params,
    rng: reproducibleRng('head'),
    head: 'checkpoint',
  });
  const engine = await createEngine({ threads: 1 });
  await engine.write(tensorsOf(network.params, values));
  const program = await engine.load(network.graph);
  const texts = madeUpRows(40, 'public').map(
    ({ text }) => model.tokenizer.encode(text, undefined, { maxLength: 16 }).ids,
  );
  const batch = maskedBatch(texts, model.tokenizer, reproducibleRng('masks'));
  const { data } = (await program.run(feedsOf(network, batch)))[network.output]!;
  await engine.dispose();
  await model.directory.close();
  return [...data].reduce((sum, loss) => sum + loss, 0) / data.length;
}
