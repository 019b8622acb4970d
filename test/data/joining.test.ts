import { expect, test } from 'vitest';
import { joinStores, type Labels, type TokenStore } from '../../src/data/index.ts';

function store(texts: readonly (readonly number[])[], labels: Labels, wide: boolean): TokenStore {
  const offsets = new Uint32Array(texts.length + 1);
  texts.forEach((text, k) => (offsets[k + 1] = offsets[k]! + text.length));
  return {
    records: texts.length,
    units: texts.length,
    unitOffsets: Uint32Array.from({ length: texts.length + 1 }, (_, k) => k),
    ids: wide ? Int32Array.from(texts.flat()) : Uint16Array.from(texts.flat()),
    offsets,
    typeIds: wide ? undefined : new Uint8Array(texts.flat().length).fill(1),
    labels,
    slices: [{ column: 'place', names: ['here'], codes: new Int32Array(texts.length) }],
    flags: new Uint8Array(texts.length).fill(1),
    unknown: new Uint16Array(texts.length),
    counts: { rows: 9, duplicates: 0, unitsOverLimit: 0, overLimit: 0, cleaned: {} },
  };
}

const names = { names: ['a', 'b'], discovered: false };

test('the chosen records of another store stand behind the own ones, each a unit', () => {
  const own = store([[1, 2], [3]], { task: 'single-label', names, codes: Int32Array.of(0, 1) }, false);
  // A user of two records.
  const byUser = { ...own, units: 1, unitOffsets: Uint32Array.of(0, 2) };
  const more = store(
    [[70_000], [5, 6], [7]],
    { task: 'single-label', names, codes: Int32Array.of(1, 1, 0) },
    true,
  );
  const joined = joinStores(byUser, more, [0, 2]);
  expect(joined).toMatchObject({ records: 4, units: 3, counts: own.counts });
  expect(joined.unitOffsets).toEqual(Uint32Array.of(0, 2, 3, 4));
  expect(joined.ids).toEqual(Int32Array.of(1, 2, 3, 70_000, 7));
  expect(joined.offsets).toEqual(Uint32Array.of(0, 2, 3, 4, 5));
  expect(joined.typeIds).toEqual(Uint8Array.of(1, 1, 1, 0, 0));
  expect(joined.labels).toMatchObject({ codes: Int32Array.of(0, 1, 1, 0) });
  expect(joined.slices[0]).toMatchObject({ names: ['here', 'canary'], codes: Int32Array.of(0, 0, 1, 1) });
});

test('several labels, and texts to be written', () => {
  const joined = joinStores(
    store([[1], [2]], many([[0, 1], []]), false),
    store([[3], [4], [5]], many([[1], [], [0]]), true),
    [2, 0, 1],
  );
  expect(joined.labels).toMatchObject({
    offsets: Uint32Array.of(0, 2, 2, 3, 4, 4),
    codes: Int32Array.of(0, 1, 0, 1),
  });
  expect(
    joinStores(store([[1, 2]], starts([1]), false), store([[3, 4, 5]], starts([2]), false), [0]).labels,
  ).toEqual(starts([1, 2]));
  expect(() => joinStores(store([[1]], starts([1]), false), store([[3]], many([[1]]), false), [0])).toThrow(
    /cannot join/,
  );
});

function many(rows: readonly number[][]): Labels {
  const offsets = new Uint32Array(rows.length + 1);
  rows.forEach((row, k) => (offsets[k + 1] = offsets[k]! + row.length));
  return { task: 'multi-label', names, offsets, codes: Int32Array.from(rows.flat()) };
}

function starts(values: readonly number[]): Labels {
  return { task: 'generation', starts: Uint32Array.from(values) };
}
