import { DataError } from '../../privacy/index.ts';

/** Which columns of a file hold what. */
export interface Columns {
  readonly text: string;
  /** The text column holds the words of a sentence, as a list or with white space between them, the label column their tags. */
  readonly words?: boolean | undefined;
  /** Second text of a pair task, such as a hypothesis. */
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  /** The privacy unit's key, such as an author id. */
  readonly unit?: string | undefined;
  /** The part of the data, train or test, that a row belongs to. */
  readonly part?: string | undefined;
  /** Columns by which metrics are given apart. */
  readonly slices?: readonly string[] | undefined;
}

/** One row as its format gave it: the wanted columns' values, in the order asked for. */
export interface TableRow {
  /** Line on which the row starts, from 1; for Parquet the row's number, from 1. */
  readonly line: number;
  readonly values: readonly unknown[];
}

/**
 * Position of each wanted column among those found.
 * @throws DataError naming every column that is missing or double, the nearest name, and all that were found
 */
export function locateColumns(path: string, found: readonly string[], wanted: readonly string[]): number[] {
  const missing = wanted.filter((name) => !found.includes(name));
  if (missing.length > 0) {
    const lines = missing.map((name) => {
      const near = closest(name, found);
      return `column=${JSON.stringify(name)} is not in ${path}${near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`}`;
    });
    throw new DataError(
      `${lines.join('\n')}\ncolumns found: ${found.map((name) => JSON.stringify(name)).join(', ')}`,
    );
  }
  const double = wanted.find((name) => found.indexOf(name) !== found.lastIndexOf(name));
  if (double !== undefined) {
    throw new DataError(
      `column=${JSON.stringify(double)} occurs more than once in ${path}; rename one of them`,
    );
  }
  return wanted.map((name) => found.indexOf(name));
}

function closest(name: string, candidates: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.trim().toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance, one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
