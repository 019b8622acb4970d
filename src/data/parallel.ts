import { DataError } from '../../privacy/index.ts';
import { locateColumns, type TableRow } from './columns.ts';
import { textLines } from './jsonl.ts';
import { createProblems, type Problems } from './problems.ts';

/** A column that stands in a file of its own, one value a line. */
export interface ParallelFile {
  readonly column: string;
  readonly path: string;
}

/**
 * Rows of plain text files that go line by line: the first holds the texts (column `text`), each other one column. A line that
 * is blank in all of them is skipped.
 * @throws DataError where one file has more lines than another; a line that is blank in some of them only is a bad row
 */
export async function* readParallel(
  path: string,
  others: readonly ParallelFile[],
  wanted: readonly string[],
  problems: Problems,
): AsyncGenerator<TableRow> {
  const positions = locateColumns(path, ['text', ...others.map(({ column }) => column)], wanted);
  const paths = [path, ...others.map((other) => other.path)];
  const own = [problems, ...others.map((other) => createProblems(other.path, 'line'))];
  const files = paths.map((name, index) => textLines(name, own[index]!));
  try {
    for (let line = 1; ; line += 1) {
      const next = await Promise.all(files.map((file) => file.next()));
      if (next.every(({ done }) => done)) break;
      const texts = next.map(({ done, value }) => (done ? '' : value.text));
      if (texts.every((text) => text === '')) continue;
      const ended = next.findIndex(({ done }) => done);
      if (ended >= 0) throw unequal(paths, ended, line);
      const blank = texts.indexOf('');
      if (blank >= 0) problems.add(line, `is blank in ${paths[blank]!} and not in the files beside it`);
      else yield { line, values: positions.map((position) => texts[position]) };
    }
  } finally {
    await Promise.all(files.map((file) => file.return(undefined)));
  }
  for (const found of own.slice(1)) found.throwIfAny();
}

function unequal(paths: readonly string[], ended: number, line: number): DataError {
  const others = paths.filter((_, index) => index !== ended).join(', ');
  return new DataError(
    `data=${paths[ended]!}: ends before line ${line}, which ${others} still has; line k of each must belong to row k, give files of one length`,
  );
}
