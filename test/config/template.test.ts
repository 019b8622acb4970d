import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { configurationPage, jobSchema, jobTemplate } from '../../src/config/index.ts';
import { checkedConfig } from '../../src/config/job.ts';
import type { SchemaNode } from '../../src/config/schema-node.ts';

const smallest = 'model: models/bert\ndata: {train: data/train.csv}\nprivacy: {epsilon: 8}\n';

describe('the template', () => {
  test('loads as it is and means the same as the smallest job', async () => {
    const { complete } = await checkedConfig(jobTemplate(), 'job.yaml');
    expect(complete).toEqual((await checkedConfig(smallest, 'job.yaml')).complete);
  });

  test('has every setting, and each that is commented out loads when it is given', async () => {
    const template = jobTemplate();
    const commented = [...template.matchAll(/^ *# [a-z][A-Za-z]+: .+$/gm)].map(([line]) => line);
    expect(new Set(commented.map((line) => /(\w+):/.exec(line)![1]))).toEqual(
      new Set([
        'column',
        'completion',
        'parallel',
        'stages',
        'earlyStopping',
        'expression',
        'fewShot',
        'layers',
        'noiseMultiplier',
        'phases',
        'prompt',
        'retention',
        'test',
        'source',
        'textPair',
        'typicalRecordsPerUser',
        'unit',
        'validation',
        'verbalizer',
      ]),
    );
    const companions: Record<string, string[]> = {
      completion: ['task=generation', 'data.columns.prompt=question'],
      prompt: ['task=generation', 'data.columns.completion=answer'],
      earlyStopping: ['data.validation={path: v.csv, public: true}'],
      expression: ['train.schedule.kind=expression'],
      fewShot: ['data.labels=[good, bad]'],
      layers: ['train.method=last', 'train.lora=null'],
      noiseMultiplier: ['privacy.epsilon=null'],
      typicalRecordsPerUser: ['privacy.unit=user', 'data.columns.unit=author'],
      unit: ['privacy.unit=user'],
      verbalizer: ['train.head=verbalizer'],
    };
    for (const line of commented) {
      const given = template.replace(line, line.replace('# ', ''));
      const overrides = companions[/(\w+):/.exec(line)![1]!] ?? [];
      await expect(checkedConfig(given, 'job.yaml', overrides)).resolves.toBeDefined();
    }
  });

  test('takes values, quoted where YAML needs it', async () => {
    const text = jobTemplate({
      'data.columns.text': 'my: "text"',
      'privacy.maxRecordsPerUser': 5,
      'privacy.unit': 'user',
      'data.columns.unit': '#',
    });
    const { complete } = await checkedConfig(text, 'job.yaml');
    expect(complete.data.columns).toMatchObject({ text: 'my: "text"', label: 'label', unit: '#' });
    expect(complete.privacy).toMatchObject({ unit: 'user', maxRecordsPerUser: 5 });
  });

  test('fits a terminal', () => {
    const longest = Math.max(
      ...jobTemplate()
        .split('\n')
        .map((line) => line.length),
    );
    expect(longest).toBeLessThanOrEqual(120);
  });
});

describe('the schema', () => {
  test('describes every setting', () => {
    const silent = settingsOf(jobSchema).filter(([, node]) => (node.description ?? '').length < 5);
    expect(silent).toEqual([]);
  });

  test('is a valid draft 7 schema whose defaults and examples are valid themselves', () => {
    const ajv = new Ajv({ strict: true });
    expect(ajv.validateSchema(jobSchema)).toBe(true);
    for (const [path, node] of settingsOf(jobSchema)) {
      const values = [...(node.examples ?? []), ...(node.default === undefined ? [] : [node.default])];
      for (const value of values)
        expect(ajv.validate(node, value), `${path}=${JSON.stringify(value)}`).toBe(true);
    }
  });

  test('closes every mapping, so that no misspelt key passes (G27)', () => {
    const open = settingsOf(jobSchema).filter(
      ([, node]) => node.properties && !('additionalProperties' in node),
    );
    expect(open).toEqual([]);
    expect(jobSchema.additionalProperties).toBe(false);
  });
});

test('docs/configuration.md is current (npx dptune schema --format markdown > docs/configuration.md)', async () => {
  const page = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  expect(page).toBe(configurationPage());
});

function settingsOf(node: SchemaNode, prefix = ''): [string, SchemaNode][] {
  const branches = [node, ...(node.anyOf ?? []), ...(node.items ? [node.items] : [])];
  return branches.flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([key, child]): [string, SchemaNode][] => [
      [`${prefix}${key}`, child],
      ...settingsOf(child, `${prefix}${key}.`),
    ]),
  );
}
