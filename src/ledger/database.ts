import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kysely, PostgresDialect, sql, SqliteDialect } from 'kysely';
import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import { holderOf } from './holder.ts';
import { migrate, schemaVersion, type Db, type Tables } from './schema.ts';
import { blockingMs, BusyError, isBusy, turnAt, waitMs } from './turn.ts';

/** A ledger's tables on SQLite or PostgreSQL. */
export interface Database {
  readonly kind: 'sqlite' | 'postgres';
  /** Where it lies, without a password. */
  readonly place: string;
  /** Reads outside any transaction. */
  readonly read: Kysely<Tables>;
  /**
   * Does `work` alone: of all processes that call this, one is inside at a time, and what it wrote is on disk when this
   * returns, or nothing of it ever will be.
   */
  readonly exclusive: <T>(work: (db: Db) => Promise<T>) => Promise<T>;
  /** Done again, it does nothing. */
  close(): Promise<void>;
}

/** The database does not answer, or is held by others for long: worth another try. */
export class LedgerUnavailableError extends DataError {}

/**
 * Opens a ledger, and makes its tables where they are missing.
 * @param url - path of an SQLite file, file:..., or postgres://...
 * @throws DataError naming what cannot be opened
 */
export async function openDatabase(url: string): Promise<Database> {
  const database = /^postgres(ql)?:\/\//.test(url) ? await openPostgres(url) : await openSqlite(pathOf(url));
  try {
    const newer = (await isCurrent(database))
      ? undefined
      : await database.exclusive((db) => migrate(db, database.kind));
    if (newer === undefined) return database;
    throw new DataError(
      `ledger=${database.place}: was made by a newer dptune (tables of version ${newer}). Install that one.`,
    );
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Most opens find the tables as they should be, and need no right to make any. */
async function isCurrent({ read }: Database): Promise<boolean> {
  try {
    return (
      (await read.selectFrom('schema_version').select('version').executeTakeFirst())?.version ===
      schemaVersion
    );
  } catch {
    // There are no tables yet; or nothing answers, and making them will say so.
    return false;
  }
}

function pathOf(url: string): string {
  if (url.startsWith('file:')) return fileURLToPath(url);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(url)) {
    throw new InvalidParameterError(
      `ledger=${withoutPassword(url)}: must be a path, file:... or postgres://... Give one of them.`,
    );
  }
  return resolve(url);
}

async function openSqlite(path: string): Promise<Database> {
  const { default: Sqlite } = await import('libsql');
  const isNew = !existsSync(path);
  const turn = turnAt(waitMs());
  let file: InstanceType<typeof Sqlite>;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    file = new Sqlite(path, { timeout: blockingMs });
    if (isNew) chmodSync(path, 0o600);
    await turn.take(() => void file.exec('pragma journal_mode = wal'));
    // Every commit reaches the disk before it is reported.
    file.exec('pragma synchronous = full');
  } catch (error) {
    throw failure(error, path);
  }
  const read = new Kysely<Tables>({
    dialect: new SqliteDialect({ database: file }),
  });
  // By exec, which ends its statement in any case: one that found the database busy and lingers makes the commit fail.
  return databaseOf('sqlite', path, read, () => turn.take(() => void file.exec('begin immediate')));
}

async function openPostgres(url: string): Promise<Database> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
    max: 2,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 60_000,
    idle_in_transaction_session_timeout: 60_000,
    application_name: 'dptune',
  });
  // A lost idle connection is replaced at the next query; without a listener it would end the process.
  pool.on('error', () => undefined);
  const read = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return databaseOf('postgres', withoutPassword(url), read, async (db) => {
    await sql`begin`.execute(db);
    // "dptune" in ASCII, truncated: one writer at a time, also while the tables are made.
    await sql`select pg_advisory_xact_lock(${0x6470_7475})`.execute(db);
  });
}

function databaseOf(
  kind: Database['kind'],
  place: string,
  read: Kysely<Tables>,
  begin: (db: Kysely<Tables>) => Promise<unknown>,
): Database {
  let closing: Promise<void> | undefined;
  return {
    kind,
    place,
    read,
    async exclusive(work) {
      try {
        return await read.connection().execute(async (db) => {
          await begin(db);
          try {
            const result = await work(db);
            await sql`commit`.execute(db);
            return result;
          } catch (error) {
            await sql`rollback`.execute(db).catch(() => undefined);
            throw error;
          }
        });
      } catch (error) {
        throw failure(error, place);
      }
    },
    close: () => (closing ??= read.destroy()),
  };
}

/** Classes of PostgreSQL errors that pass: connection lost, shutting down, too many connections, serialisation. */
const PASSING = /^(08|53|57P|40)|^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND)$/;

/** Errors of SQLite, of the file system, and of PostgreSQL about rights, space and names. */
const LASTING = /^(SQLITE_|E[A-Z]+$|28|3D|42)/;

function failure(error: unknown, place: string): unknown {
  if (isBusy(error)) {
    const long = error instanceof BusyError ? ` for ${error.waitedMs / 1000} s` : '';
    return new LedgerUnavailableError(
      `ledger=${place}: was busy${long}; ${holderOf(place)} holds it. Try again, or wait longer with DPTUNE_LEDGER_WAIT=SECONDS.`,
      { cause: error },
    );
  }
  const message = error instanceof Error ? error.message : String(error);
  if (PASSING.test(codeOf(error)) || /connection.*(terminated|timeout|ended)/i.test(message)) {
    return new LedgerUnavailableError(
      `ledger=${place}: does not answer (${message || codeOf(error)}). Start it, or check the address.`,
      { cause: error },
    );
  }
  if (LASTING.test(codeOf(error))) {
    return new DataError(`ledger=${place}: ${message}. Check the file or the database and its rights.`, {
      cause: error,
    });
  }
  return error;
}

function codeOf(error: unknown): string {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: readonly unknown[] };
  // Node reports a host with several addresses as an aggregate.
  return typeof code === 'string' ? code : errors?.[0] ? codeOf(errors[0]) : '';
}

function withoutPassword(url: string): string {
  return url.replace(/(:\/\/[^:@/]*):[^@/]*@/, '$1:...@');
}
