import type { TableRow } from './columns.ts';
import { textLines } from './jsonl.ts';
import { show, type Problems } from './problems.ts';

/** Line that parts documents in the CoNLL-2003 files; no sentence. */
const DOCUMENT = '-DOCSTART-';

/**
 * Sentences of a CoNLL file: one word a line, its fields between tabs (or, in a line without any, spaces), a
 * blank line after each sentence. Columns are called 1, 2, ...; `tokens` is the first and `tags` the last.
 * @param wanted - of these the first `lists` are given as lists, one item a word; the others as one value, which all words
 * of the sentence must share, such as the author
 */
export async function* readConll(
  path: string,
  wanted: readonly string[],
  lists: number,
  problems: Problems,
): AsyncGenerator<TableRow> {
  let start = 0;
  let words: (readonly string[])[] = [];
  let width: number | undefined;
  let isBad = false;
  const finish = function* (): Generator<TableRow> {
    const row = isBad || words.length === 0 ? undefined : rowOf(start, words, wanted, lists, problems);
    if (row) yield row;
    words = [];
    isBad = false;
  };
  for await (const { line, text } of textLines(path, problems)) {
    if (/^[ \t]*$/.test(text)) {
      yield* finish();
      continue;
    }
    const fields = text.includes('\t') ? text.split('\t') : text.split(' ').filter((part) => part !== '');
    if (fields[0] === DOCUMENT) continue;
    if (words.length === 0 && !isBad) start = line;
    width ??= Math.max(2, fields.length);
    if (fields.length === width) words.push(fields);
    else {
      problems.add(line, `${fields.length} fields, must be ${width}: a word, ..., its tag`);
      isBad = true;
    }
  }
  yield* finish();
}

function rowOf(
  line: number,
  words: readonly (readonly string[])[],
  wanted: readonly string[],
  lists: number,
  problems: Problems,
): TableRow | undefined {
  const width = words[0]!.length;
  const values: unknown[] = [];
  for (const [index, name] of wanted.entries()) {
    const place = name === 'tokens' ? 0 : name === 'tags' ? width - 1 : Number(name) - 1;
    if (!(Number.isInteger(place) && place >= 0 && place < width)) {
      problems.add(line, `column=${show(name)}: there are tokens, tags and 1 to ${width}`);
      return undefined;
    }
    const column = words.map((fields) => fields[place]!);
    if (index >= lists && column.some((value) => value !== column[0])) {
      problems.add(line, `column=${show(name)} differs between words of one sentence; it must not`);
      return undefined;
    }
    values.push(index < lists ? column : column[0]);
  }
  return { line, values };
}
