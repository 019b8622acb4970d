import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidParameterError } from '../../privacy/index.ts';
import {
  allUnits,
  describe as describeStore,
  lengthOf,
  readSplit,
  readSplitByColumn,
  readStore,
  type ReadOptions,
  type Row,
  type TokenStore,
} from '../../src/data/index.ts';
import { rowsOf, wordTokenizer } from './files.ts';

const base: ReadOptions = {
  tokenizer: wordTokenizer,
  task: 'single-label',
  unit: { kind: 'record' },
  seed: 7,
};
const user = (maxRecords: number): Partial<ReadOptions> => ({ unit: { kind: 'user', maxRecords } });
const store = (rows: readonly Partial<Row>[], options: Partial<ReadOptions> = {}, columns = {}) =>
  readStore(rowsOf(rows, columns), { ...base, ...options });

/** Records as text: tokens and label, by unit. */
function contents(given: TokenStore): string[][] {
  const { labels } = given;
  if (labels.task !== 'single-label') throw new Error('single-label stores only');
  return Array.from(allUnits(given), (unit) =>
    Array.from({ length: given.unitOffsets[unit + 1]! - given.unitOffsets[unit]! }, (_, nth) => {
      const record = given.unitOffsets[unit]! + nth;
      const tokens = given.ids.subarray(given.offsets[record], given.offsets[record + 1]);
      return `${tokens.join(' ')}/${labels.names.names[labels.codes[record]!]}`;
    }),
  );
}

const names = async (labels: unknown[], declared?: string[]) => {
  const kept = await store(
    labels.map((label) => ({ text: '1', label })),
    { labels: declared },
  );
  return kept.labels.task === 'single-label' && [kept.labels.names.names, [...kept.labels.codes]];
};

const targets = async (...labels: unknown[]) => {
  const { labels: kept } = await store(
    labels.map((label) => ({ label })),
    { task: 'regression' },
  );
  return kept.task === 'regression' && [...kept.values];
};

const usersOf = (part: TokenStore) => new Set(Array.from(part.ids, (id) => (id - 1) % 500));

describe('readStore', () => {
  it('keeps tokens, segments, labels and slices of every record', async () => {
    const rows = [
      { text: '1 2 3', textPair: '4', label: 'no', slices: ['x'] },
      { text: '', textPair: '', label: 'yes', slices: ['y'] },
      { text: '5', textPair: '6 7', label: 'no', slices: ['x'] },
    ];
    const kept = await store(rows, {}, { slices: ['source'] });
    expect(kept).toMatchObject({ records: 3, units: 3 });
    expect([...kept.offsets]).toEqual([0, 4, 5, 8]);
    expect([...kept.ids].filter((_, i) => i !== 4)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([...kept.typeIds!]).toEqual([0, 0, 0, 1, 1, 0, 1, 1]);
    expect(kept.labels).toEqual({
      task: 'single-label',
      codes: Int32Array.of(0, 1, 0),
      names: { names: ['no', 'yes'], discovered: true },
    });
    expect(kept.slices).toEqual([{ column: 'source', names: ['x', 'y'], codes: Int32Array.of(0, 1, 0) }]);
  });

  it('takes 16 bits a token until one does not fit', async () => {
    expect((await store([{ text: '65535' }])).ids).toEqual(Uint16Array.of(65_535));
    expect((await store([{ text: '65535 2' }, { text: '65536' }])).ids).toEqual(
      Int32Array.of(65_535, 2, 65_536),
    );
  });

  it('sorts discovered labels by number or code unit, and keeps declared ones in order', async () => {
    expect(await names(['10', 9, ' 9 ', -1])).toEqual([
      ['-1', '9', '10'],
      [2, 1, 1, 0],
    ]);
    expect(await names(['b', 'B', 'a', true])).toEqual([
      ['B', 'a', 'b', 'true'],
      [2, 0, 1, 3],
    ]);
    expect(await names(['pos', 'neg'], ['neg', 'pos', 'other'])).toEqual([
      ['neg', 'pos', 'other'],
      [1, 0],
    ]);
    expect(await names([1, '0', 2], ['neg', 'pos', 'other'])).toEqual([
      ['neg', 'pos', 'other'],
      [1, 0, 2],
    ]);
    expect(await names(['2', '1'], ['1', '2'])).toEqual([
      ['1', '2'],
      [1, 0],
    ]);
  });

  it('refuses labels that are unknown, empty or no labels, by line', async () => {
    const rows = ['a', 'c', '', 2, {}, '1'].map((label) => ({ text: '1', label }));
    await expect(store(rows, { labels: ['a', 'b'] })).rejects.toThrow(
      '2: label="c", must be one of "a", "b"\n3: label is empty, must be a label\n4: label=2, must be one of "a", "b"\n' +
        '5: label={}, must be a string, number or boolean',
    );
  });

  it('reads several labels a record: lists, JSON text, names with semicolons', async () => {
    const rows = [['b', 'a', 'b'], '["c"]', 'a; c', '', []].map((label) => ({ text: '1', label }));
    const { labels } = await store(rows, { task: 'multi-label' });
    expect(labels).toMatchObject({
      names: { names: ['a', 'b', 'c'] },
      offsets: Uint32Array.of(0, 2, 3, 5, 5, 5),
    });
    expect(labels.task === 'multi-label' && [...labels.codes]).toEqual([1, 0, 2, 0, 2]);
    await expect(
      store([{ label: '["a"' }, { label: 1 }, { label: ['a', null] }], { task: 'multi-label' }),
    ).rejects.toThrow(/^1: .*must be a JSON list.*\n2: .*must be a list.*\n3: label=null/);
  });

  it('reads targets, and refuses those that are not finite numbers', async () => {
    expect(await targets(1, ' -2.5e3 ', 3n, '.5')).toEqual([1, -2500, 3, 0.5]);
    for (const wrong of ['', 'inf', 'NaN', Number.NaN, Infinity, '0x10', '1e999', true, null, []]) {
      await expect(targets(wrong)).rejects.toThrow('must be a finite number');
    }
  });

  it('says which options do not fit', async () => {
    await expect(store([{}], user(2))).rejects.toThrow(/columns\.unit=undefined/);
    await expect(store([{}], user(0), { unit: 'u' })).rejects.toThrow(/maxRecordsPerUser=0/);
    await expect(store([{}], {}, { label: undefined })).rejects.toThrow(/columns\.label=undefined/);
    await expect(store([{}], { labels: ['a', 'a'] })).rejects.toThrow(InvalidParameterError);
    await expect(store([])).rejects.toThrow(/no rows for train/);
  });
});

const texts = fc.constantFrom('1', '2', '3 4');
const labels = fc.constantFrom('a', 'b');
const userRows = fc.array(
  fc.record({ text: texts, label: labels, unit: fc.constantFrom('u', 'v', 'w', 'x') }),
  { minLength: 1, maxLength: 30 },
);
const asKeys = (units: string[][]) => units.map((records) => records.join('|'));

describe('user units', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({
    text: String(i + 1),
    unit: i % 10 === 0 ? 'rare' : i % 2 ? 'odd' : 'even',
  }));

  it("lays each user's records together in order of the file, at most k of them", async () => {
    const all = contents(await store(rows, user(100), { unit: 'u' }));
    expect(all.map((records) => records.length)).toEqual([4, 20, 16]);
    expect(all[0]).toEqual(['1/a', '11/a', '21/a', '31/a']);
    const some = await store(rows, user(5), { unit: 'u' });
    expect(contents(some).map((records) => records.length)).toEqual([4, 5, 5]);
    for (const [unit, records] of contents(some).entries()) {
      expect(all[unit]!.filter((record) => records.includes(record))).toEqual(records);
    }
    expect(some.counts).toMatchObject({ rows: 40, unitsOverLimit: 2, overLimit: 26 });
    expect(contents(await store(rows, user(5), { unit: 'u' }))).toEqual(contents(some));
    expect(contents(await store(rows, { ...user(5), seed: 8 }, { unit: 'u' }))).not.toEqual(contents(some));
  });

  it('chooses every record of a user equally often', async () => {
    const chosen = new Uint32Array(6);
    for (let seed = 0; seed < 600; seed++) {
      const six = Array.from({ length: 6 }, (_, i) => ({ text: String(i + 1), unit: 'u' }));
      const kept = await store(six, { ...user(2), seed }, { unit: 'u' });
      for (const id of kept.ids) chosen[id - 1]! += 1;
    }
    // 200 expected of each, standard deviation 11.5.
    for (const count of chosen) expect(Math.abs(count - 200)).toBeLessThan(46);
  });

  it.each([[[]], [['dedupe' as const]]])(
    "G7 removing a user changes no other user's records (cleaning %j)",
    async (cleaning) => {
      await fc.assert(
        fc.asyncProperty(userRows, async (given) => {
          const options = { ...user(2), cleaning };
          const without = given.filter(({ unit }) => unit !== 'u');
          fc.pre(without.length > 0);
          const before = asKeys(contents(await store(given, options, { unit: 'u' })));
          const after = asKeys(contents(await store(without, options, { unit: 'u' })));
          const extra = before.filter((key) => !remove(after, key));
          expect(after).toEqual([]);
          expect(extra.length).toBe(given.length > without.length ? 1 : 0);
        }),
        { seed: 2, numRuns: 200 },
      );
    },
  );
});

/** Takes one equal item out of a list; whether there was one. */
function remove(list: string[], item: string): boolean {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}

describe('dedupe', () => {
  it('drops later rows with the same cleaned texts and label, and counts them', async () => {
    const rows = [
      { text: 'a b' },
      { text: 'A  b' },
      { text: 'a b', label: 'c' },
      { text: 'a', textPair: 'b' },
      { text: 'a b' },
    ];
    const kept = await store(rows, { cleaning: ['dedupe', 'lower', 'whitespace'] });
    expect(kept.counts).toMatchObject({ rows: 5, duplicates: 2, cleaned: { lower: 1, whitespace: 1 } });
    expect(kept.records).toBe(3);
  });

  it('G1 removing a record changes what is left by that record or not at all', async () => {
    const rows = fc.array(fc.record({ text: texts, label: labels }), { minLength: 2, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(rows, fc.nat(), async (given, choice) => {
        const without = given.toSpliced(choice % given.length, 1);
        const before = contents(await store(given, { cleaning: ['dedupe'] })).flat();
        const after = contents(await store(without, { cleaning: ['dedupe'] })).flat();
        const extra = before.filter((record) => !remove(after, record));
        expect(after).toEqual([]);
        expect(extra.length).toBeLessThanOrEqual(1);
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});

describe('readSplit', () => {
  const fractions = { test: 0.3, validation: 0.2 };
  const rows = Array.from({ length: 2000 }, (_, i) => ({
    text: String(i + 1),
    unit: `user ${i % 500}`,
    label: i % 2 ? 'a' : 'b',
  }));

  it('gives each part its share of units, and all records to exactly one part', async () => {
    const parts = await readSplit(rowsOf(rows), base, fractions);
    const sizes = [parts.train, parts.validation!, parts.test!].map(({ records }) => records);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(2000);
    // Binomial: standard deviations 22, 18, 20.
    for (const [index, share] of [0.5, 0.2, 0.3].entries())
      expect(Math.abs(sizes[index]! - share * 2000)).toBeLessThan(90);
    const ids = [parts.train, parts.validation!, parts.test!].flatMap((part) => [...part.ids]);
    expect(new Set(ids).size).toBe(2000);
    expect(parts.test!.labels).toMatchObject({ names: { names: ['a', 'b'] } });
  });

  it('never lets a user straddle parts', async () => {
    const parts = await readSplit(
      rowsOf(rows, { unit: 'u' }),
      { ...base, unit: { kind: 'user', maxRecords: 9 } },
      fractions,
    );
    expect(usersOf(parts.train).size + usersOf(parts.validation!).size + usersOf(parts.test!).size).toBe(500);
    expect(parts.train.units).toBe(usersOf(parts.train).size);
    expect(parts.test!.units).toBe(parts.test!.records);
  });

  it('G1 moves no other record when one is removed', async () => {
    const before = await readSplit(rowsOf(rows), base, fractions);
    const after = await readSplit(rowsOf(rows.toSpliced(3, 1)), base, fractions);
    const removed = rows[3]!.text;
    for (const part of ['train', 'validation', 'test'] as const) {
      expect([...after[part]!.ids].map(String)).toEqual(
        [...before[part]!.ids].map(String).filter((id) => id !== removed),
      );
    }
  });

  it('depends on the seed and leaves out parts not asked for', async () => {
    const other = await readSplit(rowsOf(rows), { ...base, seed: 8 }, { test: 0.3 });
    const same = await readSplit(rowsOf(rows), base, { test: 0.3 });
    expect(other.validation).toBeUndefined();
    expect([...other.test!.ids]).not.toEqual([...same.test!.ids]);
    await expect(readSplit(rowsOf(rows), base, { test: 0.6, validation: 0.4 })).rejects.toThrow(
      /less than 1/,
    );
    await expect(readSplit(rowsOf(rows), base, { test: -0.1 })).rejects.toThrow(/split\.test=-0\.1/);
  });
});

describe('readSplitByColumn', () => {
  it('groups the units of the training part only, and refuses a file without rows for a part', async () => {
    const rows = Array.from({ length: 90 }, (_, i) => ({
      text: String(i + 1),
      unit: `user ${i % 10}`,
      part: i % 3 === 0 ? ('test' as const) : ('train' as const),
    }));
    const options: ReadOptions = { ...base, unit: { kind: 'user', maxRecords: 4 } };
    const source = (given: typeof rows) => rowsOf(given, { unit: 'u', part: 'part' });
    const { train, test } = await readSplitByColumn(source(rows), options);
    expect([train.units, train.records, test?.units, test?.records]).toEqual([10, 40, 30, 30]);
    expect([...test!.ids]).toEqual(
      rows.filter(({ part }) => part === 'test').map(({ text }) => Number(text)),
    );
    await expect(
      readSplitByColumn(source(rows.filter(({ part }) => part === 'train')), options),
    ).rejects.toThrow(/no rows for test/);
    await expect(readSplitByColumn(rowsOf(rows, { unit: 'u' }), options)).rejects.toThrow(
      /columns\.part=undefined/,
    );
  });
});

describe('description', () => {
  it('counts what the owner should see before training', async () => {
    const rows = [
      { text: '1 2', label: 'b', unit: 'u' },
      { text: '1 2', label: 'a', unit: 'v' },
      { text: ' ', label: 'a', unit: 'u' },
      { text: '? 3 ? 4', label: 'a', unit: 'u' },
      { text: Array.from({ length: 60 }, () => '9').join(' '), label: 'a', unit: 'w' },
    ];
    expect(describeStore(await store(rows, { ...user(10), labels: ['a', 'b', 'c'] }, { unit: 'u' }))).toEqual(
      {
        rows: 5,
        records: 5,
        units: 3,
        largestUnit: 3,
        labels: { a: 4, b: 1, c: 0 },
        labelsDiscovered: false,
        truncationRate: 0.2,
        unknownRate: 2 / 58,
        tokens: { total: 58, median: 2, p90: 50, p95: 50, p99: 50, maximum: 50 },
        emptyTexts: 1,
        repeatedTexts: 1,
        duplicatesDropped: 0,
        unitsOverLimit: 0,
        recordsOverLimit: 0,
        cleaned: {},
      },
    );
  });

  it('finds every repeated text among many', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => ({ text: `${((i * 7919) % 3000) + 1} 1` }));
    const kept = await store(rows);
    expect(describeStore(kept).repeatedTexts).toBe(2000);
    expect(lengthOf(kept, 0)).toBe(2);
  });
});
