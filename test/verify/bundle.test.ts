import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack, type Header } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleOf, openRelease } from '../../src/verify/index.ts';
import { foldedPath, pathFault } from '../../src/verify/release-paths.ts';

let place: string;
let release: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'dptune-bundle-'));
  release = join(place, 'run', 'release');
  await mkdir(join(release, 'model'), { recursive: true });
  await writeFile(join(release, 'plan.json'), '{}\n');
  await writeFile(join(release, 'model', 'model.safetensors'), Buffer.alloc(300_000, 7));
});
afterAll(() => rm(place, { recursive: true }));

async function archiveOf(root: string): Promise<Buffer> {
  const { files } = await openRelease(root);
  return bytesOf(bundleOf(root, files.values()));
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

type Entry = Partial<Header> & { readonly name: string; readonly content?: string };

/** A tar with whatever entries an attacker likes. */
async function crafted(name: string, entries: readonly Entry[]): Promise<string> {
  const archive = pack();
  for (const { content, ...header } of entries) archive.entry(header, content ?? '');
  archive.finalize();
  const path = join(place, name);
  await writeFile(path, await bytesOf(archive as AsyncIterable<Buffer>));
  return path;
}

describe('a bundle', () => {
  test('has the same bytes whatever the times of the files, and reads back as the release', async () => {
    const first = await archiveOf(release);
    await utimes(join(release, 'plan.json'), new Date(1e12), new Date(1e12));
    expect((await archiveOf(release)).equals(first)).toBe(true);
    const path = join(place, 'release.tar');
    await writeFile(path, first);
    const [whole, bundle] = [await openRelease(join(place, 'run')), await openRelease(path)];
    expect([whole.source, bundle.source]).toEqual(['run', 'bundle']);
    expect([...bundle.files.values()]).toEqual(
      [...whole.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    );
    expect(bundle.files.get('model/model.safetensors')).toEqual({
      path: 'model/model.safetensors',
      bytes: 300_000,
      sha256: createHash('sha256').update(Buffer.alloc(300_000, 7)).digest('hex'),
      content: undefined,
    });
  });

  test('is not made of a file that changes while it is packed', async () => {
    const root = join(place, 'changing');
    await mkdir(root);
    await writeFile(join(root, 'plan.json'), '{"a":1}\n');
    const { files } = await openRelease(root);
    await writeFile(join(root, 'plan.json'), '{"a":2}\n');
    await expect(bytesOf(bundleOf(root, files.values()))).rejects.toThrow('changed while it was packed');
  });
});

describe('a hostile archive is refused', () => {
  const plan = { name: 'release/plan.json', content: '{}' };

  test.each<[string, readonly Entry[], string]>([
    ['a path upwards', [plan, { name: 'release/../../etc/passwd', content: 'x' }], '.. segment'],
    ['a path outside', [plan, { name: 'private/start.json', content: 'x' }], 'lies outside release/'],
    ['an absolute path', [plan, { name: '/etc/passwd', content: 'x' }], 'is absolute'],
    ['a drive', [plan, { name: 'C:/windows', content: 'x' }], 'is absolute'],
    ['a backslash', [plan, { name: 'release/..\\x', content: 'x' }], 'backslash'],
    ['a line break', [plan, { name: 'release/a\nb', content: 'x' }], 'control character'],
    ['a symbolic link', [plan, { name: 'release/x', type: 'symlink', linkname: '/etc/passwd' }], 'symlink'],
    [
      'a hard link',
      [plan, { name: 'release/x', type: 'link', linkname: 'release/plan.json' }],
      'of type link',
    ],
    ['a device', [plan, { name: 'release/x', type: 'character-device' }], 'character-device'],
    ['a pipe', [plan, { name: 'release/x', type: 'fifo' }], 'fifo'],
    ['a directory', [plan, { name: 'release/x', type: 'directory' }], 'directory'],
    ['a file twice', [plan, plan], 'occurs twice'],
    ['names that differ in case', [plan, { name: 'release/PLAN.json', content: '{}' }], 'occurs twice'],
    [
      'a document beyond all measure',
      [{ name: 'release/plan.json', content: ' '.repeat(2 ** 26 + 1) }],
      'larger than',
    ],
    ['nothing in it', [], 'holds no file'],
  ])('for %s', async (name, entries, message) => {
    const path = await crafted(`${name}.tar`, entries);
    await expect(openRelease(path)).rejects.toMatchObject({
      code: 'verification',
      message: expect.stringContaining(message) as string,
    });
  });

  test('that has thousands of files', async () => {
    const many = Array.from({ length: 10_001 }, (_, k) => ({ name: `release/${k}` }));
    await expect(openRelease(await crafted('many.tar', many))).rejects.toThrow('more than 10000');
  });

  test('that is cut, or no archive', async () => {
    const path = join(place, 'cut.tar');
    await writeFile(path, await archiveOf(release));
    await truncate(path, 200_000);
    await expect(openRelease(path)).rejects.toThrow('not a whole tar archive');
    await writeFile(path, 'A'.repeat(5000));
    await expect(openRelease(path)).rejects.toThrow('not a whole tar archive');
  });

  test('and so is a directory with a link in it', async () => {
    const root = join(place, 'linked');
    await mkdir(root);
    await writeFile(join(root, 'plan.json'), '{}');
    await symlink('/etc/passwd', join(root, 'metrics.json'));
    await expect(openRelease(root)).rejects.toThrow('is not a plain file');
  });
});

test('paths pass only if they mean one file on every system', () => {
  for (const path of ['plan.json', 'model/a-b_c.0.json', 'model/モデル.txt'])
    expect(pathFault(path)).toBeUndefined();
  const wrong = [
    '',
    '/a',
    'a//b',
    'a/./b',
    '../a',
    'a/..',
    'c:a',
    'a\\b',
    'a\u0000',
    'a.',
    'a ',
    'e\u0301',
    'x'.repeat(256),
  ];
  expect(wrong.filter((path) => pathFault(path) === undefined)).toEqual([]);
  expect(foldedPath('Plan.JSON')).toBe(foldedPath('plan.json'));
});
