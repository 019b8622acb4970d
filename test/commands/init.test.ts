import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataError } from '../../privacy/errors.ts';
import { guessColumns } from '../../src/commands/init-columns.ts';
import { loadJob } from '../../src/config/index.ts';
import { dptune } from './terminal.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dptune-init-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

describe('columns are guessed from names', () => {
  test.each([
    ['a.csv', 'id,Review,Stars\n1,"a\nb",5\n', { text: 'Review', label: 'Stars' }],
    [
      'b.csv',
      '\uFEFF"user id","text, raw",text,label\r\n',
      { text: 'text', label: 'label', unit: 'user id' },
    ],
    ['c.tsv', 'sentence1\tsentence2\tclass\n', { text: 'sentence1', textPair: 'sentence2', label: 'class' }],
    [
      'd.jsonl',
      '{"premise": "x", "hypothesis": "y", "label": 1}\n',
      { text: 'premise', textPair: 'hypothesis', label: 'label' },
    ],
    ['e.csv', 'x1,x2\n', {}],
    [
      'k.jsonl',
      '{"id": 1, "tokens": [], "ner_tags": [], "author": "a"}\n',
      { tokens: 'tokens', tags: 'ner_tags', unit: 'author' },
    ],
    ['l.conll', 'EU NNP B-ORG\n', { tokens: 'tokens', tags: 'tags' }],
  ])('%s', async (name, content, expected) => {
    expect((await guessColumns(await file(name, content))).roles).toEqual(expected);
  });

  test('also behind gzip', async () => {
    const path = await file('f.csv.gz', gzipSync('text,label,author\nx,y,z\n'));
    expect(await guessColumns(path)).toEqual({
      columns: ['text', 'label', 'author'],
      roles: { text: 'text', label: 'label', unit: 'author' },
    });
  });

  test.each([
    ['g.jsonl', 'not json\n'],
    ['h.csv', '"open\n'],
    ['i.csv.gz', 'no gzip'],
    ['j.parquet', 'no parquet'],
  ])('%s: a file that cannot be read is named', async (name, content) => {
    const path = await file(name, content);
    await expect(guessColumns(path)).rejects.toThrow(DataError);
    await expect(guessColumns(path)).rejects.toThrow(`data=${path}: its columns cannot be read`);
  });

  test('a file that is not there is named', async () => {
    await expect(guessColumns(join(directory, 'none.csv'))).rejects.toThrow('ENOENT');
    await expect(guessColumns(join(directory, 'none.csv.gz'))).rejects.toThrow('ENOENT');
  });
});

test('init sees words with tags', async () => {
  await file('m.jsonl', '{"words": ["a"], "tags": ["O"], "text": "a"}\n');
  const args = ['init', '--data', 'm.jsonl', '--out', 'tags.yaml'];
  expect(await dptune(args, { cwd: directory })).toMatchObject({ code: 0 });
  expect((await loadJob(join(directory, 'tags.yaml'))).config).toMatchObject({
    task: 'token-classification',
    data: { columns: { tokens: 'words', tags: 'tags' } },
  });
});

test('init writes a job that loads, with paths relative to it, and protects the users it sees', async () => {
  await file('reviews.csv', 'review,author_id,stars\na,b,1\n');
  await mkdir(join(directory, 'jobs'));
  const args = ['init', '--data', 'reviews.csv', '--model', 'org/encoder@main', '--out', 'jobs/job.yaml'];
  const first = await dptune(args, { cwd: directory });
  expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining('looks like people') as string });
  const { config, input } = await loadJob(join(directory, 'jobs/job.yaml'));
  expect(input.data.train).toBe('../reviews.csv');
  expect(config).toMatchObject({
    model: 'org/encoder@main',
    data: {
      train: join(directory, 'reviews.csv'),
      columns: { text: 'review', label: 'stars', unit: 'author_id' },
    },
    privacy: { epsilon: 8, unit: 'user', maxRecordsPerUser: 'auto' },
  });

  const written = await readFile(join(directory, 'jobs/job.yaml'), 'utf8');
  const second = await dptune(['init', '--out', 'jobs/job.yaml'], { cwd: directory });
  expect(second).toMatchObject({ code: 2, stdout: '' });
  expect(second.stderr).toBe(
    'dptune: out=jobs/job.yaml: exists; choose another file, or overwrite it with --force\n',
  );
  expect(await readFile(join(directory, 'jobs/job.yaml'), 'utf8')).toBe(written);

  const forced = await dptune(['init', '--out', 'jobs/job.yaml', '--force', '--json'], { cwd: directory });
  expect(forced.code).toBe(0);
  expect(JSON.parse(forced.stdout)).toEqual({
    event: 'done',
    file: join(directory, 'jobs/job.yaml'),
    settings: {},
  });
  expect(await readFile(join(directory, 'jobs/job.yaml'), 'utf8')).not.toBe(written);
});
