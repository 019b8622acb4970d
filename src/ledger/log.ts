import { randomUUID } from 'node:crypto';
import {
  applyEntry,
  canonicalJson,
  DataError,
  emptyHash,
  everyScope,
  extendFrontier,
  frontierRoot,
  sealEntry,
  type Checkpoint,
  type EntryType,
  type Frontier,
  type JobState,
  type LedgerState,
  type LogEntry,
  type Payloads,
  type ScopeState,
} from '../../privacy/index.ts';
import type { Database } from './database.ts';
import type { Identity } from './identity.ts';
import type { Db, Tables } from './schema.ts';

/** What is to be written. */
export interface Draft<T extends EntryType> {
  readonly type: T;
  readonly scope: string;
  readonly payload: Payloads[T];
}

type Head = Tables['head'];

/** The end of the log; a ledger without entries gets its name here. */
export async function headOf(db: Db): Promise<Head> {
  const head = await db.selectFrom('head').selectAll().executeTakeFirst();
  return head ?? { id: 1, origin: `dptune.ledger/${randomUUID()}`, size: 0, hash: emptyHash, frontier: '[]' };
}

export function checkpointOf({ origin, size, frontier }: Head): Checkpoint {
  return { origin, size, root: frontierRoot(JSON.parse(frontier) as Frontier) };
}

/**
 * Adds an entry, within an exclusive transaction. The rules are applied to the state that it concerns; nothing is written
 * if they refuse it.
 */
export async function append<T extends EntryType>(
  db: Db,
  draft: Draft<T>,
  { identity, time }: { readonly identity: Identity; readonly time: string },
): Promise<LogEntry> {
  const payload = draft.payload as unknown as LogEntry['payload'];
  const state = await stateAround(db, draft);
  const before = { scopes: new Map(state.scopes), jobs: new Map(state.jobs) };
  applyEntry(state, { type: draft.type, scope: draft.scope, payload, time });

  const head = await headOf(db);
  const { actor, host, tool } = identity;
  const entry = sealEntry({
    seq: head.size,
    prevHash: head.hash,
    time,
    actor,
    host,
    tool,
    type: draft.type,
    scope: draft.scope,
    payload,
  });
  const { job = null } = payload as { job?: string | null };
  await db
    .insertInto('entries')
    .values({
      seq: entry.seq,
      hash: entry.hash,
      type: entry.type,
      scope: entry.scope,
      job,
      body: canonicalJson(entry),
    })
    .execute();
  await moveHead(db, head, entry);
  await saveChanges(db, before, state);
  return entry;
}

/** Compare and set: the head must still be where this writer read it. */
async function moveHead(db: Db, head: Head, entry: LogEntry): Promise<void> {
  const frontier = JSON.stringify(
    extendFrontier(JSON.parse(head.frontier) as Frontier, head.size, entry.hash),
  );
  const next = { size: head.size + 1, hash: entry.hash, frontier };
  if (head.size === 0) {
    await db
      .insertInto('head')
      .values({ id: head.id, origin: head.origin, ...next })
      .execute();
    return;
  }
  const { numUpdatedRows } = await db
    .updateTable('head')
    .set(next)
    .where('id', '=', head.id)
    .where('size', '=', head.size)
    .where('hash', '=', head.hash)
    .executeTakeFirst();
  if (numUpdatedRows === 1n) return;
  throw new DataError(
    `seq=${entry.seq}: the log moved while this entry was written. Try again; if it stays, verify the ledger.`,
  );
}

/** The scopes, job and keys that an entry concerns. */
async function stateAround(db: Db, { type, scope, payload }: Draft<EntryType>): Promise<LedgerState> {
  const state: LedgerState = { scopes: new Map(), jobs: new Map(), trusted: new Set() };
  const first = type === 'open' ? (payload as Payloads['open']).parent : scope;
  if (type === 'open') await addScope(db, state, scope);
  for (let name = first; name !== undefined && name !== everyScope;) {
    name = (await addScope(db, state, name))?.scope.parent;
  }
  const { job: id } = payload as { job?: string };
  const job = id === undefined ? undefined : await jobOf(db, id);
  if (job) state.jobs.set(job.id, job);
  if (type === 'reserve') for (const key of await trustedKeys(db)) state.trusted.add(key);
  return state;
}

async function addScope(db: Db, state: LedgerState, name: string): Promise<ScopeState | undefined> {
  const found = await scopeStateOf(db, name);
  if (found) state.scopes.set(name, found);
  return found;
}

export async function scopeStateOf(db: Db, name: string): Promise<ScopeState | undefined> {
  const row = await db.selectFrom('scopes').select('body').where('name', '=', name).executeTakeFirst();
  return row && (JSON.parse(row.body) as ScopeState);
}

export async function jobOf(db: Db, id: string): Promise<JobState | undefined> {
  const row = await db.selectFrom('jobs').select('body').where('id', '=', id).executeTakeFirst();
  return row && (JSON.parse(row.body) as JobState);
}

/** Verifier keys that may approve, by the log. */
export async function trustedKeys(db: Db): Promise<Set<string>> {
  const trusted = new Set<string>();
  for (const { payload } of await entriesOf(db, { type: 'trust' })) {
    const { publicKey, trusted: isTrusted } = payload as unknown as Payloads['trust'];
    if (isTrusted) trusted.add(publicKey);
    else trusted.delete(publicKey);
  }
  return trusted;
}

export interface EntryQuery {
  readonly seq?: number;
  readonly type?: EntryType;
  readonly scope?: string;
  readonly job?: string;
}

/** Entries in the order of the log. */
export async function entriesOf(db: Db, query: EntryQuery = {}): Promise<LogEntry[]> {
  let select = db.selectFrom('entries').select('body').orderBy('seq');
  for (const field of ['seq', 'type', 'scope', 'job'] as const) {
    const value = query[field];
    if (value !== undefined) select = select.where(field, '=', value);
  }
  return (await select.execute()).map(({ body }) => entryFrom(body));
}

function entryFrom(body: string): LogEntry {
  try {
    return JSON.parse(body) as LogEntry;
  } catch (error) {
    throw new DataError(`entry=${body.slice(0, 40)}: is damaged. See dptune budget verify.`, {
      cause: error,
    });
  }
}

type Known = Pick<LedgerState, 'scopes' | 'jobs'>;

async function saveChanges(db: Db, before: Known, after: Known): Promise<void> {
  for (const [name, scope] of after.scopes) {
    if (before.scopes.get(name) === scope) continue;
    const row = { name, body: canonicalJson(scope) };
    await db
      .insertInto('scopes')
      .values(row)
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ body: row.body }))
      .execute();
  }
  for (const [id, job] of after.jobs) {
    if (before.jobs.get(id) === job) continue;
    const row = { id, scope: job.scope, state: job.state, body: canonicalJson(job) };
    await db
      .insertInto('jobs')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ state: row.state, body: row.body }))
      .execute();
  }
}

/** All scopes, by name. */
export async function scopesIn({ read }: Pick<Database, 'read'>): Promise<ScopeState[]> {
  const rows = await read.selectFrom('scopes').select('body').orderBy('name').execute();
  return rows.map(({ body }) => JSON.parse(body) as ScopeState);
}

/** All reservations. */
export async function jobsIn({ read }: Pick<Database, 'read'>): Promise<JobState[]> {
  const rows = await read.selectFrom('jobs').select('body').orderBy('id').execute();
  return rows.map(({ body }) => JSON.parse(body) as JobState);
}
