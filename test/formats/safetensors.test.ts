import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../privacy/errors.ts';
import { openSafetensors, writeSafetensors } from '../../src/formats/index.ts';
import { headerLength, parseHeader } from '../../src/formats/safetensors-header.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const temporary = () => mkdtempSync(join(tmpdir(), 'dptune-safetensors-'));

/** A file from a header (an object, or JSON text) and its data. */
function fileOf(header: object | string, data: number | Uint8Array = 0, length?: bigint): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(json.length));
  return Buffer.concat([prefix, json, typeof data === 'number' ? Buffer.alloc(data) : data]);
}

/** `opened`, or the message of the DataError, which must name the file. */
async function opening(bytes: Uint8Array): Promise<string> {
  const path = join(temporary(), 'x.safetensors');
  writeFileSync(path, bytes);
  try {
    const file = await openSafetensors(path);
    await file.close();
    return 'opened';
  } catch (error) {
    if (!(error instanceof DataError) || !error.message.startsWith(path)) throw error;
    return error.message;
  }
}

const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('reading what the reference implementation wrote', () => {
  const golden = JSON.parse(readFileSync(here('../golden/formats/dtypes.json'), 'utf8')) as {
    tensors: Record<string, { shape: number[]; values: string[] }>;
  };

  it('gives every dtype as float32', async () => {
    const file = await openSafetensors(here('../golden/formats/dtypes.safetensors'));
    for (const [name, { shape, values }] of Object.entries(golden.tensors)) {
      expect({ name, shape: file.tensors.get(name)?.shape }).toEqual({ name, shape });
      const numbers = values.map((text) =>
        text === 'inf'
          ? Infinity
          : text === '-inf'
            ? -Infinity
            : text === 'True'
              ? 1
              : text === 'False'
                ? 0
                : Number(text),
      );
      expect({ name, values: [...(await file.read(name))] }).toEqual({
        name,
        values: numbers.map(Math.fround),
      });
    }
    expect(file.metadata).toEqual({ format: 'pt', note: 'ok' });
    await file.close();
  });

  it('refuses integers that float32 cannot hold, 8-bit floats and names that are not there', async () => {
    const file = await openSafetensors(here('../golden/formats/dtypes.safetensors'));
    await expect(file.read('too-large')).rejects.toThrow(/"too-large": value=16777217/);
    await expect(file.read('f8')).rejects.toThrow(/dtype=F8_E4M3/);
    await expect(file.read('absent')).rejects.toThrow(/no tensor "absent"/);
    await file.close();
  });
});

describe('hostile and broken files', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['empty', Buffer.alloc(0), /size=0 bytes/],
    ['shorter than its prefix', Buffer.alloc(5), /size=5 bytes/],
    ['a header of 2^60 bytes', fileOf({}, 0, 2n ** 60n), /header length=1152921504606846976/],
    ['a header of 2^64-1 bytes', fileOf({}, 0, 2n ** 64n - 1n), /header length=18446744073709551615/],
    ['a header longer than the file', fileOf({}, 0, 500n), /header length=500 bytes, but the file has/],
    ['no object', fileOf('[]'), /must begin with "\{"/],
    ['space before the object', fileOf(' {}'), /must begin with "\{"/],
    ['cut JSON', fileOf('{"a":'), /not JSON/],
    ['not UTF-8', fileOf('{"\u0000'.slice(0, 2), Buffer.from([0xff, 0xfe]), 4n), /not UTF-8/],
    [
      'a name given twice',
      fileOf(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      /"a" occurs twice/,
    ],
    [
      'a name given twice, once escaped',
      fileOf(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      /"a" occurs twice/,
    ],
    [
      'a key given twice inside a tensor',
      fileOf('{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,4]}}', 4),
      /"dtype" occurs twice/,
    ],
    ['an unknown dtype', fileOf({ a: { ...f32(0, 4), dtype: 'F31' } }, 4), /tensor "a": dtype="F31"/],
    [
      'a dtype from the prototype',
      fileOf({ a: { ...f32(0, 4), dtype: 'constructor' } }, 4),
      /dtype="constructor"/,
    ],
    ['an unknown key', fileOf({ a: { ...f32(0, 4), code: 'x' } }, 4), /unknown key "code"/],
    ['an entry that is no object', fileOf({ a: 3 }), /tensor "a": its entry must be an object/],
    ['a negative size', fileOf({ a: f32(0, 4, [-1]) }, 4), /shape=\[-1\]/],
    ['a fractional size', fileOf({ a: f32(0, 4, [0.5, 2]) }, 4), /shape=\[0.5,2\]/],
    ['a shape that overflows', fileOf({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4), /takes/],
    ['a shape of another size', fileOf({ a: f32(0, 8, [3]) }, 8), /F32 of shape \[3\] takes 12 bytes/],
    ['offsets backwards', fileOf({ a: f32(4, 0, [1]) }, 4), /data_offsets=\[4,0\]/],
    [
      'three offsets',
      fileOf({ a: { ...f32(0, 4), data_offsets: [0, 4, 8] } }, 4),
      /must be two byte positions/,
    ],
    [
      'huge offsets',
      fileOf({ a: { ...f32(0, 4), data_offsets: [2 ** 60, 2 ** 60 + 4] } }, 4),
      /data_offsets=/,
    ],
    ['overlap', fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), /tensor "b" overlaps/],
    ['the same bytes twice', fileOf({ a: f32(0, 8), b: f32(0, 8) }, 8), /overlaps/],
    ['a gap', fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), /tensor "b" leaves a gap/],
    ['a gap at the start', fileOf({ a: f32(4, 8) }, 8), /tensor "a" leaves a gap/],
    ['data cut off', fileOf({ a: f32(0, 8) }, 7), /tensor "a" ends at byte .* truncated/],
    ['data left over', fileOf({ a: f32(0, 8) }, 9), /unclaimed bytes/],
    ['metadata that is no text', fileOf({ __metadata__: { n: 1 } }), /__metadata__/],
  ])('%s', async (_, bytes, message) => {
    expect(await opening(bytes)).toMatch(message);
  });

  it('opens the nearest well-formed ones', async () => {
    expect(
      await opening(fileOf({ a: f32(0, 8), b: f32(8, 12), z: f32(8, 8), __metadata__: { n: '1' } }, 12)),
    ).toBe('opened');
    expect(await opening(fileOf(`${JSON.stringify({ a: f32(0, 4) })}   `, 4))).toBe('opened');
    expect(await opening(fileOf('{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4))).toBe(
      'opened',
    );
  });

  it('fuzz: a header either fails as DataError or covers the data exactly', () => {
    const size = fc.oneof(fc.nat(5), fc.constantFrom(-1, 2 ** 31, 2 ** 53, 1.5));
    const offset = fc.oneof(fc.nat(40), fc.constantFrom(-4, 2 ** 60));
    const entry = fc.record(
      {
        dtype: fc.constantFrom('F32', 'F16', 'I64', 'F33', 7),
        shape: fc.array(size, { maxLength: 3 }),
        data_offsets: fc.array(offset, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    const header = fc.oneof(
      fc.dictionary(fc.string({ maxLength: 4 }), entry, { maxKeys: 4 }).map((value) => JSON.stringify(value)),
      fc.json(),
      fc.string().map((text) => `{${text}`),
    );
    fc.assert(
      fc.property(header, fc.nat(80), (json, dataBytes) => {
        const bytes = Buffer.from(json);
        const total = 8 + bytes.length + dataBytes;
        try {
          const { tensors } = parseHeader(bytes, total, 'f');
          const covered = [...tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0);
          expect(covered).toBe(dataBytes);
        } catch (error) {
          if (!(error instanceof DataError)) throw error;
        }
      }),
      { numRuns: 2000, seed: 7 },
    );
  });

  it('fuzz: one flipped byte of a header opens the same tensors or fails as DataError', () => {
    const json = Buffer.from(JSON.stringify({ a: f32(0, 8), b: f32(8, 12) }));
    for (let at = 0; at < json.length; at++) {
      for (const bit of [1, 2, 16, 128]) {
        const flipped = Buffer.from(json);
        flipped[at]! ^= bit;
        try {
          const { tensors } = parseHeader(flipped, 8 + json.length + 12, 'f');
          expect([...tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0)).toBe(12);
        } catch (error) {
          if (!(error instanceof DataError)) throw error;
        }
      }
    }
  });

  it('a header of 20 MB is scanned without overflowing', () => {
    const text = `{"__metadata__":{"a":"${'x\\"'.repeat(7_000_000)}"}}`;
    expect(parseHeader(Buffer.from(text), 8 + text.length, 'f').tensors.size).toBe(0);
    expect(() => headerLength(fileOf({}, 0, 100_000_001n), 2 ** 40, 'f')).toThrow(
      /the format allows 100000000/,
    );
  });
});

describe('writing', () => {
  it('gives back what was written, in sorted and aligned form, and leaves no temporary file', async () => {
    const directory = temporary();
    const path = join(directory, 'm.safetensors');
    const tensors = [
      { name: 'b', shape: [2, 2], data: Float32Array.of(1, -2, 3.5, Number.MIN_VALUE) },
      { name: '__proto__', shape: [], data: Float32Array.of(7) },
      { name: 'a', shape: [0], data: new Float32Array() },
    ];
    await writeSafetensors(path, tensors);
    expect(readdirSync(directory)).toEqual(['m.safetensors']);
    const file = await openSafetensors(path);
    expect([...file.tensors.keys()].sort()).toEqual(['__proto__', 'a', 'b']);
    for (const { name, shape, data } of tensors) {
      expect(file.tensors.get(name)!.shape).toEqual(shape);
      expect(await file.read(name)).toEqual(data);
    }
    expect(file.metadata).toEqual({ format: 'pt' });
    expect(Math.min(...[...file.tensors.values()].map(({ begin }) => begin)) % 8).toBe(0);
    await file.close();
    await writeSafetensors(join(directory, 'again.safetensors'), tensors.toReversed());
    expect(readFileSync(join(directory, 'again.safetensors')).equals(readFileSync(path))).toBe(true);
  });

  it('refuses a wrong shape and a name given twice, and keeps the old file', async () => {
    const directory = temporary();
    const path = join(directory, 'm.safetensors');
    await writeSafetensors(path, [{ name: 'a', shape: [1], data: Float32Array.of(1) }]);
    const before = readFileSync(path);
    const bad = { name: 'a', shape: [2], data: Float32Array.of(1) };
    await expect(writeSafetensors(path, [bad])).rejects.toThrow(/"a" has 1 values; shape \[2\] takes 2/);
    const twice = { name: 'a', shape: [1], data: Float32Array.of(1) };
    await expect(writeSafetensors(path, [twice, twice])).rejects.toThrow(/given twice/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});
