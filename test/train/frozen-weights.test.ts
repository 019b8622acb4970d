import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { isGiven, renderCard } from '../../audits/index.ts';
import { asReleased } from '../../src/audit/scoring.ts';
import { restoredWeight, roundWeight } from '../../src/models/index.ts';
import { collectReport } from '../../src/report/index.ts';
import { finishRun, openClassifier, trainJob, type JobPlan } from '../../src/train/index.ts';
import type { RoundingEffect } from '../../src/train/rounding-effect.ts';
import {
  jsonOf,
  newRun,
  recorder,
  releasedWeights,
  resumeRun,
  runJob,
  tensorsIn,
  tinyJob,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
let base: Record<string, Float32Array>;
beforeAll(async () => {
  await writeFile(join(place.root, 'public.txt'), 'the bright road\na cold stone\n');
  base = await tensorsIn(join(place.model, 'model.safetensors'));
});

const int8: JobSettings = { train: { frozenWeights: 'int8' } };
const lora: JobSettings = { train: { method: 'lora', lora: { rank: 2 } } };

/** What a weight of the base model is rounded to. */
function rounded(name: string, shape: readonly [number, number]): Float32Array {
  const spec = { name, shape, int8: 'out-in' } as const;
  return restoredWeight(spec, roundWeight(spec, base[name]!));
}

const dense = 'bert.encoder.layer.0.output.dense.weight';
const query = 'bert.encoder.layer.0.attention.self.query.weight';

const methods: readonly (readonly [string, JobSettings])[] = [
  ['head', {}],
  ['adapters', lora],
  ['adapters, frozen part not kept', { ...lora, performance: { cache: false } }],
  ['last layer', { train: { method: 'last', layers: 1 } }],
  ['biases', { train: { method: 'bitfit' } }],
  [
    'a head, then adapters',
    {
      train: {
        method: undefined,
        steps: undefined,
        lora: { rank: 2 },
        phases: [
          { name: 'head', method: 'head', steps: 3 },
          { name: 'adapters', method: 'lora', steps: 3 },
        ],
      },
    },
  ],
];

/** The loss on a public text before and after a job. */
async function retention(...settings: JobSettings[]): Promise<{ before: number; after: number }> {
  const config = await tinyJob(place, { evaluate: { retention: 'public.txt' } }, ...settings);
  const { metrics } = await runJob(config, newRun(place));
  return metrics['retention'] as { before: number; after: number };
}

describe('train.frozenWeights: int8', () => {
  test.each(methods)('%s: what is released is what was trained and evaluated', async (_, settings) => {
    const own = newRun(place);
    const options = { observer: recorder() };
    const config = await tinyJob(place, int8, settings);
    const run = await trainJob(config, { ...options, out: own });
    // The base is in the engine alone.
    expect(run.session.values.has(dense)).toBe(false);
    expect(run.session.values.has('bert.embeddings.word_embeddings.weight')).toBe(false);
    const evaluated = await run.logits('test');
    await finishRun(run, options);
    const weights = await releasedWeights(own);
    expect(weights[dense]).toEqual(rounded(dense, [16, 32]));
    expect(weights[dense]).not.toEqual(base[dense]);
    const table = 'bert.embeddings.word_embeddings.weight';
    expect(weights[table]).toEqual(base[table]);
    const classifier = await openClassifier(own);
    const lines = (await readFile(config.data.test!, 'utf8')).trimEnd().split('\n').slice(1);
    const again = await classifier.logits(lines.map((line) => [line.split(',')[1]!]));
    await classifier.close();
    expect(again).toHaveLength(evaluated.length);
    expect(Math.max(...again.map((value, at) => Math.abs(value - evaluated[at]!)))).toBeLessThan(1e-4);
  });

  let out: string;
  const observer = recorder();
  beforeAll(async () => {
    out = newRun(place);
    await runJob(await tinyJob(place, int8, lora), out, { observer });
  });

  test('adapters are added to the rounded weight, and the adapter says on what it was trained', async () => {
    const { [query]: merged } = await releasedWeights(out);
    const adapter = await tensorsIn(join(out, 'release', 'adapter', 'adapter_model.safetensors'));
    const path = `base_model.model.${query.slice(0, -'.weight'.length)}`;
    const [a, b] = [adapter[`${path}.lora_A.weight`]!, adapter[`${path}.lora_B.weight`]!];
    const own = rounded(query, [16, 16]);
    const expected = own.map((value, at) => {
      const [output, input] = [Math.floor(at / 16), at % 16];
      return value + 2 * (b[output * 2]! * a[input]! + b[output * 2 + 1]! * a[16 + input]!);
    });
    expect(Math.max(...expected.map((value, at) => Math.abs(value - merged![at]!)))).toBeLessThan(1e-6);
    expect(Math.max(...own.map((value, at) => Math.abs(value - merged![at]!)))).toBeGreaterThan(1e-3);
    const card = await readFile(join(out, 'release', 'adapter', 'README.md'), 'utf8');
    expect(card).toMatch(/the base model rounded to 8 bits.*logits by \d\.\d\d %/);
  });

  test('its effect on the base model is measured before training, released and reported', async () => {
    const effect = await jsonOf<RoundingEffect>(join(out, 'release', 'frozen-weights.json'));
    expect(effect).toMatchObject({
      format: 'dptune-frozen-weights/1',
      bits: 8,
      weights: 2 * (4 * 16 * 16 + 2 * 16 * 32),
      compared: 'logits',
      tokens: 4 * 24,
    });
    expect(effect.relativeError).toBeGreaterThan(1e-4);
    expect(effect.relativeError).toBeLessThan(0.05);
    expect(effect.largestDifference).toBeGreaterThan(0);
    expect(effect.sameWord).toBeGreaterThan(0.9);
    const note = `logits of the base model change by ${(100 * effect.relativeError).toFixed(2)} %`;
    expect(observer.notes.filter((line) => line.includes(note))).toHaveLength(1);
    const report = await collectReport(out);
    const { format: _, ...figures } = effect;
    expect(report.baseModel.frozenWeights).toEqual(figures);
    expect(renderCard(report)).toContain(
      "4,096 numbers of the base model's linear maps that training left as they were are rounded to 8 bits",
    );
    expect((await jsonOf<JobPlan>(join(out, 'release', 'plan.json'))).frozenWeights).toBe('int8');
  });

  test('a run that was interrupted goes on with the same base', async () => {
    const own = newRun(place);
    const config = await tinyJob(place, int8, lora);
    const effects = () => readFile(join(own, 'release', 'frozen-weights.json'), 'utf8');
    await expect(runJob(config, own, { observer: recorder(3) })).rejects.toThrow(/resume/);
    const before = await effects();
    await resumeRun(own);
    expect(await effects()).toBe(before);
    expect((await releasedWeights(own))[dense]).toEqual(rounded(dense, [16, 32]));
  });

  test('the loss on public text is that of the rounded model, before and after', async () => {
    const exact = await retention();
    const own = await retention(int8);
    expect(own.after).toBe(own.before);
    expect(own.before).not.toBe(exact.before);
    expect(Math.abs(own.before - exact.before)).toBeLessThan(0.1);
    const moved = await retention(int8, { train: { method: 'lora', learningRate: 0.1 } });
    expect(moved.before).toBe(own.before);
    expect(Math.abs(moved.after - moved.before)).toBeGreaterThan(1e-3);
  });

  test('is refused where nothing stays frozen, before anything is written', async () => {
    const own = newRun(place);
    const config = await tinyJob(place, int8, { train: { method: 'last', layers: 2 } });
    await expect(runJob(config, own)).rejects.toThrow(
      'train.frozenWeights=int8: every linear map of the layers trains at some time',
    );
    expect(existsSync(own)).toBe(false);
  });

  test('a released model is not rounded again when it is opened to be audited', async () => {
    const plan = await jsonOf<JobPlan>(join(out, 'release', 'plan.json'));
    expect(asReleased(plan)).not.toHaveProperty('frozenWeights');
    expect(asReleased(plan).head).toBe('checkpoint');
  });
});

test('float32: the plan, the release and the report say nothing of 8 bits', async () => {
  const out = newRun(place);
  await runJob(await tinyJob(place, lora), out);
  expect(await jsonOf(join(out, 'release', 'plan.json'))).not.toHaveProperty('frozenWeights');
  expect(existsSync(join(out, 'release', 'frozen-weights.json'))).toBe(false);
  expect((await releasedWeights(out))[dense]).toEqual(base[dense]);
  const report = await collectReport(out);
  expect(isGiven(report.baseModel.frozenWeights)).toBe(false);
  expect(renderCard(report)).not.toContain('8 bits');
});
