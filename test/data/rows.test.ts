import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import * as zlib from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../privacy/index.ts';
import { openRows, sha256File, type OpenOptions } from '../../src/data/index.ts';
import { collect, expected, GOLDEN, temporaryFiles } from './files.ts';

const write = temporaryFiles();
const columns = { text: 'text', label: 'label' };
const read = (path: string, options: Partial<OpenOptions> = {}) =>
  collect(openRows(path, { columns, ...options }));
const errorOf = (path: string, options: Partial<OpenOptions> = {}) =>
  read(path, options).then(
    () => expect.fail('read without an error'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(DataError);
      return (error as Error).message;
    },
  );

const quote = (value: string): string => `"${value.replaceAll('"', '""')}"`;

/** A text file with its labels in another. */
const beside = (labels: string, path = write('texts.txt', 'one\r\ntwo\n\nthree')) => ({
  path,
  options: { parallel: [{ column: 'label', path: write('labels.txt', labels) }] },
});

describe('CSV and TSV', () => {
  it('reads what Python reads: quotes, newlines in fields, byte-order mark, CRLF, and the line numbers', async () => {
    const rows = await read(`${GOLDEN}nasty.csv`);
    expect(rows.map(({ line, text, label }) => ({ line, text, label }))).toEqual(
      expected.csv.rows.map(({ line, fields }) => ({ line, text: fields[1], label: fields[2] })),
    );
  });

  it('gives back any fields that a writer quoted', async () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', 'é', '😀', ' ') });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(field, field), { minLength: 1 }), async (pairs) => {
        const body = pairs.map(([text, label]) => `${quote(text)},${quote(label)}\n`).join('');
        const rows = await read(write('any.csv', `text,label\n${body}`));
        expect(rows.map(({ text, label }) => [text, label])).toEqual(pairs);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it('reads files longer than a block', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => `"row ${i}\n${'é'.repeat(i % 40)}",${i % 2}`);
    const rows = await read(write('long.csv', `text,label\n${lines.join('\n')}`));
    expect(rows).toHaveLength(30_000);
    expect(rows.at(-1)).toMatchObject({
      line: 2 + 2 * 29_999,
      text: `row 29999\n${'é'.repeat(39)}`,
      label: '1',
    });
  });

  it('takes columns in any order, by number without a header, with another delimiter, and literal quotes', async () => {
    const path = write('plain.dat', '1;"a" b;x\n2;"c;y\n');
    const rows = await read(path, {
      format: 'csv',
      delimiter: ';',
      header: false,
      quote: false,
      columns: { text: '2', label: '3', slices: ['1', '3'] },
    });
    expect(rows.map(({ text, label, slices }) => [text, label, ...slices])).toEqual([
      ['"a" b', 'x', '1', 'x'],
      ['"c', 'y', '2', 'y'],
    ]);
  });

  it('reads TSV and gzip', async () => {
    const text = 'label\ttext\tunit\r\nx\tsay "hi", you\tu1\r\n';
    const rows = await read(write('a.tsv.gz', gzipSync(text)), { columns: { ...columns, unit: 'unit' } });
    expect(rows).toEqual([
      { line: 2, text: 'say "hi", you', textPair: undefined, label: 'x', unit: 'u1', slices: [] },
    ]);
  });

  it('names a quote that is never closed, and the remedy', async () => {
    const message = await errorOf(write('open.tsv', 'text\tlabel\ngood\t1\n"open\t1\nrest\t0\n'));
    expect(message).toMatch(/open\.tsv:3: a quote .* never closed.*quote=false/);
  });
});

describe('JSON Lines, text, Parquet', () => {
  it('reads objects, keeps line separators inside strings, skips blank lines', async () => {
    const body = `\ufeff{"text": "a\\nb\u2028c", "label": ["x", "y"], "other": 1}\r\n\n{"label": 2, "text": ""}`;
    const rows = await read(write('a.jsonl', body));
    expect(rows.map(({ line, text, label }) => [line, text, label])).toEqual([
      [1, 'a\nb\u2028c', ['x', 'y']],
      [3, '', 2],
    ]);
  });

  it('reads the part of a row from its column, and refuses all but train and test', async () => {
    const body = ['train', ' Test', 'dev', 3].map((part) => JSON.stringify({ text: 'x', label: 1, part }));
    const options = { columns: { ...columns, part: 'part' } };
    const rows = await read(write('parts.jsonl', body.slice(0, 2).join('\n')), options);
    expect(rows.map(({ part }) => part)).toEqual(['train', 'test']);
    expect(await errorOf(write('more.jsonl', body.join('\n')), options)).toMatch(
      /more\.jsonl:3: part must be train or test.*\n.*more\.jsonl:4: part must be/,
    );
  });

  it('reads plain text, a line a record', async () => {
    const rows = await read(write('a.txt', 'one "two\r\n\nthree,four'), { columns: { text: 'text' } });
    expect(rows.map(({ line, text }) => [line, text])).toEqual([
      [1, 'one "two'],
      [3, 'three,four'],
    ]);
  });

  it.each(['a\nb\n\nc', 'a\nb\n\nc\n', 'a\r\nb\r\n\r\nc\r\n\r\n'])(
    'reads a text file and the labels in a file of their own, line by line: %j',
    async (labels) => {
      const { path, options } = beside(labels);
      const rows = await read(path, options);
      expect(rows.map(({ line, text, label }) => [line, text, label])).toEqual([
        [1, 'one', 'a'],
        [2, 'two', 'b'],
        [4, 'three', 'c'],
      ]);
    },
  );

  it('joins files of many blocks by their lines, however long these are', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `${i} ${'é'.repeat(i % 60)}`);
    const { path, options } = beside(
      `${lines.map((_, i) => i).join('\n')}\n`,
      write('long.txt', lines.join('\n')),
    );
    const rows = await read(path, options);
    expect(rows).toHaveLength(20_000);
    expect(rows.every(({ text, label }) => text.startsWith(`${String(label)} `))).toBe(true);
  });

  it.each([
    ['a\nb\n', /labels\.txt: ends before line 4, which .*texts\.txt still has/],
    ['a\nb\n\nc\nd\n', /texts\.txt: ends before line 5, which .*labels\.txt still has/],
    ['a\n\nb\nc\n', /texts\.txt:2: is blank in .*labels\.txt.*\n.*texts\.txt:3: is blank in .*texts\.txt/],
  ])('refuses labels that do not go with the texts: %j', async (labels, expectedMessage) => {
    const { path, options } = beside(labels);
    expect(await errorOf(path, options)).toMatch(expectedMessage);
  });

  it('names the line that is not UTF-8 in the file beside, and a format that has columns of its own', async () => {
    const labels = write('latin.txt', Buffer.from([0x61, 0x0a, 0xe9, 0x0a]));
    const parallel = [{ column: 'label', path: labels }];
    expect(await errorOf(write('two.txt', 'x\ny\n'), { parallel })).toMatch(/latin\.txt:2: not UTF-8/);
    expect(() => openRows('a.csv', { columns, parallel })).toThrow(/csv has columns of its own.*format=text/);
  });

  const hasZstd = 'zstdDecompressSync' in zlib;
  it.each(['none', 'snappy', 'gzip', 'brotli', ...(hasZstd ? ['zstd'] : [])])(
    'reads Parquet written by Arrow (%s)',
    async (codec) => {
      const path = `${GOLDEN}records.${codec}.parquet`;
      const rows = await read(path, {
        columns: { text: 'text', label: 'tags', unit: 'user', slices: ['score', 'label'] },
      });
      expect(
        rows.map(({ line, text, label, unit, slices }) => ({ line, text, label, unit, slices })),
      ).toEqual(
        expected.parquet.map(({ text, tags, user, score, label }, index) => ({
          line: index + 1,
          text,
          label: tags,
          unit: String(user),
          slices: [String(score), String(label)],
        })),
      );
    },
  );

  it.skipIf(hasZstd)('says what to do about a codec that this Node lacks', async () => {
    expect(await errorOf(`${GOLDEN}records.zstd.parquet`)).toMatch(/ZSTD.*Snappy.*Node 22\.15/s);
  });

  it('reads a damaged Parquet file or says what is wrong, but never crashes or hangs', async () => {
    const whole = readFileSync(`${GOLDEN}records.snappy.parquet`);
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const { at, byte } of changes) bytes[at] = byte;
        const path = write('damaged.parquet', bytes);
        const error = await read(path, { columns: { text: 'text', label: 'tags', unit: 'user' } }).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(error === undefined || error instanceof DataError).toBe(true);
        if (error) refused += 1;
      }),
      { seed: 5, numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it('reads standard input', () => {
    const index = new URL('../../src/data/index.ts', import.meta.url).href;
    const code = `import { openRows } from '${index}';
      for await (const { line, text } of openRows('-', { format: 'csv', columns: { text: 'text' } })) console.log(line, text);`;
    const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      input: 'text\na\n"b, c"\n',
      encoding: 'utf8',
    });
    expect(stdout).toBe('2 a\n3 b, c\n');
  });

  it('refuses what only looks like Parquet', async () => {
    expect(await errorOf(write('a.parquet', 'PAR1 but not really PAR1'))).toMatch(/undamaged Parquet file/);
  });
});

describe('bad files', () => {
  it('lists every bad row with file:line and what is wrong', async () => {
    const path = write(
      'bad.csv',
      Buffer.concat([
        Buffer.from('text,label,unit\n"ok\n",1,u\nshort,1\ngood,1,u\nlong,1,u,4\n'),
        Buffer.from([0x66, 0xe9, 0x2c, 0x31, 0x2c, 0x75, 0x0a]),
        Buffer.from('no unit,1,\n'),
      ]),
    );
    const message = await errorOf(path, { columns: { ...columns, unit: 'unit' } });
    expect(message.split('\n').slice(1)).toEqual([
      `  ${path}:4: 2 fields, must be 3 as in the first row; check quotes`,
      `  ${path}:6: 4 fields, must be 3 as in the first row; check quotes`,
      `  ${path}:7: not UTF-8; convert the file`,
      `  ${path}:8: unit="", must name the row's privacy unit`,
    ]);
  });

  it('finds a line that is not UTF-8 beyond the first block, and only that one', async () => {
    const good = Buffer.from(`{"text": "${'é'.repeat(1000)}", "label": 0}\n`);
    const bad = Buffer.from('{"text": "caf\xe9", "label": 0}\n', 'latin1');
    const path = write('late.jsonl', Buffer.concat([...Array.from({ length: 400 }, () => good), bad, good]));
    const message = await errorOf(path);
    expect(message.split('\n').slice(1)).toEqual([`  ${path}:401: not UTF-8; convert the file`]);
  });

  it('reports JSON that is no object, missing and wrong values by line', async () => {
    const path = write(
      'bad.jsonl',
      '{"text": "a", "label": 1}\n[1]\n{"text": 5, "label": 1}\n{"text": "b"}\n{"text": "c", "label": null}\n{"text": \n',
    );
    expect((await errorOf(path)).split('\n').slice(1)).toEqual([
      `  ${path}:2: not a JSON object; every line must be one, such as {"text": "..."}`,
      `  ${path}:3: text=5, must be a string`,
      `  ${path}:4: column="label" is missing`,
      `  ${path}:5: label is empty, must be a label`,
      `  ${path}:6: not a JSON object; every line must be one, such as {"text": "..."}`,
    ]);
  });

  it('stops after twenty', async () => {
    const message = await errorOf(write('many.jsonl', `{"text": "a", "label": 1}\n${'oops\n'.repeat(100)}`));
    expect(message).toContain('20 bad rows (stopped at 20)');
    expect(message.split('\n')).toHaveLength(21);
  });

  it.each([
    ['csv', 'Text,lable\na,1\n'],
    ['jsonl', '{"Text": "a", "lable": 1}\n'],
  ])('suggests the column that was meant and lists those found (%s)', async (extension, body) => {
    const message = await errorOf(write(`columns.${extension}`, body));
    expect(message).toMatch(
      /column="text" is not in .*did you mean "Text"\?\ncolumn="label" .*did you mean "lable"\?\ncolumns found: "Text", "lable"/,
    );
  });

  it('refuses a wanted column that occurs twice', async () => {
    expect(await errorOf(write('twice.csv', 'text,label,text\na,1,b\n'))).toMatch(
      /column="text" occurs more than once/,
    );
  });

  it.each([
    ['missing.csv', undefined, /no such file/],
    ['empty.csv', '', /is empty/],
    ['wide.csv', Buffer.from('\ufefftext,label\na,1\n', 'utf16le'), /UTF-16; save it as UTF-8/],
    [
      'cut.csv.gz',
      gzipSync('text,label\n'.repeat(1000)).subarray(0, 40),
      /gzip stream is damaged or cut short/,
    ],
    ['wrong.csv.gz', brotliCompressSync('text'), /gzip stream is damaged/],
  ])('says what is wrong with %s', async (name, content, message) => {
    expect(await errorOf(content === undefined ? `/nowhere/${name}` : write(name, content))).toMatch(message);
  });

  it('asks for the format where the name does not tell', () => {
    expect(() => openRows('a.pos', { columns })).toThrow(/data=a\.pos: .* give format=csv/);
    expect(() => openRows('a.json', { columns })).toThrow(/one JSON object a line/);
    expect(() => openRows('a.constructor', { columns })).toThrow(/give format/);
  });
});

describe('sha256File', () => {
  it('agrees with hashlib', async () => {
    expect(await sha256File(`${GOLDEN}nasty.csv`)).toBe(expected.sha256);
  });
  it('names a file that is not there', async () => {
    await expect(sha256File('/nowhere/a.csv')).rejects.toThrow('data=/nowhere/a.csv: no such file');
  });
});
