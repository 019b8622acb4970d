import { describe, expect, it } from 'vitest';
import { secureStream, seededStream } from '../../privacy/index.ts';
import type { PrivacyStream } from '../../privacy/index.ts';
import { bernoulliFrom } from '../../privacy/random/privacy-stream.ts';
import { ACCEPT, REJECT, goodnessOfFit } from './statistics.ts';

const BLOCK = 1 << 18;

function drawn(stream: PrivacyStream, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  stream.fillBytes(bytes);
  return bytes;
}

function refuse(): never {
  throw new Error('not scripted');
}

/** A stream of given 32-bit words. */
function scripted(...words: number[]): PrivacyStream {
  return {
    secure: false,
    fillBytes: refuse,
    float64: refuse,
    bernoulli: refuse,
    uint32: () => words.shift() ?? refuse(),
  };
}

describe('privacy stream', () => {
  it('is AES-256-CTR with fast key erasure: equals OpenSSL', () => {
    // K=$(printf 'dptune seeded privacy stream 7' | sha256sum | cut -d' ' -f1)
    // head -c 96 /dev/zero | openssl enc -aes-256-ctr -K $K -iv 00000000000000000000000000000000 | xxd -p -c 32
    // The first line is the next block's key; the second block was made by the same command. OpenSSL 3.0.19.
    const bytes = drawn(seededStream(7), BLOCK + 32);
    const hex = Buffer.from(bytes).toString('hex');
    expect(hex.slice(0, 64)).toBe('43675972fae8c4731ec21a46ec1c0336864ec99d4b85782fab9aa16f7e7dca34');
    expect(hex.slice(-64)).toBe('eef103f32b04cfafe061362ccfc5042efb5ea9bd17dcd3bacb859804dfd620bb');
  });

  it('yields the same bytes in any portions', () => {
    const whole = drawn(seededStream(1), 3 * BLOCK);
    const stream = seededStream(1);
    const parts = [1, 7, 4096, BLOCK, BLOCK + 3].map((count) => drawn(stream, count));
    const joined = Buffer.concat(parts);
    expect(joined.equals(whole.subarray(0, joined.length))).toBe(true);
  });

  it('G11: no 16-byte block repeats, over refills and between secure streams', () => {
    const seen = new Set<string>();
    const streams = [secureStream(), secureStream()];
    for (const stream of streams) {
      const bytes = Buffer.from(drawn(stream, 2 * BLOCK));
      for (let at = 0; at < bytes.length; at += 16) seen.add(bytes.toString('latin1', at, at + 16));
    }
    expect(seen.size).toBe((streams.length * 2 * BLOCK) / 16);
  });

  it('G11: words, doubles and bytes never share bits', () => {
    const words = new Uint32Array(drawn(seededStream(2), 4 * BLOCK).buffer);
    const stream = seededStream(2);
    const first = drawn(stream, 5);
    expect([...first]).toEqual([...new Uint8Array(words.buffer, 0, 5)]);
    expect(stream.uint32()).toBe(words[2]);
    const double = stream.float64();
    expect(double).toBe(((words[3]! >>> 5) * 2 ** 26 + (words[4]! >>> 6)) * 2 ** -53);
    expect(Buffer.from(drawn(stream, 4)).readUInt32LE()).toBe(words[5]);
  });

  it('G11: only a stream keyed by the operating system is secure, and nothing of a stream can be saved', () => {
    expect(secureStream().secure).toBe(true);
    expect(seededStream(1).secure).toBe(false);
    expect(JSON.stringify(secureStream())).toBe('{"secure":true}');
    expect(Object.keys(secureStream())).toEqual(['secure']);
  });

  it('has uniform bytes; the test rejects bytes that are 2 % too rarely odd', () => {
    const bytes = drawn(seededStream(3), 1 << 20);
    const uniform = new Float64Array(256).fill(1 / 256);
    const counted = (values: Uint8Array) => {
      const counts = new Float64Array(256);
      for (const value of values) counts[value]! += 1;
      return goodnessOfFit(counts, uniform, values.length);
    };
    expect(counted(bytes)).toBeGreaterThan(ACCEPT);
    expect(counted(bytes.map((value, i) => (i % 50 === 0 ? value & 254 : value)))).toBeLessThan(REJECT);
  });

  it('float64 is in [0, 1) with 53 bits', () => {
    const stream = seededStream(4);
    const values = Array.from({ length: 10_000 }, () => stream.float64());
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    const odd = values.filter((value) => (value * 2 ** 53) % 2 === 1).length;
    expect(odd).toBeGreaterThan(4500);
    expect(odd).toBeLessThan(5500);
  });
});

describe('Bernoulli trials', () => {
  it('decide by the first word where it differs from the digits of q', () => {
    expect(bernoulliFrom(0x7fffffff, 0.5, scripted())).toBe(true);
    expect(bernoulliFrom(0x80000001, 0.5, scripted())).toBe(false);
  });

  it('go on to as many digits as q has, exactly', () => {
    const q = 3 * 2 ** -34 + 2 ** -80;
    expect(bernoulliFrom(0, q, scripted(3 * 2 ** 30 - 1))).toBe(true);
    expect(bernoulliFrom(0, q, scripted(3 * 2 ** 30 + 1))).toBe(false);
    expect(bernoulliFrom(0, q, scripted(3 * 2 ** 30, 2 ** 16 - 1))).toBe(true);
    expect(bernoulliFrom(0, q, scripted(3 * 2 ** 30, 2 ** 16))).toBe(false);
  });

  it('are false when every digit of q is met: u < q, not u <= q', () => {
    expect(bernoulliFrom(0x80000000, 0.5, scripted())).toBe(false);
    expect(bernoulliFrom(0, 0, scripted())).toBe(false);
    const least = 5e-324;
    const zeroWords = Array.from({ length: 32 }, () => 0);
    // 2^-1074 = digit 2^14 in word 33 (bits 1057..1088).
    expect(bernoulliFrom(0, least, scripted(...zeroWords, 2 ** 14 - 1))).toBe(true);
    expect(bernoulliFrom(0, least, scripted(...zeroWords, 2 ** 14))).toBe(false);
  });

  it('are certain at 0 and 1 and refuse what is no probability', () => {
    const stream = seededStream(5);
    for (let i = 0; i < 100; i++) {
      expect(stream.bernoulli(1)).toBe(true);
      expect(stream.bernoulli(0)).toBe(false);
    }
    for (const q of [-0.1, 1.1, Number.NaN]) expect(() => stream.bernoulli(q)).toThrow(`q=${q}`);
  });
});
