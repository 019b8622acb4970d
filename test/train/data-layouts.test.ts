import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DriftError } from '../../privacy/index.ts';
import {
  jsonOf,
  madeUpRows,
  newRun,
  recorder,
  resumeRun,
  runJob,
  tinyJob,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();

const write = (name: string, lines: readonly string[]) =>
  writeFile(join(place.root, name), `${lines.join('\n')}\n`);

describe('labels in a file beside the text', () => {
  const layout: JobSettings = {
    data: {
      train: 'train.txt',
      test: 'test.txt',
      columns: { label: 'mood' },
      parallel: [{ column: 'mood', train: 'train.labels', test: 'test.labels' }],
    },
  };
  beforeAll(async () => {
    for (const part of ['train', 'test']) {
      const rows = madeUpRows(part === 'train' ? 60 : 30, part);
      await write(
        `${part}.txt`,
        rows.map(({ text }) => text),
      );
      await write(
        `${part}.labels`,
        rows.map(({ mood }) => mood),
      );
    }
  });

  test('train and evaluate as a table does', async () => {
    const [files, table] = await Promise.all(
      [layout, {}].map(async (settings) => {
        const out = newRun(place);
        const { metrics } = await runJob(await tinyJob(place, settings), out);
        return { out, metrics: metrics as Record<string, { records: number }> };
      }),
    );
    expect(files!.metrics['majority']).toEqual(table!.metrics['majority']);
    expect(files!.metrics['private']!.records).toBe(table!.metrics['private']!.records);
    const [own, usual] = [files!, table!].map(({ out }) => jsonOf(join(out, 'private', 'data.json')));
    expect(await own).toEqual(await usual);
  });

  test('G26: a resume refuses a file of labels that is no longer the one', async () => {
    const out = newRun(place);
    const observer = recorder(2);
    await expect(runJob(await tinyJob(place, layout), out, { observer })).rejects.toThrow('interrupted');
    const labels = madeUpRows(60, 'train').map(({ mood }) => mood);
    await write('train.labels', [labels[0] === 'sad' ? 'happy' : 'sad', ...labels.slice(1)]);
    const resumed = resumeRun(out);
    await expect(resumed).rejects.toThrow(DriftError);
    await expect(resumed).rejects.toThrow(/data\.parallel\.mood\.train: not the file/);
  });
});

test('a column that says train or test: its rows are trained on and evaluated', async () => {
  const rows = madeUpRows(60, 'both').map(({ text, mood }, at) => ({
    text,
    mood,
    part: at % 4 === 0 ? 'test' : 'train',
  }));
  await write(
    'both.jsonl',
    rows.map((row) => JSON.stringify(row)),
  );
  const config = await tinyJob(place, {
    data: { train: 'both.jsonl', test: undefined, split: { column: 'part' } },
  });
  const out = newRun(place);
  const { metrics } = await runJob(config, out);
  const held = rows.filter(({ part }) => part === 'test');
  expect(metrics['private']).toMatchObject({ records: held.length });
  expect(await jsonOf(join(out, 'private', 'data.json'))).toMatchObject({
    records: rows.length - held.length,
  });
});
