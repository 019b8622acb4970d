import {
  canonicalJson,
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
import { checkpointOf, entriesOf, headOf } from './log.ts';

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
  database: Database,
  anchors: readonly Anchor[] = [],
): Promise<Verification> {
  // All reads in one transaction, so that a writer's entry is seen as a whole.
  return database.exclusive(async (db) => {
    const entries = await entriesOf(db);
    const head = await headOf(db);
    const scopes = await db.selectFrom('scopes').selectAll().execute();
    const jobs = await db.selectFrom('jobs').selectAll().execute();
    const { faults, state } = logFaults(entries);
    const tree = merkleTree();
    for (const { hash } of entries) if (/^[0-9a-f]{64}$/.test(hash)) tree.append(hash);
    const root = frontierRoot(JSON.parse(head.frontier) as Frontier);
    if (head.size !== entries.length)
      faults.push(`head: says ${head.size} entries, there are ${entries.length}`);
    if (entries.length > 0 && head.hash !== entries.at(-1)!.hash) faults.push('head: is not the last entry');
    if (root !== tree.root()) faults.push('head: its Merkle root is not that of the entries');
    faults.push(
      ...tableFaults(
        'scope',
        scopes.map(({ name, body }) => [name, body]),
        state.scopes,
      ),
      ...tableFaults(
        'job',
        jobs.map(({ id, body }) => [id, body]),
        state.jobs,
      ),
      ...(await columnFaults(db, entries)),
      ...anchors.flatMap((anchor) => anchorFaults(anchor, head.origin, tree)),
    );
    return { faults, checkpoint: checkpointOf(head) };
  });
}

/** Columns that queries go by must say what the body says, or an entry could hide from them. */
async function columnFaults(
  db: Parameters<typeof headOf>[0],
  entries: readonly LogEntry[],
): Promise<string[]> {
  const rows = await db
    .selectFrom('entries')
    .select(['seq', 'hash', 'type', 'scope', 'job'])
    .orderBy('seq')
    .execute();
  return rows.flatMap((row, k) => {
    const { seq, hash, type, scope, payload } = entries[k]!;
    const { job = null } = payload as { job?: string | null };
    const isSame = canonicalJson(row) === canonicalJson({ seq, hash, type, scope, job });
    return isSame ? [] : [`entry ${row.seq}: its columns are not what it says`];
  });
}

function tableFaults(
  what: string,
  rows: readonly (readonly [string, string])[],
  expected: ReadonlyMap<string, unknown>,
): string[] {
  const found = new Map(rows);
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
