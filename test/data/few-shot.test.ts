import { describe, expect, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { readStore, selectFirstOfEachClass, type Row, type TokenStore } from '../../src/data/index.ts';
import { rowsOf, wordTokenizer } from './files.ts';

const labels = ['a', 'b'];
const read = (rows: readonly Partial<Row>[]): Promise<TokenStore> =>
  readStore(rowsOf(rows), {
    tokenizer: wordTokenizer,
    task: 'single-label',
    labels,
    unit: { kind: 'record' },
    seed: 0,
  });

/** Records as a multiset of texts: tokens and label. */
function contentsOf(store: TokenStore): string[] {
  const { labels: own } = store;
  if (own.task !== 'single-label') throw new Error('single-label stores only');
  return Array.from({ length: store.records }, (_, record) => {
    const tokens = store.ids.subarray(store.offsets[record], store.offsets[record + 1]);
    return `${tokens.join(' ')}/${own.codes[record]}`;
  }).sort();
}

/** Records of one multiset that the other lacks, and the other way round. */
function difference(a: readonly string[], b: readonly string[]): [lost: number, gained: number] {
  const left = [...b];
  let lost = 0;
  for (const item of a) {
    const at = left.indexOf(item);
    if (at < 0) lost += 1;
    else left.splice(at, 1);
  }
  return [lost, left.length];
}

/** All multisets of up to four rows of two classes and three texts, the third with a second text. */
function dataSets(): Partial<Row>[][] {
  const kinds: Partial<Row>[] = labels.flatMap((label) => [
    { text: '1', label },
    { text: '2', label },
    { text: '1', textPair: '3', label },
  ]);
  const sets: Partial<Row>[][] = [[]];
  for (let size = 1, last: [Partial<Row>[], number][] = [[[], 0]]; size <= 4; size++) {
    last = last.flatMap(([rows, from]) =>
      kinds.slice(from).map((kind, k): [Partial<Row>[], number] => [[...rows, kind], from + k]),
    );
    sets.push(...last.map(([rows]) => rows));
  }
  return sets.filter((rows) => rows.length > 1);
}

type Select = (store: TokenStore, perClass: number, seed: number) => TokenStore;

/** The most that one record more or fewer changes, over all small data sets, places in the file and sizes of a selection. */
async function worstChange(select: Select): Promise<[lost: number, gained: number]> {
  let worst: [number, number] = [0, 0];
  for (const [index, rows] of dataSets().entries()) {
    const shuffled = [...rows];
    reproducibleRng(index)
      .shuffle(Uint32Array.from(rows.keys()))
      .forEach((at, k) => (shuffled[k] = rows[at]!));
    const whole = await read(shuffled);
    for (let gone = 0; gone < rows.length; gone++) {
      const less = await read(shuffled.toSpliced(gone, 1));
      for (const perClass of [1, 2]) {
        const [before, after] = [whole, less].map((store) => contentsOf(select(store, perClass, index % 3)));
        const [lost, gained] = difference(before!, after!);
        worst = [Math.max(worst[0], lost), Math.max(worst[1], gained)];
      }
    }
  }
  return worst;
}

/** A selection as it must not be made: by places that one record more would shift. */
const byPosition: Select = (store, perClass, seed) => {
  const rng = reproducibleRng(seed);
  const order = rng.shuffle(Uint32Array.from({ length: store.records }, (_, k) => k));
  const own = store.labels.task === 'single-label' ? store.labels.codes : [];
  const kept = labels.flatMap((_, label) => [...order].filter((k) => own[k] === label).slice(0, perClass));
  return { ...store, ...pickedFrom(store, kept) };
};

describe('the first records of each class', () => {
  test('G8: one record more or fewer in the file replaces at most one of those selected', async () => {
    expect(await worstChange(selectFirstOfEachClass)).toEqual([1, 1]);
  });

  test('G8: an order by position would change several', async () => {
    const [lost, gained] = await worstChange(byPosition);
    expect(Math.max(lost, gained)).toBeGreaterThan(1);
  });

  test('a class with fewer gives all that it has, and no other class gives more', async () => {
    const rows = [
      ...Array.from({ length: 9 }, (_, k) => ({ text: String(k + 1), label: 'a' })),
      { text: '30', label: 'b' },
    ];
    const selected = contentsOf(selectFirstOfEachClass(await read(rows), 4, 0));
    expect(selected.filter((record) => record.endsWith('/0'))).toHaveLength(4);
    expect(selected.filter((record) => record.endsWith('/1'))).toHaveLength(1);
  });

  test('depend on the seed and not on the order of the file', async () => {
    const rows = Array.from({ length: 40 }, (_, k) => ({ text: String(k + 1), label: labels[k % 2] }));
    const [forth, back] = [await read(rows), await read(rows.toReversed())];
    const selected = [forth, back].map((store) => contentsOf(selectFirstOfEachClass(store, 3, 1)));
    expect(selected[1]).toEqual(selected[0]);
    expect(contentsOf(selectFirstOfEachClass(forth, 3, 2))).not.toEqual(selected[0]);
  });

  test('are drawn evenly: no text is favoured', async () => {
    const rows = Array.from({ length: 20 }, (_, k) => ({ text: String(k + 1), label: 'a' }));
    const store = await read(rows);
    const counts = new Map<string, number>();
    const seeds = 2000;
    for (let seed = 0; seed < seeds; seed++) {
      for (const record of contentsOf(selectFirstOfEachClass(store, 5, seed))) {
        counts.set(record, (counts.get(record) ?? 0) + 1);
      }
    }
    const expected = seeds / 4;
    const deviation = Math.sqrt(seeds * 0.25 * 0.75);
    expect(counts.size).toBe(20);
    for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(4.5 * deviation);
  });

  test('need classes of single records', async () => {
    const store = await readStore(rowsOf([{ text: '1', label: 0.5 }]), {
      tokenizer: wordTokenizer,
      task: 'regression',
      unit: { kind: 'record' },
      seed: 0,
    });
    expect(() => selectFirstOfEachClass(store, 1, 0)).toThrow('has no classes');
  });
});

/** Only what `contentsOf` reads. */
function pickedFrom(store: TokenStore, kept: readonly number[]): Partial<TokenStore> {
  const records = kept.map((k) => Array.from(store.ids.subarray(store.offsets[k], store.offsets[k + 1])));
  const offsets = [0];
  for (const ids of records) offsets.push(offsets.at(-1)! + ids.length);
  const own = store.labels;
  return {
    records: kept.length,
    ids: Int32Array.from(records.flat()),
    offsets: Uint32Array.from(offsets),
    labels:
      own.task === 'single-label' ? { ...own, codes: Int32Array.from(kept, (k) => own.codes[k]!) } : own,
  };
}
