import { describe, expect, it } from 'vitest';
import {
  describe as describeStore,
  joinStores,
  keepUnits,
  microBatches,
  openRows,
  readStore,
  type Encoding,
  type ReadOptions,
  type TokenStore,
  type WordTags,
} from '../../src/data/index.ts';
import { collect, GOLDEN, rowsOf, temporaryFiles } from './files.ts';

const file = temporaryFiles();
const columns = { text: 'tokens', label: 'tags', words: true };

/** A first token 1, two a word (its length, 9), a last token 2; at most 9; a word `-` has none. */
const tokenizer = {
  encode: (): Encoding => ({ ids: [0], truncated: false, unknown: 0 }),
  encodeWords(words: readonly string[]): Encoding {
    const ids = words.flatMap((word) => (word === '-' ? [] : [word.length, 9]));
    let next = 0;
    const firsts = words.map((word) => {
      if (word === '-') return -1;
      next += 2;
      return next - 2 < 7 ? next - 1 : -1;
    });
    return { ids: [1, ...ids.slice(0, 7), 2], truncated: ids.length > 7, unknown: 0, words: firsts };
  },
};
const base: ReadOptions = { tokenizer, task: 'token-classification', unit: { kind: 'record' }, seed: 1 };

function tagsOf(store: TokenStore): WordTags & { names: readonly string[] } {
  const { labels } = store;
  if (labels.task !== 'token-classification') throw new Error('no tags');
  return { ...labels, names: labels.names.names };
}

async function readText(name: string, content: string, options: Partial<ReadOptions> = {}) {
  return readStore(openRows(file(name, content), { columns }), { ...base, ...options });
}

describe('words with tags', () => {
  const json = [
    '{"tokens": ["Ada", "saw", "New", "York"], "tags": ["B-PER", "O", "B-LOC", "I-LOC"]}',
    '{"tokens": "well done", "tags": "O O"}',
    '{"tokens": [], "tags": []}',
    '{"tokens": ["-"], "tags": ["O"]}',
  ];

  it('are read from lists and from text, each with its first token', async () => {
    const store = await readText('lists.jsonl', json.join('\n'));
    const { names, offsets, codes, positions } = tagsOf(store);
    expect(names).toEqual(['B-LOC', 'B-PER', 'I-LOC', 'O']);
    expect([...offsets]).toEqual([0, 4, 6, 6, 7]);
    expect([...codes].map((code) => names[code])).toEqual(['B-PER', 'O', 'B-LOC', 'I-LOC', 'O', 'O', 'O']);
    // The fourth word begins beyond the limit's end, the word without a token nowhere.
    expect([...positions]).toEqual([1, 3, 5, 7, 1, 3, -1]);
  });

  it('that were cut off are counted, and sentences without any', async () => {
    const long = '{"tokens": "a b c d e f", "tags": "O O O O B-PER I-PER"}';
    const store = await readText('long.jsonl', [...json, long].join('\n'));
    expect(describeStore(store)).toMatchObject({
      words: { total: 13, lost: 3, recordsWithout: 2 },
      emptyTexts: 1,
      truncationRate: 2 / 5,
    });
  });

  it('stand at their first tokens in a micro-batch; every other token has none', async () => {
    const store = await readText('batch.jsonl', json.join('\n'), {
      labels: ['O', 'B-PER', 'B-LOC', 'I-LOC'],
    });
    const [batch] = [...microBatches(store, Uint32Array.of(0, 1), { tokenBudget: 64, padId: 0 })];
    const x = -100;
    expect([...batch!.labels!]).toEqual(
      [
        [x, 1, x, 0, x, 2, x, 3, x],
        [x, 0, x, 0, x, x, x, x, x],
      ].flat(),
    );
  });

  it('are numbers where the names are declared', async () => {
    const labels = ['O', 'B-PER'];
    const store = await readText('numbers.jsonl', '{"tokens": ["a", "b"], "tags": [1, 0]}', { labels });
    expect([...tagsOf(store).codes]).toEqual([1, 0]);
  });

  it('keep their places when some records are taken, or others join', async () => {
    const store = await readText('some.jsonl', json.join('\n'));
    const kept = keepUnits(store, [1, 3]);
    expect([...tagsOf(kept).offsets]).toEqual([0, 2, 3]);
    expect([...tagsOf(kept).positions]).toEqual([1, 3, -1]);
    const joined = tagsOf(joinStores(store, kept, [1, 0]));
    expect([...joined.offsets]).toEqual([0, 4, 6, 6, 7, 8, 10]);
    expect([...joined.positions].slice(7)).toEqual([-1, 1, 3]);
    expect(joined.codes).toHaveLength(10);
  });

  it("of a user's sentences lie together, at most k", async () => {
    const rows = [0, 1, 2, 3].map((row) => ({
      text: 'w',
      words: Array.from({ length: row + 1 }, () => 'w'),
      label: Array.from({ length: row + 1 }, () => 'O'),
      unit: row % 2 === 0 ? 'a' : 'b',
    }));
    const source = rowsOf(rows, { ...columns, unit: 'who' });
    const store = await readStore(source, { ...base, unit: { kind: 'user', maxRecords: 2 } });
    expect([...store.unitOffsets]).toEqual([0, 2, 4]);
    expect([...tagsOf(store).offsets]).toEqual([0, 1, 4, 6, 10]);
  });

  it('are cleaned one by one, and duplicates found word by word', async () => {
    const rows = ['{"tokens": ["A b", "C"], "tags": "O O"}', '{"tokens": ["a", "b c"], "tags": "O O"}'];
    const store = await readText('clean.jsonl', [...rows, rows[0]].join('\n'), {
      cleaning: ['lower', 'dedupe'],
    });
    expect(store.records).toBe(2);
    expect(store.counts).toMatchObject({ duplicates: 1, cleaned: { lower: 4 } });
  });

  it.each([
    ['{"tokens": ["a", "b"], "tags": ["O"]}', /tags, 1 of them: must be one for each word, and there are 2/],
    ['{"tokens": 3, "tags": ["O"]}', /tokens=3, must be a list of words/],
    ['{"tokens": ["a", 3], "tags": ["O", "O"]}', /tokens has 3, must be words alone/],
    ['{"tokens": ["a"], "tags": ["B"]}', /tag="B", must be O, or B-, I-, E- or S-/],
    ['{"tokens": ["a"], "tags": ["B-X"]}', /O is not among them/],
  ])('that are wrong are refused: %s', async (row, message) => {
    await expect(readText('wrong.jsonl', row)).rejects.toThrow(message);
  });

  it('come from two text files, line by line', async () => {
    const tags = file('tags.out', 'B-PER O\nO\n');
    const source = openRows(file('words.txt', 'Ada left\nbye\n'), {
      columns: { text: 'text', label: 'tags', words: true },
      parallel: [{ column: 'tags', path: tags }],
    });
    const { codes, names } = tagsOf(await readStore(source, base));
    expect([...codes].map((code) => names[code])).toEqual(['B-PER', 'O', 'O']);
  });

  it('come from lists in Parquet files', async () => {
    const path = `${GOLDEN}records.snappy.parquet`;
    const source = openRows(path, { columns: { text: 'tags', words: true } });
    const rows = await collect(source);
    expect(rows.map(({ words }) => words)).toEqual([[], ['a'], ['b'], ['a', 'b'], [], ['a'], ['b']]);
  });
});

describe('CoNLL files', () => {
  const conll = [
    '-DOCSTART- -X- O O',
    '',
    'EU NNP I-NP B-ORG',
    'rejects VBZ I-VP O',
    '',
    '',
    'Peter\tNNP\tI-NP\tB-PER',
    '\u00a0\tNNP\tI-NP\tI-PER',
  ].join('\n');

  it('have a word a line, its tag last, a blank line after a sentence', async () => {
    const rows = await collect(openRows(file('a.conll', conll), { columns }));
    expect(rows.map(({ line, words, label }) => ({ line, words, label }))).toEqual([
      { line: 3, words: ['EU', 'rejects'], label: ['B-ORG', 'O'] },
      { line: 7, words: ['Peter', '\u00a0'], label: ['B-PER', 'I-PER'] },
    ]);
  });

  it('have columns 1, 2, ..., and an author that is the same in a sentence', async () => {
    const text = 'a ann O\nb ann B-X\n\nc ben O\n';
    const named = { text: '1', label: 'tags', words: true, unit: '2' };
    const rows = await collect(openRows(file('b.bio', text), { columns: named }));
    expect(rows.map(({ unit, label }) => [unit, label])).toEqual([
      ['ann', ['O', 'B-X']],
      ['ben', ['O']],
    ]);
    const mixed = file('c.bio', 'a ann O\nb ben O\n');
    await expect(collect(openRows(mixed, { columns: named }))).rejects.toThrow(/:1: column="2" differs/);
  });

  it('name the lines that are wrong, and the columns that there are', async () => {
    const short = file('d.conll', 'a O\nb\n\nc O\n');
    await expect(collect(openRows(short, { columns }))).rejects.toThrow(/:2: 1 fields, must be 2/);
    const wrong = openRows(file('e.conll', 'a O\n'), { columns: { ...columns, text: 'words' } });
    await expect(collect(wrong)).rejects.toThrow(/column="words": there are tokens, tags and 1 to 2/);
    expect(() => openRows('f.conll', { columns: { text: 'tokens' } })).toThrow(/task: token-classification/);
  });

  it('may end a word with spaces of other kinds, and come without a last newline', async () => {
    const rows = await collect(openRows(file('g.conll', '\uFEFFa  O\r\n\u00a0 O'), { columns }));
    expect(rows.map(({ words }) => words)).toEqual([['a', '\u00a0']]);
  });
});
