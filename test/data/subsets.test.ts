import { describe, expect, test } from 'vitest';
import { readStore, unitSubsets, type Row, type TokenStore } from '../../src/data/index.ts';
import { rowsOf, wordTokenizer } from './files.ts';

const read = (rows: readonly Partial<Row>[], unit: 'record' | 'user' = 'record'): Promise<TokenStore> =>
  readStore(rowsOf(rows), {
    tokenizer: wordTokenizer,
    task: 'single-label',
    labels: ['a', 'b'],
    unit: unit === 'user' ? { kind: 'user', maxRecords: 3 } : { kind: 'record' },
    seed: 0,
  });

const rows = Array.from({ length: 60 }, (_, k) => ({
  text: Array.from({ length: 1 + (k % 5) }, (__, word) =>
    String.fromCharCode(97 + ((k * 7 + word * 5) % 26)),
  ).join(' '),
  label: k % 2 === 0 ? 'a' : 'b',
}));

/** Subset of each text; fails where one text has two. */
function byText(texts: readonly { text: string }[], subsets: Uint32Array): Map<string, number> {
  const found = new Map<string, number>();
  for (const [unit, { text }] of texts.entries()) {
    expect(found.get(text) ?? subsets[unit]).toBe(subsets[unit]);
    found.set(text, subsets[unit]!);
  }
  return found;
}

describe('subsets of units', () => {
  test('G15: a unit keeps its subset whichever units are there beside it, in whatever order', async () => {
    const all = byText(rows, unitSubsets(await read(rows), 5));
    const others = [...rows.slice(20).toReversed(), ...rows.slice(3, 9)];
    for (const [text, subset] of byText(others, unitSubsets(await read(others), 5))) {
      expect(all.get(text)).toBe(subset);
    }
    // With its place as its subset it would not.
    expect(rows.some(({ text }, k) => all.get(text) !== k % 5)).toBe(true);
  });

  test('the width in which ids are kept makes no difference', async () => {
    const store = await read(rows);
    const [narrow, wide] = [Uint16Array.from(store.ids), Int32Array.from(store.ids)];
    expect(unitSubsets({ ...store, ids: narrow }, 7)).toEqual(unitSubsets({ ...store, ids: wide }, 7));
  });

  test('are below their number and about equal in size', () => {
    const units = 20_000;
    const store = {
      units,
      unitOffsets: Uint32Array.from({ length: units + 1 }, (_, k) => k),
      offsets: Uint32Array.from({ length: units + 1 }, (_, k) => k),
      ids: Int32Array.from({ length: units }, (_, k) => k),
    } as unknown as TokenStore;
    const sizes = new Uint32Array(8);
    for (const subset of unitSubsets(store, 8)) sizes[subset]! += 1;
    // Five standard deviations of a binomial of 20,000 and 1/8.
    for (const size of sizes)
      expect(Math.abs(size - units / 8)).toBeLessThan(5 * Math.sqrt(units * (7 / 64)));
  });

  test("a user's records count together, and where they are cut counts", async () => {
    const store = await read(rows);
    const joined = { ...store, units: 2, unitOffsets: Uint32Array.of(0, 1, 3) };
    const cut = { ...joined, offsets: store.offsets.slice() };
    cut.offsets[2]! += 1;
    const [before, after] = [unitSubsets(joined, 2 ** 31), unitSubsets(cut, 2 ** 31)];
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });
});
