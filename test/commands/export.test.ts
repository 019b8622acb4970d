import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataError } from '../../privacy/errors.ts';
import { exportRelease } from '../../src/commands/export.ts';

let root: string;
let run: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dptune-export-'));
  run = join(root, 'run');
  await file('release/model/config.json', '{}');
  await file('release/model/model.safetensors', 'weights');
  await file('release/plan.json', '{"plan": 1}');
  await file('release/README.md', '# Model');
  await file('release/metrics.json', '{}');
  await file('private/steps.ndjson', '{"loss": 0.5}');
  await file('private/empty', '');
});
afterEach(() => rm(root, { recursive: true }));

async function file(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(run, path)), { recursive: true });
  await writeFile(join(run, path), content);
}

async function refusal(to = join(root, 'out')): Promise<string> {
  const error = await exportRelease(run, to).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataError);
  expect((await readdir(root)).sort()).toEqual(['run']);
  return (error as DataError).message;
}

test('copies release/ whole and nothing else', async () => {
  await file('release/adapter/empty.json', '');
  const files = await exportRelease(run, join(root, 'out'));
  expect(files.map(({ path }) => path).sort()).toEqual([
    'README.md',
    'adapter/empty.json',
    'metrics.json',
    'model/config.json',
    'model/model.safetensors',
    'plan.json',
  ]);
  expect(await readFile(join(root, 'out/model/model.safetensors'), 'utf8')).toBe('weights');
  expect((await readdir(join(root, 'out'), { recursive: true })).sort()).toEqual([
    'README.md',
    'adapter',
    'adapter/empty.json',
    'metrics.json',
    'model',
    'model/config.json',
    'model/model.safetensors',
    'plan.json',
  ]);
  expect((await readdir(root)).sort()).toEqual(['out', 'run']);
});

describe('G29: nothing private leaves', () => {
  test('a file of an unknown name stops the export', async () => {
    await file('release/losses.json', '[0.5]');
    expect(await refusal()).toContain('release/losses.json: is not part of a release');
  });

  test('so does the content of a private file under an innocent name', async () => {
    await file('release/metrics.json', '{"loss": 0.5}');
    expect(await refusal()).toContain('release/metrics.json: has the content of private/steps.ndjson');
  });

  test('also where private/ lies elsewhere behind a link', async () => {
    await mkdir(join(run, 'elsewhere'));
    await rename(join(run, 'private'), join(run, 'elsewhere/private'));
    await symlink(join(run, 'elsewhere/private'), join(run, 'private'));
    await file('release/metrics.json', '{"loss": 0.5}');
    expect(await refusal()).toContain('release/metrics.json: has the content of private/steps.ndjson');
  });

  test('and a private file hard-linked into the release', async () => {
    await link(join(run, 'private/steps.ndjson'), join(run, 'release/model/extra.json'));
    expect(await refusal()).toContain('release/model/extra.json: has the content of private/steps.ndjson');
  });

  test.each(['private', 'private/steps.ndjson', '/etc/hostname', 'missing'])(
    'and a link to %s',
    async (target) => {
      await symlink(target.startsWith('/') ? target : join(run, target), join(run, 'release/model/link'));
      expect(await refusal()).toContain('is not a plain file');
    },
  );

  test('also where release/ itself is a link', async () => {
    await rm(join(run, 'release'), { recursive: true });
    await symlink(join(run, 'private'), join(run, 'release'));
    expect(await refusal()).toContain('has no release/');
  });
});

test.each(['metrics.json', 'README.md', 'plan.json', 'model'])(
  'a run without %s is not finished',
  async (name) => {
    await rm(join(run, 'release', name), { recursive: true });
    expect(await refusal()).toMatch(new RegExp(`is not finished: release/ lacks ${name}`));
  },
);

test('the target must be new and outside the run', async () => {
  expect(await refusal(join(run, 'copy'))).toContain('lies in the run');
  expect(await refusal(run)).toContain('lies in the run');
  expect(await refusal(join(root, 'run/release'))).toContain('lies in the run');
  await mkdir(join(root, 'there'));
  await expect(exportRelease(run, join(root, 'there'))).rejects.toThrow('exists; choose a new directory');
  await expect(exportRelease(join(root, 'there'), join(root, 'out'))).rejects.toThrow('has no release/');
});
