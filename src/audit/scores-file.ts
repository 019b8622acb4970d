import { readFile } from 'node:fs/promises';
import type { ScoredCanaries } from '../../audits/index.ts';
import { DataError } from '../../privacy/index.ts';

/** Names of the columns (CSV) or keys (JSON Lines) of a file of scores. */
export interface ScoreColumns {
  readonly scores: readonly string[];
  readonly member: string;
  /** Of `choose` and `judge`, for a held-out selection. */
  readonly split?: string;
}

type Cells = Readonly<Record<string, unknown>>;

/**
 * Reads scores of canaries, or of trials, with the truth about each.
 * @param path - `.csv` with a header, or `.jsonl`
 * @throws DataError naming the line
 */
export async function readScores(path: string, columns: ScoreColumns): Promise<ScoredCanaries> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new DataError(`${path}: cannot be read (${error.code ?? error.message}). Check the name.`, {
      cause: error,
    });
  });
  const lines = text.split(/\r?\n/);
  const rows = path.endsWith('.jsonl') ? jsonRows(path, lines) : csvRows(path, lines);
  if (rows.length === 0) throw new DataError(`${path}: has no rows. Give one for each canary.`);
  const { split } = columns;
  return {
    scores: Object.fromEntries(
      columns.scores.map((name) => [name, Float64Array.from(rows, (row) => numberIn(path, row, name))]),
    ),
    members: rows.map((row) => flagIn(path, row, columns.member, memberWords)),
    ...(split !== undefined && { choosing: rows.map((row) => flagIn(path, row, split, splitWords)) }),
  };
}

interface Row {
  readonly line: number;
  readonly cells: Cells;
}

function cellsOf(line: string): string[] {
  return line.split(',').map((cell) => cell.trim().replaceAll(/^"|"$/g, ''));
}

function csvRows(path: string, lines: readonly string[]): Row[] {
  const names = cellsOf(lines[0] ?? '');
  return lines.flatMap((line, index) => {
    if (index === 0 || line.trim() === '') return [];
    const cells = cellsOf(line);
    if (cells.length !== names.length) {
      throw new DataError(
        `${path}:${index + 1}: has ${cells.length} fields, and the header ${names.length}. Correct the line.`,
      );
    }
    return [{ line: index + 1, cells: Object.fromEntries(names.map((name, k) => [name, cells[k]])) }];
  });
}

function jsonRows(path: string, lines: readonly string[]): Row[] {
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      const cells: unknown = JSON.parse(line);
      if (typeof cells === 'object' && cells !== null) return [{ line: index + 1, cells: cells as Cells }];
    } catch {
      // Said below.
    }
    throw new DataError(`${path}:${index + 1}: is not a JSON object. Write one a line.`);
  });
}

function cellIn(path: string, { line, cells }: Row, name: string): unknown {
  if (Object.hasOwn(cells, name)) return cells[name];
  throw new DataError(
    `${path}:${line}: has no ${name}; there are ${Object.keys(cells).join(', ')}. Name the column.`,
  );
}

function numberIn(path: string, row: Row, name: string): number {
  const cell = cellIn(path, row, name);
  const value = typeof cell === 'string' && cell !== '' ? Number(cell) : cell;
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw new DataError(
    `${path}:${row.line}: ${name}=${String(cell)}, must be a number. Score it, or leave the line out.`,
  );
}

const memberWords: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false };
const splitWords: Readonly<Record<string, boolean>> = { choose: true, judge: false };

function flagIn(path: string, row: Row, name: string, words: Readonly<Record<string, boolean>>): boolean {
  const cell = String(cellIn(path, row, name));
  const flag = Object.hasOwn(words, cell) ? words[cell] : undefined;
  if (flag !== undefined) return flag;
  throw new DataError(
    `${path}:${row.line}: ${name}=${cell}, must be one of ${Object.keys(words).join(', ')}. Correct it.`,
  );
}
