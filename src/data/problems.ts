import { DataError } from '../../privacy/index.ts';

/** Bad rows are reported together up to this many; more would scroll the first ones away. */
const MAX_PROBLEMS = 20;

/** Collects bad rows of one file. */
export interface Problems {
  /** Notes a bad row; the twentieth ends the read by throwing. */
  add(line: number, problem: string): void;
  /**
   * @throws DataError listing every noted row as `file:line: problem`, in order of lines, if there was one
   */
  throwIfAny(): void;
}

/**
 * @param path - file name as the user gave it
 * @param place - what the number of a row counts: lines of a text file or rows of a table without lines
 */
export function createProblems(path: string, place: 'line' | 'row'): Problems {
  const found: { line: number; problem: string }[] = [];
  const fail = (): never => {
    const rows = found
      .sort((a, b) => a.line - b.line)
      .map(({ line, problem }) => `  ${path}:${place === 'row' ? 'row ' : ''}${line}: ${problem}`);
    const many = found.length === MAX_PROBLEMS ? ` (stopped at ${MAX_PROBLEMS})` : '';
    throw new DataError(
      `data=${path}: ${found.length} bad row${found.length === 1 ? '' : 's'}${many}; correct or remove:\n${rows.join('\n')}`,
    );
  };
  return {
    add(line, problem) {
      found.push({ line, problem });
      if (found.length === MAX_PROBLEMS) fail();
    },
    throwIfAny() {
      if (found.length > 0) fail();
    },
  };
}

/** A value from a file, cut and quoted so that a message stays one line. */
export function show(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
