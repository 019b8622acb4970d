import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { levelOf, signApproval, signerOf, type Payloads } from '../../privacy/index.ts';
import { entriesOf, openLedger, verifyLedger, type Ledger } from '../../src/ledger/index.ts';
import { gaussianDemand, identity, request, scopeSettings, trainingDemand } from './cases.ts';
import { binaries, databaseKinds, startCluster, type Cluster } from './postgres.ts';

const directory = mkdtempSync(join(tmpdir(), 'dptune-ledger-'));
let cluster: Cluster | undefined;
beforeAll(async () => {
  if (binaries) cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.dispose();
  rmSync(directory, { recursive: true, force: true });
});

async function spent(ledger: Ledger, name: string): Promise<number> {
  const { scope, held } = await ledger.scope(name);
  return levelOf(scope, held);
}

describe.each(databaseKinds)('a ledger on %s', (kind) => {
  let count = 0;
  const fresh = (): string =>
    kind === 'sqlite' ? join(directory, `${count++}.db`) : cluster!.create(`ledger${count++}`);
  const withLedger = async (work: (ledger: Ledger, url: string) => Promise<void>): Promise<void> => {
    const url = fresh();
    const ledger = await openLedger(url, identity);
    try {
      await work(ledger, url);
    } finally {
      await ledger.close();
    }
  };

  test('reserves the whole, pays step by step, and gives back what was not taken', () =>
    withLedger(async (ledger) => {
      await ledger.openScope(scopeSettings('people'));
      const { id } = await ledger.reserve(request('people', gaussianDemand(0.04)));
      expect(await spent(ledger, 'people')).toBeCloseTo(Math.sqrt(0.4), 8);
      await ledger.charge(id, { all: 4 });
      await ledger.charge(id, { all: 8 });
      await ledger.charge(id, { all: 6 });
      expect((await ledger.job(id)).steps).toEqual({ all: 8 });
      expect(await spent(ledger, 'people')).toBeCloseTo(Math.sqrt(0.4), 8);
      await ledger.settle(id, { all: 7 });
      expect(await spent(ledger, 'people')).toBeCloseTo(Math.sqrt(0.28), 8);
      const entries = await entriesOf(ledger.database.read);
      expect(entries.map(({ type }) => type)).toEqual(['open', 'reserve', 'charge', 'charge', 'settle']);
      const { balances } = entries.at(-1)!.payload as unknown as Payloads['settle'];
      const { spentBefore, charged, remaining } = balances['people']!;
      expect(spentBefore + charged + remaining).toBeCloseTo(1, 12);
      expect(await verifyLedger(ledger.database)).toMatchObject({ faults: [], checkpoint: { size: 5 } });
    }));

  test('says what was requested, what remains, and what would fit, and keeps the refusal', () =>
    withLedger(async (ledger) => {
      await ledger.openScope(scopeSettings('people', { budget: { epsilon: 4 } }));
      await expect(ledger.reserve(request('people', trainingDemand(0.8)))).rejects.toThrow(
        /^scope=people: requested epsilon [\d.]+, remaining 4, short by [\d.]+\. It would fit with noise multiplier [\d.]+ or \d+ steps\.$/,
      );
      const [refusal] = await entriesOf(ledger.database.read, { type: 'refuse' });
      expect(refusal?.payload).toMatchObject({ reason: expect.stringContaining('short by') as string });
      expect(await spent(ledger, 'people')).toBe(0);
      await ledger.reserve(request('people', trainingDemand(2)));
      expect(await spent(ledger, 'people')).toBeGreaterThan(1);
    }));

  test('charges count in every scope above', () =>
    withLedger(async (ledger) => {
      await ledger.openScope(scopeSettings('company'));
      await ledger.openScope(scopeSettings('sales', { parent: 'company', budget: { epsilon: 20 } }));
      await ledger.openScope(scopeSettings('support', { parent: 'company', budget: { rho: 0.3 } }));
      await ledger.reserve(request('sales', gaussianDemand(0.05)));
      await ledger.reserve(request('support', gaussianDemand(0.045)));
      expect(await spent(ledger, 'company')).toBeCloseTo(Math.sqrt(0.95), 8);
      expect(await spent(ledger, 'support')).toBeCloseTo(0.225, 8);
      await expect(ledger.reserve(request('sales', gaussianDemand(0.01)))).rejects.toThrow(/^scope=company/);
      expect((await verifyLedger(ledger.database)).faults).toEqual([]);
    }));

  test('a name asked for twice is reserved once', () =>
    withLedger(async (ledger) => {
      await ledger.openScope(scopeSettings('people'));
      const asked = request('people', gaussianDemand(0.06));
      expect(await ledger.reserve(asked)).toEqual(await ledger.reserve(asked));
      await expect(ledger.reserve({ ...asked, plan: 'b'.repeat(64) })).rejects.toThrow('another plan');
    }));

  test('an aborted job keeps what it charged, and nothing can be charged to it', () =>
    withLedger(async (ledger) => {
      await ledger.openScope(scopeSettings('people'));
      const { id: unused } = await ledger.reserve(request('people', gaussianDemand(0.04)));
      const { id } = await ledger.reserve(request('people', gaussianDemand(0.05)));
      await ledger.charge(id, { all: 3 });
      await ledger.abort(unused, 'not needed');
      await ledger.abort(id, 'lost');
      expect(await spent(ledger, 'people')).toBeCloseTo(Math.sqrt(0.15), 8);
      await expect(ledger.charge(id, { all: 4 })).rejects.toThrow(/is aborted/);
      await expect(ledger.charge(unused, { all: 1 })).rejects.toThrow(/is aborted/);
      expect(await ledger.abort(id, 'again')).toMatchObject({ state: 'aborted', steps: { all: 3 } });
    }));

  test('a sampled job of a mu scope is given back as a whole or not at all', () =>
    withLedger(async (ledger) => {
      await ledger.openScope(scopeSettings('people', { budget: { mu: 2 } }));
      const { id } = await ledger.reserve(request('people', trainingDemand(2)));
      const whole = await spent(ledger, 'people');
      await ledger.charge(id, { all: 3 });
      await ledger.settle(id, { all: 3 });
      expect(await spent(ledger, 'people')).toBe(whole);
      expect((await verifyLedger(ledger.database)).faults).toEqual([]);
    }));

  test('what a scope asks of every plan, no job can do without', () =>
    withLedger(async (ledger) => {
      await ledger.openScope(scopeSettings('company', { approvals: 1 }));
      await ledger.openScope(scopeSettings('people', { parent: 'company' }));
      const asked = request('people', gaussianDemand(0.01), { approvals: 0 });
      await expect(ledger.reserve(asked)).rejects.toThrow(/approvals=0: plan a+ needs 1/);
      const signer = signerOf('ann', generateKeyPairSync('ed25519').privateKey);
      await ledger.trust(signer.verifier.text, true);
      await ledger.approve(signApproval(asked.plan, '2026-11-24T12:00:00.000Z', signer));
      expect(await ledger.reserve(asked)).toMatchObject({ state: 'reserved' });
      expect((await verifyLedger(ledger.database)).faults).toEqual([]);
    }));

  test('refuses other units, closed and expired scopes', () =>
    withLedger(async (ledger) => {
      await ledger.openScope(scopeSettings('people'));
      await ledger.openScope(scopeSettings('old', { expires: '2020-01-01' }));
      await ledger.openScope(scopeSettings('done'));
      await ledger.closeScope('done', 'project ended');
      const demand = gaussianDemand(0.01);
      await expect(ledger.reserve(request('people', demand, { unit: 'user' }))).rejects.toThrow(/unit=user/);
      await expect(ledger.reserve(request('old', demand))).rejects.toThrow(/expired on 2020-01-01/);
      await expect(ledger.reserve(request('done', demand))).rejects.toThrow(/is closed/);
      await expect(ledger.reserve(request('nobody', demand))).rejects.toThrow(/none of that name/);
      await expect(
        ledger.openScope(scopeSettings('child', { parent: 'people', unit: 'user' })),
      ).rejects.toThrow(/different units/);
      await expect(ledger.openScope(scopeSettings('people'))).rejects.toThrow(/open already/);
      expect(await entriesOf(ledger.database.read, { type: 'refuse' })).toHaveLength(3);
    }));

  test('what one process wrote, the next one reads', async () => {
    const url = fresh();
    const first = await openLedger(url, identity);
    await first.openScope(scopeSettings('people'));
    const { id } = await first.reserve(request('people', gaussianDemand(0.01)));
    await first.close();
    const second = await openLedger(url, identity);
    expect(await second.job(id)).toMatchObject({ state: 'reserved' });
    await second.close();
  });

  test('G34 entries are only ever added, whoever asks', () =>
    withLedger(async (ledger) => {
      await ledger.openScope(scopeSettings('people'));
      const { read } = ledger.database;
      await expect(sql`update entries set scope = 'x'`.execute(read)).rejects.toThrow(/never changed/);
      await expect(sql`delete from entries`.execute(read)).rejects.toThrow(/never changed/);
      expect((await verifyLedger(ledger.database)).faults).toEqual([]);
    }));

  test('a ledger of a newer program is left alone', async () => {
    const url = fresh();
    const ledger = await openLedger(url, identity);
    await ledger.database.read.updateTable('schema_version').set({ version: 99 }).execute();
    await ledger.close();
    await expect(openLedger(url, identity)).rejects.toThrow(
      /made by a newer dptune \(tables of version 99\)/,
    );
  });

  test('two that make the tables at once make them once', async () => {
    const url = fresh();
    const ledgers = await Promise.all([openLedger(url, identity), openLedger(url, identity)]);
    await ledgers[0].openScope(scopeSettings('people'));
    expect(await ledgers[1].scope('people')).toMatchObject({ closed: false });
    for (const ledger of ledgers) await ledger.close();
  });
});

test.skipIf(!binaries)('PostgreSQL: a role that may not make tables or delete rows can write', async () => {
  const url = cluster!.create('rights');
  const owner = await openLedger(url, identity);
  await sql`create role clerk login`.execute(owner.database.read);
  await sql`grant select, insert, update on all tables in schema public to clerk`.execute(
    owner.database.read,
  );
  const clerk = await openLedger(url.replace('dptune@', 'clerk@'), identity);
  await clerk.openScope(scopeSettings('people'));
  await clerk.reserve(request('people', gaussianDemand(0.01)));
  await expect(sql`delete from entries`.execute(clerk.database.read)).rejects.toThrow(/permission denied/);
  expect((await verifyLedger(clerk.database)).faults).toEqual([]);
  await clerk.close();
  await owner.close();
});

test('an SQLite file that is none, or cannot be made, is named', async () => {
  const path = join(directory, 'text.db');
  writeFileSync(path, 'not a database, '.repeat(100));
  await expect(openLedger(path, identity)).rejects.toThrow(/^ledger=.*text\.db: .*not a database/);
  await expect(openLedger(join(path, 'below.db'), identity)).rejects.toThrow(/^ledger=.*below\.db/);
  expect(statSync(join(directory, '0.db')).mode & 0o777).toBe(0o600);
});
