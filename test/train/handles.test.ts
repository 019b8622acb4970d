import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openClassifier, openJobModel } from '../../src/train/index.ts';
import { tinyJob } from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();

/** Files below a directory that this process holds open. */
function openBelow(root: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    const path = existsSync(`/proc/self/fd/${fd}`) ? readlinkSync(`/proc/self/fd/${fd}`) : '';
    return path.startsWith(`${root}/`) ? [path] : [];
  });
}

/** The workplace's model under another name, with something wrong. */
async function damaged(name: string, damage: (directory: string) => Promise<unknown>): Promise<string> {
  const directory = join(place.root, name);
  await cp(place.model, directory, { recursive: true });
  await damage(directory);
  return directory;
}

describe.skipIf(process.platform !== 'linux')('a model that is refused leaves no file open', () => {
  test('an open model is seen, and after its end is not', async () => {
    const model = await openJobModel(await tinyJob(place));
    expect(openBelow(place.root)).toEqual([join(place.model, 'model.safetensors')]);
    await model.directory.close();
    expect(openBelow(place.root)).toEqual([]);
  });

  test('of an architecture that is not known', async () => {
    const model = await damaged('unknown', async (directory) => {
      const path = join(directory, 'config.json');
      await writeFile(path, (await readFile(path, 'utf8')).replace('"bert"', '"alien"'));
    });
    await expect(openJobModel(await tinyJob(place, { model }))).rejects.toThrow('alien');
    expect(openBelow(place.root)).toEqual([]);
  });

  test('without a tokenizer', async () => {
    const model = await damaged('wordless', (directory) => rm(join(directory, 'vocab.txt')));
    await expect(openJobModel(await tinyJob(place, { model }))).rejects.toThrow(/tokenizer/);
    expect(openBelow(place.root)).toEqual([]);
  });

  test('that has no head of dptune, or one whose weights are missing', async () => {
    await expect(openClassifier(place.model)).rejects.toThrow('does not name its head');
    const model = await damaged('headless', async (directory) => {
      const path = join(directory, 'config.json');
      const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
      const head = { id2label: { 0: 'a', 1: 'b' }, dptune: { head: 'mean', task: 'single-label' } };
      await writeFile(path, JSON.stringify({ ...config, ...head }));
    });
    await expect(openClassifier(model)).rejects.toThrow(/head/);
    expect(openBelow(place.root)).toEqual([]);
  });
});
