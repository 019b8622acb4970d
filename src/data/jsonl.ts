import { lineBlocks } from './bytes.ts';
import { locateColumns, type TableRow } from './columns.ts';
import { show, type Problems } from './problems.ts';

/** Rows of a JSON Lines file: one object a line, blank lines skipped. Columns are its keys. */
export async function* readJsonl(
  path: string,
  wanted: readonly string[],
  problems: Problems,
): AsyncGenerator<TableRow> {
  let isFirst = true;
  for await (const { line, text } of textLines(path, problems)) {
    if (text.trim() === '') continue;
    const row = parseObject(text);
    if (!row) {
      problems.add(line, 'not a JSON object; every line must be one, such as {"text": "..."}');
      continue;
    }
    // In the first row a missing column is most likely a wrong name; later it is a bad row.
    if (isFirst) locateColumns(path, Object.keys(row), wanted);
    isFirst = false;
    const missing = wanted.filter((name) => !Object.hasOwn(row, name));
    if (missing.length > 0) problems.add(line, `column=${missing.map(show).join(', ')} is missing`);
    else yield { line, values: wanted.map((name) => row[name]) };
  }
}

/** Rows of a plain text file: each line is one text, its only column `text`; blank lines skipped. */
export async function* readText(
  path: string,
  wanted: readonly string[],
  problems: Problems,
): AsyncGenerator<TableRow> {
  const positions = locateColumns(path, ['text'], wanted);
  for await (const { line, text } of textLines(path, problems)) {
    if (text !== '') yield { line, values: positions.map(() => text) };
  }
}

/** Every line of a text file, blank ones included. */
export async function* textLines(
  path: string,
  problems: Problems,
): AsyncGenerator<{ readonly line: number; readonly text: string }, undefined> {
  for await (const block of lineBlocks(path, (line, problem) => problems.add(line, problem))) {
    let { line } = block;
    const lines = block.bytes.toString('utf8').split('\n');
    // What follows a block's last newline is the next block's.
    if (lines.at(-1) === '') lines.pop();
    for (const text of lines) {
      yield { line, text: text.endsWith('\r') ? text.slice(0, -1) : text };
      line += 1;
    }
  }
  return undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
