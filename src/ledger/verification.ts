import {
  canonicalJson,
  emptyHash,
  frontierRoot,
  logFaults,
  merkleTree,
  openCheckpoint,
  parseVerifierKey,
  verifyConsistency,
  type Checkpoint,
  type Frontier,
  type LogEntry,
} from '../../privacy/index.ts';
import type { Database } from './database.ts';
import { headOf } from './log.ts';
import type { Tables } from './schema.ts';

/** A checkpoint from outside, and who may have signed it. */
export interface Anchor {
  /** Signed note, as in a report. */
  readonly note: string;
  /** Verifier keys NAME+HASH+BASE64. */
  readonly keys: readonly string[];
}

export interface Verification {
  readonly faults: readonly string[];
  readonly checkpoint: Checkpoint;
}

/**
 * Reads the whole log and checks it: hashes, order, rules, costs, the head, the tables of scopes and jobs. What was cut off
 * at the end, or all rewritten, leaves no trace within; an anchor finds it (G34).
 */
export async function verifyLedger(
  { exclusive }: Database,
  anchors: readonly Anchor[] = [],
): Promise<Verification> {
  // Read at once, so that a writer's entry is seen as a whole; checked when others may write again.
  const { rows, head, scopes, jobs } = await exclusive(async (db) => ({
    rows: await db.selectFrom('entries').selectAll().orderBy('seq').execute(),
    head: await headOf(db),
    scopes: await db.selectFrom('scopes').select(['name', 'body']).execute(),
    jobs: await db.selectFrom('jobs').select(['id as name', 'body']).execute(),
  }));
  const { entries, damaged } = parsed(rows);
  const { faults, state } = logFaults(entries);
  const tree = merkleTree(entries.map(({ hash }) => hash).filter((hash) => /^[0-9a-f]{64}$/.test(hash)));
  const checkpoint = { origin: head.origin, size: tree.size, root: tree.root() };
  return {
    faults: [
      ...damaged,
      ...faults,
      ...headFaults(head, entries, checkpoint),
      ...tableFaults('scope', scopes, state.scopes),
      ...tableFaults('job', jobs, state.jobs),
      ...anchors.flatMap((anchor) => anchorFaults(anchor, head.origin, tree)),
    ],
    checkpoint,
  };
}

function headFaults(head: Tables['head'], entries: readonly LogEntry[], { root }: Checkpoint): string[] {
  const faults: string[] = [];
  const last = entries.at(-1)?.hash ?? emptyHash;
  if (head.size !== entries.length)
    faults.push(`head: says ${head.size} entries, there are ${entries.length}`);
  if (head.hash !== last) faults.push('head: is not the last entry');
  if (rootOf(head) !== root) faults.push('head: its Merkle root is not that of the entries');
  return faults;
}

function rootOf({ frontier }: Tables['head']): string | undefined {
  try {
    return frontierRoot(JSON.parse(frontier) as Frontier);
  } catch {
    return undefined;
  }
}

/** The entries of rows that hold one as they should. */
function parsed(rows: readonly Tables['entries'][]): { entries: LogEntry[]; damaged: string[] } {
  const entries: LogEntry[] = [];
  const damaged: string[] = [];
  for (const row of rows) {
    const entry = entryIn(row);
    if (entry === undefined) damaged.push(`entry ${row.seq}: is not an entry`);
    else entries.push(entry);
    // Queries go by columns: where they do not say what the body says, an entry could hide.
    if (entry && !columnsAgree(row, entry))
      damaged.push(`entry ${row.seq}: its columns are not what it says`);
  }
  return { entries, damaged };
}

function entryIn({ body }: Tables['entries']): LogEntry | undefined {
  try {
    const entry = JSON.parse(body) as LogEntry | null;
    return typeof entry?.payload === 'object' && entry.payload !== null ? entry : undefined;
  } catch {
    return undefined;
  }
}

function columnsAgree(row: Tables['entries'], entry: LogEntry): boolean {
  const { seq, hash, type, scope, payload } = entry;
  const { job = null } = payload as { job?: string | null };
  return canonicalJson(row) === canonicalJson({ seq, hash, type, scope, job, body: row.body });
}

function tableFaults(
  what: string,
  rows: readonly { readonly name: string; readonly body: string }[],
  expected: ReadonlyMap<string, unknown>,
): string[] {
  const found = new Map(rows.map(({ name, body }) => [name, body]));
  return [...new Set([...found.keys(), ...expected.keys()])]
    .filter((name) => {
      const state = expected.get(name);
      return state === undefined || found.get(name) !== canonicalJson(state);
    })
    .map((name) => `${what} ${name}: the table is not what the log says`);
}

function anchorFaults({ note, keys }: Anchor, origin: string, tree: ReturnType<typeof merkleTree>): string[] {
  const opened = openCheckpoint(note, keys.map(parseVerifierKey));
  if (!opened) return ['checkpoint: is not signed by a known key'];
  if (opened.origin !== origin) return [`checkpoint: is of ${opened.origin}, and this log is ${origin}`];
  if (opened.size > tree.size) {
    return [
      `checkpoint: ${opened.size} entries were signed, and ${tree.size} are left. The log was cut or rolled back`,
    ];
  }
  const before = { size: opened.size, root: opened.root };
  const after = { size: tree.size, root: tree.root() };
  const proof = tree.consistencyProof(opened.size);
  return verifyConsistency(before, after, proof)
    ? []
    : [`checkpoint: the first ${opened.size} entries are not those that were signed`];
}
