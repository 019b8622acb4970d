import { DataError } from '../../privacy/index.ts';
import type { Labels } from './labels.ts';

/** A tokenised text, or text pair, with its special tokens. */
export interface Encoding {
  /** At most the maximal length of them, each 0 or more. */
  readonly ids: ArrayLike<number>;
  /** 0 or 1 for each token: first or second text; absent where all are 0. */
  readonly typeIds?: ArrayLike<number> | undefined;
  readonly truncated: boolean;
  /** Number of tokens that are the vocabulary's "unknown". */
  readonly unknown: number;
  /** Index of the first token that is to be learnt, at least 1; of use for task `generation` alone. */
  readonly start?: number;
  /** Index of the first token of each word, negative where it was cut off or has no token; of use for words alone. */
  readonly words?: ArrayLike<number> | undefined;
}

/** Values of one column by which metrics are given apart. */
export interface Slice {
  readonly column: string;
  readonly names: readonly string[];
  /** Index into the names, [records]. */
  readonly codes: Int32Array;
}

/** Per record: its text was longer than the maximal length. */
export const TRUNCATED = 1;
/** Per record: its text, after cleaning, has no characters. */
export const EMPTY = 2;

/** What happened while reading. Exact counts of private rows: for the owner's eyes, not for release. */
export interface ReadCounts {
  /** Rows of the file. */
  readonly rows: number;
  /** Rows dropped as exact duplicates. */
  readonly duplicates: number;
  /** Units that had more than the maximal number of records. */
  readonly unitsOverLimit: number;
  /** Records dropped because their unit had too many. */
  readonly overLimit: number;
  /** Texts of the whole file that each cleaning step changed. */
  readonly cleaned: Readonly<Record<string, number>>;
}

/**
 * Tokenised records in flat typed arrays; no text. The records of a unit lie together: unit u has the records
 * unitOffsets[u] .. unitOffsets[u + 1] - 1, at least one. Units are in order of first appearance, records within a unit in
 * order of the file; so under the record unit, record r is row r of what was kept.
 */
export interface TokenStore {
  readonly records: number;
  readonly units: number;
  /** [units + 1] */
  readonly unitOffsets: Uint32Array;
  /** Token ids of all records, one after another. 16 bits where they fit. */
  readonly ids: Uint16Array | Int32Array;
  /** Record r has the tokens offsets[r] .. offsets[r + 1] - 1; [records + 1]. */
  readonly offsets: Uint32Array;
  /** Aligned with `ids`; absent where all are 0. */
  readonly typeIds: Uint8Array | undefined;
  readonly labels: Labels;
  readonly slices: readonly Slice[];
  /** TRUNCATED and EMPTY, [records]. */
  readonly flags: Uint8Array;
  /** Unknown tokens, at most 65,535 counted, [records]. */
  readonly unknown: Uint16Array;
  readonly counts: ReadCounts;
}

/** Number of tokens of a record. */
export function lengthOf(store: TokenStore, record: number): number {
  return store.offsets[record + 1]! - store.offsets[record]!;
}

/** Indices of all units, in order. */
export function allUnits(store: TokenStore): Uint32Array {
  return Uint32Array.from({ length: store.units }, (_, unit) => unit);
}

/** Largest total of tokens: what a 32-bit offset can address. */
const MAX_TOKENS = 2 ** 32 - 1;

/** @throws DataError beyond 2^32 - 1 tokens */
export function checkTokenTotal(tokens: number): void {
  if (tokens > MAX_TOKENS) {
    throw new DataError(
      `tokens=${tokens}, must be at most ${MAX_TOKENS}; use fewer records or a smaller maxLength`,
    );
  }
}
