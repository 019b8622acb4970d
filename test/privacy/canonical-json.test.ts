import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalHash, canonicalJson } from '../../privacy/index.ts';

interface Golden {
  readonly numbers: readonly { readonly bits: string; readonly text: string }[];
  readonly values: readonly { readonly json: string; readonly text: string }[];
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/privacy/canonical-json.json', import.meta.url), 'utf8'),
) as Golden;

/** The same value with its keys set in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe('canonical JSON (RFC 8785)', () => {
  it('writes numbers as appendix B of the RFC lists them', () => {
    expect(golden.numbers.length).toBeGreaterThan(20);
    for (const { bits, text } of golden.numbers) {
      expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text);
    }
  });

  it('writes objects, arrays and strings as the rfc8785 package does', () => {
    for (const { json, text } of golden.values) expect(canonicalJson(JSON.parse(json))).toBe(text);
  });

  it('keeps the value, whatever the order in which its keys were set', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        fc.pre(!JSON.stringify(value).includes('__proto__'));
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(value))).toBe(text);
      }),
    );
  });

  it('refuses what JSON cannot carry exactly, and says where', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const wrong: [unknown, string][] = [
      [{ a: [1, Number.NaN] }, '$.a[1]=NaN'],
      [Infinity, '$=Infinity'],
      [{ a: undefined }, '$.a=undefined'],
      [{ a: 1n }, '$.a=bigint'],
      [['\ud800'], '$[0]=a string with a lone surrogate'],
      [{ '\udc00': 1 }, '$=a string with a lone surrogate'],
      [{ when: new Date(0) }, '$.when=not a plain object'],
      [new Float32Array(1), '$=not a plain object'],
      [[undefined], '$[0]=undefined'],
      [cycle, '$.self=a cycle'],
    ];
    for (const [value, message] of wrong) expect(() => canonicalJson(value)).toThrow(message);
    const shared = { x: 1 };
    expect(canonicalJson([shared, shared])).toBe('[{"x":1},{"x":1}]');
  });

  it('hashes its UTF-8 bytes', () => {
    // printf '{"\xc3\xb6":1}' | sha256sum
    expect(canonicalHash({ ö: 1 })).toBe('b7c45ab400363886a1d84c8e61ca57a344ce381bce56571e6361a75bcfcc79e4');
  });
});
