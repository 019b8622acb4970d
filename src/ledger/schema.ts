import { sql, type Kysely, type Transaction } from 'kysely';

/** Tables of a ledger. Bodies are canonical JSON as text: what was hashed is what lies there, to the byte. */
export interface Tables {
  /** The log. Rows are only ever added. */
  readonly entries: {
    readonly seq: number;
    readonly hash: string;
    readonly type: string;
    readonly scope: string;
    readonly job: string | null;
    readonly body: string;
  };
  /** One row: where the log ends. Whoever appends changes it, so that two cannot append at once. */
  readonly head: {
    readonly id: number;
    readonly origin: string;
    readonly size: number;
    readonly hash: string;
    /** Merkle frontier, a JSON list. */
    readonly frontier: string;
  };
  /** What the log says, kept so that nobody has to read all of it; `verify` compares. */
  readonly scopes: { readonly name: string; readonly body: string };
  readonly jobs: {
    readonly id: string;
    readonly scope: string;
    readonly state: string;
    readonly body: string;
  };
  readonly schema_version: { readonly version: number };
}

export type Db = Kysely<Tables> | Transaction<Tables>;

type Migration = (db: Db, kind: 'sqlite' | 'postgres') => Promise<void>;

/** Against accidents: whoever may change tables can also drop a trigger, and only `verify` finds that. */
const appendOnly = {
  sqlite: ['update', 'delete'].map(
    (change) =>
      `create trigger entries_${change} before ${change} on entries begin select raise(abort, 'entries are never changed'); end`,
  ),
  postgres: [
    `create function entries_stay() returns trigger language plpgsql as $$ begin raise exception 'entries are never changed'; end $$`,
    'create trigger entries_stay before update or delete or truncate on entries for each statement execute function entries_stay()',
  ],
} as const;

/** In order; each brings the tables from the version before to its own. A migration is never changed, only added. */
const migrations: readonly Migration[] = [
  async (db, kind) => {
    await db.schema
      .createTable('entries')
      .addColumn('seq', 'integer', (column) => column.primaryKey())
      .addColumn('hash', 'text', (column) => column.notNull().unique())
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('scope', 'text', (column) => column.notNull())
      .addColumn('job', 'text')
      .addColumn('body', 'text', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('entries_job').on('entries').column('job').execute();
    await db.schema.createIndex('entries_type_scope').on('entries').columns(['type', 'scope']).execute();
    for (const statement of appendOnly[kind]) await sql.raw(statement).execute(db);
    await db.schema
      .createTable('head')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('origin', 'text', (column) => column.notNull())
      .addColumn('size', 'integer', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('frontier', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('scopes')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('body', 'text', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('jobs')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('scope', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('jobs_scope').on('jobs').column('scope').execute();
  },
];

/** Version of the tables that this program works with. */
export const schemaVersion = migrations.length;

/**
 * Brings a ledger's tables to this version, within a transaction that excludes others.
 * @returns the version that a newer program left, where there is one
 */
export async function migrate(db: Db, kind: 'sqlite' | 'postgres'): Promise<number | undefined> {
  await sql`create table if not exists schema_version (version integer not null)`.execute(db);
  const row = await db.selectFrom('schema_version').select('version').executeTakeFirst();
  const version = row?.version ?? 0;
  if (version > schemaVersion) return version;
  for (const step of migrations.slice(version)) await step(db, kind);
  if (!row) await db.insertInto('schema_version').values({ version: schemaVersion }).execute();
  else if (version < schemaVersion)
    await db.updateTable('schema_version').set({ version: schemaVersion }).execute();
  return undefined;
}
