import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  entriesOf,
  ledgerOn,
  LedgerUnavailableError,
  openCharging,
  openDatabase,
  openLedger,
  verifyLedger,
  type Database,
  type Ledger,
} from '../../src/ledger/index.ts';
import { gaussianDemand, identity, request, scopeSettings } from './cases.ts';
import { binaries, databaseKinds, startCluster, type Cluster } from './postgres.ts';

const directory = mkdtempSync(join(tmpdir(), 'dptune-crash-'));
let cluster: Cluster | undefined;
beforeAll(async () => {
  if (binaries) cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.dispose();
  rmSync(directory, { recursive: true, force: true });
});

class Crash extends Error {}

/** The same database, until it has executed so many statements of one transaction; then everything stops. */
function dyingAfter(database: Database, statements: number): Database {
  let left = statements;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      if (left-- === 0) throw new Crash('killed');
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  };
  return { ...database, exclusive: (work) => database.exclusive((db) => work(db.withPlugin(plugin))) };
}

/** The same database, but what it committed is never heard of. */
function silentAfterCommit(database: Database): Database {
  return {
    ...database,
    async exclusive(work) {
      await database.exclusive(work);
      throw new Crash('killed');
    },
  };
}

describe.each(databaseKinds)('G33 a process that dies at any statement, on %s', (kind) => {
  const demand = gaussianDemand(0.01, 100);
  const asked = request('people', demand, { job: 'one' });
  const operations: [string, (ledger: Ledger) => Promise<unknown>][] = [
    ['reserve', (ledger) => ledger.reserve(asked)],
    ['charge', (ledger) => ledger.charge('one', { all: 32 })],
    ['charge', (ledger) => ledger.charge('one', { all: 64 })],
    ['settle', (ledger) => ledger.settle('one', { all: 50 })],
  ];

  test('has written all of an entry or nothing, and its successor writes it once', async () => {
    const url = kind === 'sqlite' ? join(directory, 'crash.db') : cluster!.create('crash');
    const database = await openDatabase(url);
    const ledger = ledgerOn(database, identity);
    await ledger.openScope(scopeSettings('people'));
    let deaths = 0;
    const types = ['open'];
    for (const [type, operation] of operations) {
      for (let statements = 0; ; statements++) {
        const dying = ledgerOn(dyingAfter(database, statements), identity);
        const died = await operation(dying).then(
          () => false,
          (error: unknown) => {
            expect(error).toBeInstanceOf(Crash);
            return true;
          },
        );
        if (!died) break;
        deaths++;
        expect((await entriesOf(database.read)).map((entry) => entry.type)).toEqual(types);
      }
      types.push(type);
      // A process that died right after the commit does not know, and asks again.
      await operation(ledgerOn(silentAfterCommit(database), identity)).catch(() => undefined);
      await operation(ledger);
      expect((await entriesOf(database.read)).map((entry) => entry.type)).toEqual(types);
      expect((await verifyLedger(database)).faults).toEqual([]);
    }
    expect(deaths).toBeGreaterThan(20);
    expect(await ledger.job('one')).toMatchObject({ state: 'settled', steps: { all: 50 } });
    await ledger.close();
  });
});

describe.skipIf(!binaries)('PostgreSQL that stops in the middle of a run', () => {
  test('is waited for, and the charge is made once', async () => {
    const url = cluster!.create('stops');
    const ledger = await openLedger(url, identity);
    await ledger.openScope(scopeSettings('people'));
    await ledger.close();
    const notes: string[] = [];
    const asked = request('people', gaussianDemand(0.001, 100), { job: 'waits' });
    const options = { url, identity, note: (text: string) => void notes.push(text), stopping: () => false };
    const charging = await openCharging(asked, {}, options);
    await charging.pay('all', 1);
    expect(charging.isPaid('all', 32)).toBe(true);
    expect(charging.isPaid('all', 33)).toBe(false);
    await cluster!.stop();
    const paid = charging.pay('all', 33);
    setTimeout(() => void cluster!.start(), 500);
    await paid;
    expect(notes).toEqual([expect.stringMatching(/does not answer .* Waiting up to 120 s/)]);
    expect(charging.isPaid('all', 64)).toBe(true);
    await charging.settle({ all: 40 }, undefined);
    await charging.close();
    const again = await openLedger(url, identity);
    expect((await entriesOf(again.database.read, { job: 'waits' })).map(({ type }) => type)).toEqual([
      'reserve',
      'charge',
      'charge',
      'settle',
    ]);
    expect((await verifyLedger(again.database)).faults).toEqual([]);
    await again.close();
  });

  test('is given up on after a while, or when the user asks to stop', async () => {
    const url = cluster!.create('gone');
    const ledger = await openLedger(url, identity);
    await ledger.openScope(scopeSettings('people'));
    let asked = false;
    const options = { url, identity, note: () => undefined, stopping: () => asked, patienceMs: 200 };
    const charging = await openCharging(
      request('people', gaussianDemand(0.001, 100), { job: 'gone' }),
      {},
      options,
    );
    await cluster!.stop();
    try {
      await expect(charging.pay('all', 1)).rejects.toThrow(LedgerUnavailableError);
      expect(charging.isPaid('all', 1)).toBe(false);
      asked = true;
      await expect(charging.pay('all', 1)).rejects.toThrow(LedgerUnavailableError);
    } finally {
      await cluster!.start();
    }
    await charging.close();
    await ledger.close();
  });
});
