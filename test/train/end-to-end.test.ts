import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  byWriter,
  filesIn,
  jsonOf,
  linesOf,
  newRun,
  recorder,
  runJob,
  tinyJob,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();

const model = ['config.json', 'model.safetensors', 'tokenizer_config.json', 'vocab.txt'].map(
  (name) => `model/${name}`,
);
const always = ['metrics.json', ...model, 'plan.json'];
const adapter = ['README.md', 'adapter_config.json', 'adapter_model.safetensors'].map(
  (name) => `adapter/${name}`,
);

const cases: readonly (readonly [string, JobSettings])[] = [
  ['head on the mean', {}],
  ['head on the first token', { train: { head: 'first' } }],
  ['head on the pooler', { train: { head: 'pooler' } }],
  ['last layer', { train: { method: 'last', layers: 1 } }],
  ['biases', { train: { method: 'bitfit' } }],
  ['adapters', { train: { method: 'lora', lora: { rank: 2, dropout: 0.1 } } }],
  ['all weights, with dropout', { train: { method: 'full', dropout: 0.1 } }],
  [
    'several labels a text',
    { task: 'multi-label', data: { columns: { label: 'traits' }, labels: ['happy', 'long'] } },
  ],
  ['a number', { task: 'regression', data: { columns: { label: 'score' }, labels: undefined } }],
  [
    'pairs of texts',
    { task: 'pair', data: { columns: { textPair: 'second' } }, train: { method: 'last', layers: 1 } },
  ],
  ['users', byWriter],
  ['users, all weights', { ...byWriter, train: { method: 'full' } }],
  ['per-layer clipping', { train: { method: 'full' }, privacy: { clipping: { kind: 'per-layer' } } }],
  ['automatic clipping', { train: { method: 'full' }, privacy: { clipping: { kind: 'automatic' } } }],
];

describe('a job, from end to end', () => {
  test.each(cases)('%s', async (_, settings) => {
    const out = newRun(place);
    const observer = recorder();
    const config = await tinyJob(place, settings);
    const finished = await runJob(config, out, { observer });
    const expected = [...always, ...(config.train.method === 'lora' ? adapter : [])].sort();
    expect(await filesIn(join(out, 'release'))).toEqual(expected);
    const metrics = await jsonOf<Record<string, Record<string, unknown>>>(
      join(out, 'release', 'metrics.json'),
    );
    expect(metrics).toEqual(JSON.parse(JSON.stringify(finished.metrics)));
    expect(Object.keys(metrics)).toEqual(['private', 'majority']);
    const figure = {
      classification: 'accuracy',
      'multi-label': 'microF1',
      regression: 'mse',
      'token-classification': 'f1',
      generation: 'loss',
    }[config.task];
    expect(metrics['private']![figure]).toBeTypeOf('number');
    expect(metrics['private']!['records']).toBe(60);
    expect(await linesOf(join(out, 'private', 'journal.ndjson'))).toHaveLength(6);
    expect(finished.steps).toBe(6);
    expect(observer.steps.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(observer.steps.at(-1)!.epsilon).toBe(finished.epsilon);
  });
});
