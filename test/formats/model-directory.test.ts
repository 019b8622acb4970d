import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openModel, writeAtomic, writeSafetensors } from '../../src/formats/index.ts';

const temporary = () => mkdtempSync(join(tmpdir(), 'dptune-model-'));
const one = (name: string, value: number) => ({ name, shape: [1], data: Float32Array.of(value) });

async function directory(files: Record<string, object | string> = {}): Promise<string> {
  const path = temporary();
  const all = { 'config.json': { model_type: 'bert' }, ...files };
  for (const [name, content] of Object.entries(all)) {
    writeFileSync(join(path, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return path;
}

async function sharded(map: Record<string, string>): Promise<string> {
  const path = await directory({
    'model.safetensors.index.json': { metadata: { total_size: 8 }, weight_map: map },
  });
  await writeSafetensors(join(path, 'model-1.safetensors'), [one('a', 1)]);
  await writeSafetensors(join(path, 'model-2.safetensors'), [one('b', 2)]);
  return path;
}

describe('openModel', () => {
  it('opens one file, and names the SHA-256 of every file it uses', async () => {
    const path = await directory({ 'vocab.txt': 'x\n', 'unrelated.bin': 'zzz' });
    await writeSafetensors(join(path, 'model.safetensors'), [one('a', 3)]);
    const model = await openModel(path);
    expect(model.config).toEqual({ model_type: 'bert' });
    expect(await model.weights.read('a')).toEqual(Float32Array.of(3));
    const digests = await model.digests();
    expect(digests.map((digest) => digest.path)).toEqual(['config.json', 'model.safetensors', 'vocab.txt']);
    const bytes = readFileSync(join(path, 'model.safetensors'));
    expect(digests[1]).toEqual({
      path: 'model.safetensors',
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    await model.close();
  });

  it('opens shards', async () => {
    const model = await openModel(await sharded({ a: 'model-1.safetensors', b: 'model-2.safetensors' }));
    expect([...model.weights.tensors.keys()]).toEqual(['a', 'b']);
    expect(await model.weights.read('b')).toEqual(Float32Array.of(2));
    expect((await model.digests()).map(({ path }) => path)).toContain('model-2.safetensors');
    await model.close();
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'a listed tensor is in no shard',
      { a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-2.safetensors' },
      /in no shard: c/,
    ],
    [
      'a tensor is not listed',
      { a: 'model-1.safetensors', x: 'model-2.safetensors' },
      /"b" is here, but .* nowhere/,
    ],
    [
      'a tensor is listed in another shard',
      { a: 'model-2.safetensors', b: 'model-1.safetensors' },
      /"a" is here, but .* model-2/,
    ],
    [
      'a shard is missing',
      { a: 'model-1.safetensors', b: 'model-3.safetensors' },
      /model-3.safetensors is missing/,
    ],
    ['a shard lies outside', { a: '../model-1.safetensors' }, /shard="\.\.\/model-1/],
    ['a shard is a pickle', { a: 'model-1.bin' }, /must be the plain name/],
  ])('refuses shards where %s', async (_, map, message) => {
    await expect(openModel(await sharded(map))).rejects.toThrow(message);
  });

  it('refuses a pickle with the way to convert it', async () => {
    await expect(openModel(await directory({ 'pytorch_model.bin': 'x' }))).rejects.toThrow(
      /pytorch_model\.bin: only safetensors.*save_pretrained/,
    );
  });

  it('refuses what is no model directory', async () => {
    await expect(openModel('/nonexistent/model')).rejects.toThrow(
      /model=\/nonexistent\/model: no such directory/,
    );
    await expect(openModel(temporary())).rejects.toThrow(/config\.json: missing/);
    await expect(openModel(await directory())).rejects.toThrow(/no model\.safetensors/);
    await expect(openModel(await directory({ 'config.json': '{"a":1,"a":2}' }))).rejects.toThrow(
      /"a" occurs twice/,
    );
    await expect(openModel(await directory({ 'config.json': {} }))).rejects.toThrow(/model_type=undefined/);
  });

  const real = fileURLToPath(new URL('../../../shared/data/models/imdb-bert-tiny', import.meta.url));
  it.skipIf(!existsSync(real))('opens a real model, and refuses it truncated', async () => {
    const model = await openModel(real);
    expect(model.weights.tensors.size).toBeGreaterThan(30);
    await model.close();
    const copy = temporary();
    cpSync(real, copy, { recursive: true });
    const weights = join(copy, 'model.safetensors');
    truncateSync(weights, 6_000_000);
    await expect(openModel(copy)).rejects.toThrow(/truncated/);
    rmSync(copy, { recursive: true });
  });
});

async function* failing() {
  yield 'new';
  throw new Error('disk');
}

describe('writeAtomic', () => {
  it('leaves the old file and no temporary one where writing fails', async () => {
    const path = temporary();
    const file = join(path, 'f');
    await writeAtomic(file, ['old']);
    await expect(writeAtomic(file, failing())).rejects.toThrow('disk');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(path)).toEqual(['f']);
    await writeAtomic(file, ['ne', Buffer.from('w')]);
    expect(readFileSync(file, 'utf8')).toBe('new');
  });
});
