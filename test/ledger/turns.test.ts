import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { entriesOf, LedgerUnavailableError, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { turnAt, waitMs } from '../../src/ledger/turn.ts';
import { gaussianDemand, identity, request, scopeSettings } from './cases.ts';

const directory = mkdtempSync(join(tmpdir(), 'dptune-turns-'));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Two processes' views of one ledger; the first holds it until `release`. */
async function heldLedger(name: string) {
  const url = join(directory, name);
  const holder = await openLedger(url, identity);
  await holder.openScope(scopeSettings('people'));
  const waiter = await openLedger(url, identity);
  let release!: () => void;
  const until = new Promise<void>((resolve) => (release = resolve));
  let begun!: () => void;
  const isHeld = new Promise<void>((resolve) => (begun = resolve));
  const held = holder.database.exclusive(async () => {
    begun();
    await until;
  });
  await isHeld;
  const close = async () => {
    release();
    await held;
    await Promise.all([holder.close(), waiter.close()]);
  };
  return { holder, waiter, release, close };
}

const asked = request('people', gaussianDemand(0.01), { job: 'one' });

describe('a ledger that somebody else holds', () => {
  test('is waited for, and what was asked for is done once', async () => {
    const { holder, waiter, release, close } = await heldLedger('waited.db');
    const reserved = waiter.reserve(asked);
    const early = await Promise.race([reserved.then(() => 'reserved'), sleep(150, 'waiting')]);
    expect(early).toBe('waiting');
    release();
    expect(await reserved).toMatchObject({ id: 'one', state: 'reserved' });
    expect(await entriesOf(holder.database.read, { type: 'reserve' })).toHaveLength(1);
    expect((await verifyLedger(holder.database)).faults).toEqual([]);
    await close();
  });

  test('is given up after DPTUNE_LEDGER_WAIT, by name, with nothing written', async () => {
    vi.stubEnv('DPTUNE_LEDGER_WAIT', '0.2');
    const { holder, waiter, close } = await heldLedger('given-up.db');
    const refused = await waiter.reserve(asked).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(LedgerUnavailableError);
    const { message } = refused as Error;
    const who = process.platform === 'linux' ? `process ${process.pid} (` : 'another process';
    expect(message).toContain(`given-up.db: was busy for 0.2 s; ${who}`);
    expect(message).toContain('DPTUNE_LEDGER_WAIT=SECONDS');
    await close();
    const after = await openLedger(holder.place, identity);
    expect(await entriesOf(after.database.read, { type: 'reserve' })).toEqual([]);
    // Asked again, it is granted.
    expect(await after.reserve(asked)).toMatchObject({ id: 'one' });
    await after.close();
  });
});

test('DPTUNE_LEDGER_WAIT is a number of seconds', () => {
  expect(waitMs({})).toBe(60_000);
  expect(waitMs({ DPTUNE_LEDGER_WAIT: '' })).toBe(60_000);
  expect(waitMs({ DPTUNE_LEDGER_WAIT: '1.5' })).toBe(1500);
  for (const wrong of ['soon', '-1', 'Infinity', '1s']) {
    expect(() => waitMs({ DPTUNE_LEDGER_WAIT: wrong })).toThrow(`DPTUNE_LEDGER_WAIT=${wrong}: must be`);
  }
});

test('who takes turn after turn without a pause lets others ask first', async () => {
  let isTaken = false;
  const take = () => {
    if (isTaken) throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
    isTaken = true;
  };
  const order: string[] = [];
  const turns = async (name: string, count: number) => {
    const turn = turnAt(60_000);
    for (let k = 0; k < count; k++) {
      await turn.take(take);
      order.push(name);
      await sleep(1);
      isTaken = false;
    }
  };
  const others = ['b', 'c', 'd'];
  await Promise.all([turns('a', 1000), ...others.map((name) => turns(name, 3))]);
  // Without a pause it would have all of its turns before anybody else's first.
  for (const name of others) expect(order.lastIndexOf(name)).toBeLessThan(order.lastIndexOf('a'));
});

test('an error that is no lock is not tried again', async () => {
  const attempt = vi.fn(() => {
    throw new Error('disk full');
  });
  await expect(turnAt(60_000).take(attempt)).rejects.toThrow('disk full');
  expect(attempt).toHaveBeenCalledTimes(1);
});
