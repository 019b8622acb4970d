import { canonicalJson } from '../canonical-json.ts';
import { DptuneError } from '../errors.ts';
import { leafHash } from './merkle.ts';

/** What an entry of the log says. */
export interface EntryBody {
  /** Position in the log, from 0. */
  readonly seq: number;
  /** `hash` of the entry before; zeros for the first. */
  readonly prevHash: string;
  /** UTC, ISO 8601 with milliseconds. */
  readonly time: string;
  /** Who caused it, as the operating system knows them. */
  readonly actor: string;
  readonly host: string;
  /** Program and version that wrote it. */
  readonly tool: string;
  /** What kind of entry it is. */
  readonly type: string;
  /** Name of the budget that it concerns. */
  readonly scope: string;
  /** JSON, by type. */
  readonly payload: Readonly<Record<string, unknown>>;
}

/**
 * An entry as it stands in the log. `hash` is the RFC 6962 leaf hash (SHA-256 of 0x00 and the canonical JSON of all other
 * fields), so one hash links the chain and is the leaf of the Merkle tree.
 */
export interface LogEntry extends EntryBody {
  /** Lower-case hex, as `prevHash`. */
  readonly hash: string;
}

/** `prevHash` of the first entry. */
export const emptyHash = '0'.repeat(64);

const FIELDS = 'actor,hash,host,payload,prevHash,scope,seq,time,tool,type';

/** The entry with its hash. */
export function sealEntry(body: EntryBody): LogEntry {
  return { ...body, hash: leafHash(canonicalJson(body)) };
}

/**
 * What is wrong with an entry by itself: a field too many or too few, or a hash that is not its content's.
 * @returns undefined if nothing is
 */
export function entryFault(entry: LogEntry): string | undefined {
  if (Object.keys(entry).sort().join() !== FIELDS)
    return `entry ${entry.seq}: has not the fields of an entry`;
  const { hash, ...body } = entry;
  let actual: string;
  try {
    actual = sealEntry(body).hash;
  } catch (error) {
    if (error instanceof DptuneError) return `entry ${entry.seq}: ${error.message}`;
    throw error;
  }
  return actual === hash ? undefined : `entry ${entry.seq}: its content has hash ${actual}, not ${hash}`;
}

/** Everything that is wrong with a whole log: entries edited, missing, added or out of order. Empty if it is sound (G34). */
export function chainFaults(entries: readonly LogEntry[]): string[] {
  const faults: string[] = [];
  let previous = emptyHash;
  entries.forEach((entry, index) => {
    const fault = entryFault(entry);
    if (fault !== undefined) faults.push(fault);
    if (entry.seq !== index) faults.push(`entry ${entry.seq}: stands at position ${index}`);
    if (entry.prevHash !== previous)
      faults.push(`entry ${entry.seq}: follows ${entry.prevHash}, but the entry before has ${previous}`);
    previous = entry.hash;
  });
  return faults;
}
