import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../privacy/errors.ts';
import { deltaFor, jobSchema, loadJob, phasesOf } from '../../src/config/index.ts';
import type { SchemaNode } from '../../src/config/schema-node.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dptune-job-'));
});
afterAll(() => rm(directory, { recursive: true }));

const smallest = { model: 'org/encoder@main', data: { train: 'train.csv' }, privacy: { epsilon: 8 } };

async function jobFile(content: unknown, name = 'job.yaml'): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** The lines of the error, without the directory. */
async function problems(content: unknown, overrides: string[] = [], name?: string): Promise<string[]> {
  const path = await jobFile(content, name);
  const error = await loadJob(path, overrides).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).message.replaceAll(`${directory}/`, '').split('\n');
}

describe('a good job', () => {
  test('gets its defaults, absolute paths and a hub model as it stands', async () => {
    const { config, input } = await loadJob(await jobFile(smallest));
    expect(config).toMatchObject({
      model: 'org/encoder@main',
      task: 'classification',
      data: { train: join(directory, 'train.csv'), columns: { text: 'text', label: 'label' }, cleaning: [] },
      privacy: {
        epsilon: 8,
        delta: 'auto',
        unit: 'record',
        relation: 'add-or-remove-one',
        publicSize: 'auto',
      },
      train: {
        method: 'auto',
        head: 'auto',
        batchSize: 'auto',
        optimizer: { kind: 'auto', betas: [0.9, 0.999] },
      },
      ledger: 'none',
    });
    expect(config.data.validation).toBeUndefined();
    expect(config.train.earlyStopping).toBeUndefined();
    expect(input).toEqual(smallest);
  });

  test('takes a directory next to it before a model of that name on the hub', async () => {
    await mkdir(join(directory, 'org/local'), { recursive: true });
    const { config } = await loadJob(await jobFile({ ...smallest, model: 'org/local' }));
    expect(config.model).toBe(join(directory, 'org/local'));
    const dotted = await loadJob(await jobFile({ ...smallest, model: './org' }));
    expect(dotted.config.model).toBe(join(directory, 'org'));
  });

  test('writes a validation file out, private unless declared public', async () => {
    const short = await loadJob(
      await jobFile({ ...smallest, data: { train: 't.csv', validation: 'v.csv' } }),
    );
    expect(short.config.data.validation).toEqual({ path: join(directory, 'v.csv'), public: false });
    const data = { train: 't.csv', validation: { path: 'v.csv', public: true } };
    const long = await loadJob(
      await jobFile({ ...smallest, data, train: { earlyStopping: {}, keepBest: true } }),
    );
    expect(long.config.data.validation).toEqual({ path: join(directory, 'v.csv'), public: true });
    expect(long.config.train.earlyStopping).toEqual({ patience: 3, metric: 'auto' });
  });

  test('finds the files beside the text relative to itself, too', async () => {
    const data = {
      train: 't.txt',
      test: 'x.txt',
      parallel: [{ column: 'label', train: 't.l', test: 'x.l' }],
    };
    const { config } = await loadJob(await jobFile({ ...smallest, data }));
    expect(config.data.parallel).toEqual([
      { column: 'label', train: join(directory, 't.l'), test: join(directory, 'x.l') },
    ]);
  });

  test('may be JSON with tabs, or YAML with anchors', async () => {
    const json = await loadJob(await jobFile(JSON.stringify(smallest, null, '\t'), 'job.json'));
    const yaml = await loadJob(
      await jobFile('model: &m org/encoder@main\ndata: {train: train.csv}\nprivacy: {epsilon: 8}\n'),
    );
    expect(json.config).toEqual(yaml.config);
  });

  test('keeps aliased parts apart when defaults are filled in', async () => {
    const yaml = `
model: org/encoder
data: {train: t.csv}
privacy: {epsilon: 1, clipping: &c {norm: 2}}
train: {phases: [{name: a, clipping: *c}, {name: b, clipping: *c}]}`;
    const { input } = await loadJob(await jobFile(yaml));
    expect(input.train?.phases?.map(({ clipping }) => clipping)).toEqual([{ norm: 2 }, { norm: 2 }]);
  });
});

describe('G27: misspelt and wrong settings', () => {
  test('target_epsilom is refused with its place and the setting meant', async () => {
    const lines = await problems('model: m\ndata: {train: t}\nprivacy:\n  epsilon: 1\n  target_epsilom: 3\n');
    expect(lines).toEqual(['job.yaml:5:3: privacy.target_epsilom: unknown key; did you mean epsilon?']);
  });

  test.each([
    ['epsilon: 3', 'epsilon: unknown key; did you mean privacy.epsilon?'],
    ['learning_rate: 3', 'learning_rate: unknown key; did you mean train.learningRate?'],
    ['Task: classification', 'Task: unknown key; did you mean task?'],
    ['"a\\u001b[31mb": 1', 'a\uFFFD[31mb: unknown key; there are model, task,'],
    ['__proto__: {a: 1}', '__proto__: unknown key; there are'],
    ['constructor: 1', 'constructor: unknown key; there are'],
    [
      'train: {optimizer: {kind: adamv}}',
      'train.optimizer.kind=adamv, must be auto, sgd, adam, adamw or dp-adam-bc; did you mean adam',
    ],
    ['train: {method: LoRA}', 'must be auto, lora, full, bitfit, head or last; did you mean lora?'],
    ['train: {batchSize: 1.5}', 'train.batchSize=1.5, must be auto or a whole number of at least 1'],
    [
      'train: {batchSize: "64"}',
      'train.batchSize=64, must be auto or a whole number of at least 1; write it without quotes: 64',
    ],
    [
      'train: {keepBest: yes}',
      'train.keepBest=yes, must be true or false; write true or false, without quotes',
    ],
    ['train: {dropout: .nan}', 'train.dropout=NaN, must be auto or a number of at least 0 and below 1'],
    ['train: {epochs: .inf}', 'train.epochs=Infinity, must be auto or a number above 0'],
    ['train: {epochs: 1e999}', 'train.epochs=Infinity, must be auto or a number above 0'],
    [
      'train: {optimizer: {betas: [0.9]}}',
      'train.optimizer.betas=[0.9], must be a list of 2, each item a number',
    ],
    [
      'evaluate: {baselines: [majority, majority]}',
      'evaluate.baselines: items 1 and 2 are the same; remove one',
    ],
    [
      'evaluate: {slices: language}',
      'evaluate.slices=language, must be a list, each item a text; write a list: [language]',
    ],
    ['seed:', 'seed=null, must be a whole number of at least 0 and at most 9007199254740991; it is empty'],
    ['seed: -1', 'seed=-1, must be a whole number of at least 0'],
    ['ledger: prod', 'ledger=prod, must be none'],
  ])('%s', async (line, expected) => {
    const lines = await problems(`model: m\ndata: {train: t}\nprivacy: {epsilon: 1}\n${line}\n`);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(expected);
    expect(lines[0]).toMatch(/^job\.yaml:4:\d+: /);
  });

  test('every setting: a slip in its name is refused and it is suggested', async () => {
    for (const path of settingsOf(jobSchema, [])) {
      for (const slip of slipsOf(path.at(-1)!)) {
        const wrong = [...path.slice(0, -1), slip].join('.');
        const lines = await problems(smallest, [`${wrong}=1`]);
        const about = lines.filter((line) =>
          line.includes(`${wrong}: unknown key; did you mean ${path.at(-1)}?`),
        );
        expect({ wrong, lines, suggested: about.length }).toEqual({ wrong, lines, suggested: 1 });
      }
    }
  });

  test('all errors come at once, in the order of the file', async () => {
    const lines = await problems(`
tsk: classification
data:
  trian: a.csv
  validation: {path: v.csv, publc: true}
privacy:
  epsilon: -1
  delta: 1/m
train:
  epochs: many
  schedule: {kind: expression, expression: step +}
  earlyStopping: {}
`);
    expect(lines).toEqual([
      'job.yaml:2:1: model: missing; must be given, such as model: "models/bert"',
      'job.yaml:2:1: tsk: unknown key; did you mean task?',
      'job.yaml:4:3: data.train: missing; must be given, such as train: "data/train.csv"',
      'job.yaml:4:3: data.trian: unknown key; did you mean train?',
      'job.yaml:5:29: data.validation.publc: unknown key; did you mean public?',
      'job.yaml:7:12: privacy.epsilon=-1, must be a number above 0',
      'job.yaml:8:10: privacy.delta: expression="1/m": m is unknown; there are n, e, pi',
      'job.yaml:10:11: train.epochs=many, must be auto or a number above 0',
      expect.stringContaining(
        'job.yaml:11:44: train.schedule.expression: expression="step +": is not a formula',
      ),
      expect.stringContaining(
        'job.yaml:12:18: train.earlyStopping: decides on validation data, which must be public',
      ),
    ]);
  });

  test('an empty file, a list and a missing file say what a job is', async () => {
    expect(await problems('')).toEqual([
      expect.stringContaining('job.yaml:1:1: must be a mapping of settings'),
    ]);
    expect(await problems('- model: m')).toEqual([expect.stringContaining('must be a mapping of settings')]);
    await expect(loadJob(join(directory, 'none.yaml'))).rejects.toThrow(
      'there is no such file; dptune init writes one',
    );
    await truncate(await jobFile('', 'huge.yaml'), 1e9);
    await expect(loadJob(join(directory, 'huge.yaml'))).rejects.toThrow('size=1000000000, must be at most');
    await writeFile(join(directory, 'latin1.yaml'), Buffer.from([0x6d, 0x3a, 0x20, 0xe9]));
    await expect(loadJob(join(directory, 'latin1.yaml'))).rejects.toThrow('is not UTF-8 text');
  });
});

/** Paths of all settings that a mapping holds. */
function settingsOf(node: SchemaNode, path: readonly string[]): string[][] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    [...path, key],
    ...settingsOf(child, [...path, key]),
  ]);
}

/** Two neighbours swapped, one letter too many, snake case. */
function slipsOf(key: string): string[] {
  const swapped = key.slice(0, -2) + key.at(-1) + key.at(-2);
  const snake = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return [...new Set([swapped, `${key}s`, snake])].filter((slip) => slip !== key);
}

describe('settings that contradict each other', () => {
  test.each([
    [{ privacy: {} }, 'privacy: neither epsilon nor noiseMultiplier is given'],
    [{ privacy: { epsilon: 1, noiseMultiplier: 1 } }, 'privacy: both epsilon and noiseMultiplier are given'],
    [
      { privacy: { epsilon: 1, unit: 'user', maxRecordsPerUser: 2 } },
      'privacy.unit: needs data.columns.unit',
    ],
    [{ privacy: { epsilon: 1, maxRecordsPerUser: 3 } }, 'has no effect with privacy.unit=record'],
    [
      { privacy: { epsilon: 1, mechanism: { bands: 4 } } },
      'privacy.mechanism.bands: has no effect with privacy.mechanism.kind=gaussian',
    ],
    [
      { privacy: { epsilon: 1, relation: 'replace-one', mechanism: { kind: 'banded-matrix' } } },
      'privacy.mechanism.kind=banded-matrix protects units that join or leave',
    ],
    [
      { privacy: { noiseMultiplier: 1, mechanism: { kind: 'banded-matrix' } } },
      'privacy.mechanism.bands=auto compares numbers of bands at one epsilon',
    ],
    [
      {
        privacy: { epsilon: 1, mechanism: { kind: 'banded-matrix' } },
        train: { optimizer: { kind: 'dp-adam-bc' } },
      },
      'train.optimizer.kind=dp-adam-bc takes out the variance of independent noise',
    ],
    [
      { data: { train: 't', columns: { unit: 'author' } } },
      'record would not protect the users that data.columns.unit=author names',
    ],
    [
      { data: { train: 't', test: 'x', split: { test: 0.1 } } },
      'data.split.test: given together with data.test',
    ],
    [
      { data: { train: 't', split: { test: 0.5, validation: 0.5 } } },
      'data.split: test + validation=1, must be below 1',
    ],
    [
      { data: { train: 't', test: 'x', split: { column: 'part' } } },
      'data.split.column: given together with data.test; remove one of them',
    ],
    [
      { data: { train: 't', split: { column: 'part', validation: 0.1 } } },
      'data.split.column: given together with data.split.validation',
    ],
    [
      { data: { train: 't', parallel: [{ column: 'lable', train: 'l' }] } },
      'data.parallel: column=lable is not used; name it in data.columns, or remove it',
    ],
    [
      { data: { train: 't', parallel: [{ column: 'text', train: 'l' }] } },
      'data.parallel: column=text is the text file itself; name another column',
    ],
    [
      { data: { train: 't', parallel: ['a', 'b'].map((train) => ({ column: 'label', train })) } },
      'data.parallel: column=label occurs twice; give each column one file',
    ],
    [
      { data: { train: 't', test: 'x', parallel: [{ column: 'label', train: 'l' }] } },
      'data.parallel: column=label has no file beside data.test; give test',
    ],
    [
      { data: { train: 't', parallel: [{ column: 'label', train: 'l', validation: 'v' }] } },
      'data.parallel: column=label has a file for validation, and there is no data.validation; give both',
    ],
    [
      { data: { train: 't', format: 'jsonl', delimiter: ';' } },
      'data.delimiter: has no effect with data.format=jsonl',
    ],
    [
      { task: 'regression', data: { train: 't', labels: ['a', 'b'] } },
      'data.labels: has no effect with task=regression',
    ],
    [{ train: { steps: 3, epochs: 2 } }, 'train.steps: given together with train.epochs=2'],
    [{ train: { method: 'last' } }, 'train.layers: missing; train.method=last needs it'],
    [{ train: { layers: 2 } }, 'train.layers: has no effect with train.method=auto'],
    [{ train: { method: 'full', lora: { rank: 4 } } }, 'train.lora: has no effect with train.method=full'],
    [
      { train: { method: 'full', frozenWeights: 'int8' } },
      'train.method=full, trains every weight, and train.frozenWeights=int8 holds those in 8 bits that never train; choose lora, bitfit, head or last, or frozenWeights: float32',
    ],
    [
      { train: { frozenWeights: 'int8' }, performance: { engine: 'tfjs' } },
      'train.frozenWeights=int8, is made by the engine onnx on the processor alone; set performance.engine and performance.device to auto',
    ],
    [
      { train: { frozenWeights: 'int8' }, performance: { device: 'webgpu' } },
      'train.frozenWeights=int8, is made by the engine onnx on the processor alone',
    ],
    [{ train: { schedule: { kind: 'expression' } } }, 'train.schedule.expression: missing'],
    [
      { train: { schedule: { expression: '1' } } },
      'train.schedule.expression: has no effect with train.schedule.kind=auto',
    ],
    [
      { train: { optimizer: { momentum: 0.5 } } },
      'train.optimizer.momentum: has no effect with train.optimizer.kind=auto',
    ],
    [
      { train: { optimizer: { kind: 'sgd', epsilon: 1e-6 } } },
      'train.optimizer.epsilon: has no effect with train.optimizer.kind=sgd',
    ],
    [
      { privacy: { epsilon: 1, clipping: { kind: 'flat', gamma: 0.1 } } },
      'privacy.clipping.gamma: has no effect',
    ],
    [{ train: { phases: [{ name: 'a' }, { name: 'a' }] } }, 'train.phases: name=a occurs twice'],
    [
      { train: { phases: [{ name: 'a', share: 0.5 }, { name: 'b' }] } },
      'some phases give a share and some do not',
    ],
    [
      {
        train: {
          phases: [
            { name: 'a', share: 0.5 },
            { name: 'b', share: 0.4 },
          ],
        },
      },
      'the shares add up to 0.9, must be 1',
    ],
    [
      { train: { phases: [{ name: 'a', method: 'head', lora: { rank: 2 } }] } },
      'train.phases.0.lora: has no effect',
    ],
    [{ train: { method: 'last', phases: [{ name: 'a' }] } }, 'train.phases.0.layers: missing'],
    [
      { privacy: { noiseMultiplier: 1 }, train: { phases: [{ name: 'a', share: 1 }] } },
      'share has no effect with privacy.noiseMultiplier',
    ],
    [
      { data: { train: 't.csv', validation: { path: './t.csv', public: true } } },
      'data.validation=./t.csv, is data.train; private data cannot guide training',
    ],
    [{ data: { train: 't.csv', validation: 't.csv' } }, 'data.validation=t.csv, is data.train'],
    [{ data: { train: 'a/../t.csv', test: 't.csv' } }, 'data.test=t.csv, is data.train'],
    [
      { data: { train: 't.csv' }, evaluate: { retention: 't.csv' } },
      'evaluate.retention=t.csv, is data.train',
    ],
    [{ task: 'pair' }, 'task=pair, needs data.columns.textPair'],
    [
      { data: { train: 't.conll', format: 'conll' } },
      'data.format=conll, has words and their tags; set task: token-classification',
    ],
    [
      { task: 'token-classification', data: { train: 't.txt', format: 'text' } },
      'data.format=text, has no tags',
    ],
    [
      { task: 'token-classification', train: { head: 'pooler' } },
      'train.head=pooler, gives one answer a text; with task=token-classification choose auto, token or checkpoint',
    ],
    [
      { task: 'token-classification', data: { train: 't.jsonl', columns: { text: 'words' } } },
      'data.columns.text=words, has no effect with task=token-classification',
    ],
    [{ train: { head: 'token' } }, 'train.head=token, gives one answer a word'],
    [
      { task: 'token-classification', data: { train: 't.jsonl', labels: ['O', 'PER'] } },
      'data.labels: has PER, must be O, or B-, I-, E- or S- and a kind of entity',
    ],
    [
      { task: 'token-classification', data: { train: 't.jsonl', labels: ['B-PER', 'I-PER'] } },
      'data.labels: has no O',
    ],
    [
      { data: { train: 't.jsonl', columns: { tags: 'ner_tags' } } },
      'data.columns.tags: has no effect with task=classification',
    ],
    [
      { task: 'token-classification', audit: { canaries: 10, source: 'public.jsonl' } },
      'audit: has no mislabelled canaries for task=token-classification',
    ],
    [{ evaluate: { slices: ['language'] } }, 'evaluate.slices: has no effect without test data'],
    [{ evaluate: { everySteps: 10 } }, 'evaluate.everySteps: has no effect without public validation data'],
  ])('%j', async (changes, expected) => {
    const lines = await problems({ ...smallest, ...changes });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(expected);
  });

  test('what a phase inherits is not held against it', async () => {
    const train = {
      epochs: 3,
      lora: { rank: 8 },
      phases: [
        { name: 'head', method: 'head' },
        { name: 'lora', method: 'lora' },
      ],
    };
    const { config } = await loadJob(await jobFile({ ...smallest, train }));
    expect(phasesOf(config).map(({ lora, epochs }) => [lora.rank, epochs])).toEqual([
      [8, 3],
      [8, 3],
    ]);
  });
});

describe('G28: decisions on validation data', () => {
  const data = { train: 't.csv', validation: { path: 'v.csv' } };
  const deciding = [
    { earlyStopping: { patience: 2 } },
    { keepBest: true },
    { schedule: { kind: 'plateau' } },
    { phases: [{ name: 'a', schedule: { kind: 'plateau' } }] },
  ];

  test.each(deciding)('%j is refused without data declared public', async (train) => {
    const refusal = /decides on validation data, which must be public/;
    expect(await problems({ ...smallest, train })).toEqual([expect.stringMatching(refusal)]);
    expect(await problems({ ...smallest, data, train })).toEqual([expect.stringMatching(refusal)]);
    const split = { train: 't.csv', split: { validation: 0.1 } };
    expect(await problems({ ...smallest, data: split, train })).toEqual([expect.stringMatching(refusal)]);
  });

  test.each(deciding)('%j is accepted with it', async (train) => {
    const declared = { train: 't.csv', validation: { path: 'v.csv', public: true } };
    await expect(loadJob(await jobFile({ ...smallest, data: declared, train }))).resolves.toBeDefined();
  });
});

test('pair is classification of two texts', async () => {
  const pair = { ...smallest, task: 'pair', data: { train: 't.csv', columns: { textPair: 'second' } } };
  const { config, input } = await loadJob(await jobFile(pair));
  expect([config.task, input.task]).toEqual(['classification', 'pair']);
});

describe('overrides', () => {
  test('replace, add, remove and step into lists', async () => {
    const train = { epochs: 3, phases: [{ name: 'a', lora: { rank: 2 }, method: 'lora' }] };
    const { config } = await loadJob(await jobFile({ ...smallest, train }), [
      'privacy.epsilon=null',
      'privacy.noiseMultiplier=1.5',
      'train.phases.0.lora.rank=16',
      'data.labels=["0", "1"]',
      'privacy.delta=1/n^2',
    ]);
    expect(config.privacy).toMatchObject({ noiseMultiplier: 1.5, delta: '1/n^2' });
    expect(config.privacy.epsilon).toBeUndefined();
    expect(config.train.phases?.[0]?.lora).toEqual({ rank: 16 });
    expect(config.data.labels).toEqual(['0', '1']);
  });

  test.each([
    ['train.bachSize=3', '-s train.bachSize=3: train.bachSize: unknown key; did you mean batchSize?'],
    [
      'train.batchSize=x',
      '-s train.batchSize=x: train.batchSize=x, must be auto or a whole number of at least 1',
    ],
    ['train.batch=3', '-s train.batch=3: train.batch: unknown key; did you mean batchSize?'],
    ['train={batchSize: x}', '-s train={batchSize: x}: train.batchSize=x, must be'],
    ['train.batchSize', '-s train.batchSize: must be key.path=value'],
    ['model.a.b=1', '-s model.a.b=1: model is not a mapping or list'],
    ['train=[', '-s train=[:'],
    ['__proto__.polluted=1', '-s __proto__.polluted=1: __proto__: unknown key'],
    ['constructor.prototype.polluted=1', 'unknown key'],
  ])('%s', async (override, expected) => {
    const lines = await problems(smallest, [override]);
    expect(lines[0]).toContain(expected);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('a problem in the file keeps its place beside one in an override', async () => {
    const lines = await problems('model: m\ndata: {train: t}\nprivacy: {epsilon: 0}\n', ['seed=x']);
    expect(lines.sort()).toEqual([
      '-s seed=x: seed=x, must be a whole number of at least 0 and at most 9007199254740991',
      'job.yaml:3:20: privacy.epsilon=0, must be a number above 0',
    ]);
  });
});

describe('phases', () => {
  test('take what they do not give, and equal shares', async () => {
    const train = {
      epochs: 5,
      optimizer: { kind: 'adamw', weightDecay: 0.1 },
      phases: [
        { name: 'head', method: 'head', steps: 100, optimizer: { epsilon: 1e-6 }, clipping: { norm: 2 } },
        { name: 'rest', method: 'last', layers: 1 },
      ],
    };
    const { config } = await loadJob(await jobFile({ ...smallest, train }));
    const [head, rest] = phasesOf(config);
    expect(head).toMatchObject({
      name: 'head',
      share: 0.5,
      method: 'head',
      steps: 100,
      epochs: 'auto',
      optimizer: { kind: 'adamw', weightDecay: 0.1, epsilon: 1e-6, betas: [0.9, 0.999] },
      clipping: { kind: 'auto', norm: 2 },
    });
    expect(rest).toMatchObject({
      name: 'rest',
      layers: 1,
      epochs: 5,
      steps: 'auto',
      clipping: { norm: 'auto' },
    });
    expect(rest).not.toHaveProperty('phases');
    expect(rest).not.toHaveProperty('head');
  });

  test('are none unless declared', async () => {
    const { config } = await loadJob(await jobFile(smallest));
    expect(phasesOf(config)).toEqual([]);
  });
});

test('delta: a number, a formula in n, or the smaller of 1e-5 and n^-1.1', async () => {
  expect(await deltaFor(1e-6, 100)).toBe(1e-6);
  expect(await deltaFor('1/n^1.1', 1000)).toBeCloseTo(5.011872336272725e-4, 15);
  expect(await deltaFor('auto', 1000)).toBe(1e-5);
  expect(await deltaFor('auto', 1e6)).toBeCloseTo(2.5118864315095823e-7, 18);
});
