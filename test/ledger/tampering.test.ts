import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signApproval, signCheckpoint, signerOf } from '../../privacy/index.ts';
import { entriesOf, openDatabase, openLedger, verifyLedger, type Anchor } from '../../src/ledger/index.ts';
import { gaussianDemand, identity, request, scopeSettings } from './cases.ts';

const directory = mkdtempSync(join(tmpdir(), 'dptune-tamper-'));
const signer = signerOf('lab', generateKeyPairSync('ed25519').privateKey);
const sound = join(directory, 'sound.db');
const early = join(directory, 'early.db');
let anchor: Anchor;
afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeAll(async () => {
  const ledger = await openLedger(sound, identity);
  const settle = async (job: string, steps: number) => {
    await ledger.reserve(request('people', gaussianDemand(0.004, 20), { job }));
    await ledger.charge(job, { all: 20 });
    await ledger.settle(job, { all: steps });
  };
  await ledger.openScope(scopeSettings('company', { budget: { epsilon: 20 } }));
  await ledger.openScope(scopeSettings('people', { parent: 'company' }));
  await ledger.trust(signer.verifier.text, true);
  await ledger.approve(signApproval('a'.repeat(64), '2026-11-24T12:00:00.000Z', signer));
  await settle('one', 20);
  await sql`pragma wal_checkpoint(truncate)`.execute(ledger.database.read);
  copyFileSync(sound, early);
  await settle('two', 10);
  await ledger.reserve(request('people', gaussianDemand(0.5, 20))).catch(() => undefined);
  const { checkpoint } = await verifyLedger(ledger.database);
  anchor = { note: signCheckpoint(checkpoint, [signer]), keys: [signer.verifier.text] };
  await sql`pragma wal_checkpoint(truncate)`.execute(ledger.database.read);
  await ledger.close();
});

let copies = 0;
/** Faults of a copy of the ledger after some statements were run on it. */
async function faultsAfter(
  statements: readonly string[],
  from = sound,
  anchors: readonly Anchor[] = [anchor],
) {
  const copy = join(directory, `copy-${copies++}.db`);
  copyFileSync(from, copy);
  const database = await openDatabase(copy);
  try {
    const triggers = ['drop trigger entries_update', 'drop trigger entries_delete'];
    for (const statement of [...triggers, ...statements]) await sql.raw(statement).execute(database.read);
    return (await verifyLedger(database, anchors)).faults;
  } finally {
    await database.close();
  }
}

const edit = (seq: number, from: string, to: string) =>
  `update entries set body = replace(body, '${from}', '${to}') where seq = ${seq}`;

describe('G34 verify finds', () => {
  test('nothing in a sound ledger', async () => {
    expect(await faultsAfter([])).toEqual([]);
    expect(await faultsAfter([], early, [])).toEqual([]);
  });

  test.each([
    ['a larger budget', [edit(0, '"epsilon":20', '"epsilon":90')]],
    ['another delta', [edit(1, '0.000001', '0.001')]],
    ['fewer charged steps', [edit(5, '"all":20', '"all":2')]],
    ['a smaller cost', [edit(4, '"people":[80000000', '"people":[8000000')]],
    ['another actor', ["update entries set body = json_replace(body, '$.actor', 'nobody') where seq = 6"]],
    ['another time', ["update entries set body = json_replace(body, '$.time', '2020') where seq = 6"]],
    ['another hash', ["update entries set hash = replace(hash, 'a', 'b') where seq = 3"]],
    ['an entry that is no JSON', ["update entries set body = '{' where seq = 6"]],
    ['an entry that is nothing', ["update entries set body = 'null' where seq = 6"]],
    [
      'a payload that is none',
      ["update entries set body = json_replace(body, '$.payload', 'x') where seq = 6"],
    ],
    ['a removed entry', ['delete from entries where seq = 5']],
    ['a removed last entry', ['delete from entries where seq = 10']],
    [
      'two entries exchanged',
      [
        'update entries set seq = -seq where seq in (5, 6)',
        'update entries set seq = 11 + seq where seq < 0',
      ],
    ],
    [
      'an entry twice',
      ["insert into entries select 11, 'x', type, scope, job, body from entries where seq = 10"],
    ],
    ['an entry hidden from its scope', ["update entries set scope = 'other' where seq = 7"]],
    ['an entry hidden from its job', ['update entries set job = null where seq = 9']],
    ['an entry of another type', ["update entries set type = 'refuse' where seq = 7"]],
    ['a shorter head', ['update head set size = 10']],
    ['another head', ["update head set hash = replace(hash, substr(hash, 1, 4), '0000')"]],
    ['another frontier', ["update head set frontier = replace(frontier, substr(frontier, 3, 4), '0000')"]],
    ['a frontier that is none', ["update head set frontier = 'none'"]],
    ['another log', ["update head set origin = 'dptune.ledger/other'"]],
    [
      'a budget that was refilled',
      ["update scopes set body = json_replace(body, '$.held', json('[0,0]')) where name = 'people'"],
    ],
    [
      'a closed scope that was opened',
      ["update scopes set body = json_replace(body, '$.closed', json('true')) where name = 'people'"],
    ],
    ['a scope that vanished', ["delete from scopes where name = 'company'"]],
    [
      'a scope that was never opened',
      ["insert into scopes select 'free', body from scopes where name = 'people'"],
    ],
    ['a job that vanished', ["delete from jobs where id = 'one'"]],
    [
      'a job that was revived',
      ["update jobs set body = replace(body, 'settled', 'running'), state = 'running'"],
    ],
    [
      'an emptied ledger',
      ['delete from entries', 'delete from head', 'delete from scopes', 'delete from jobs'],
    ],
  ])('%s', async (_, statements) => {
    expect(await faultsAfter(statements)).not.toEqual([]);
  });

  test('a ledger that was rolled back, which is sound in itself, by a checkpoint', async () => {
    expect(await faultsAfter([], early, [])).toEqual([]);
    expect(await faultsAfter([], early)).toEqual([
      expect.stringMatching(/11 entries were signed, and 7 are left. The log was cut or rolled back/),
    ]);
  });

  test('a history that was rewritten as a whole, by a checkpoint', async () => {
    const path = join(directory, 'rewritten.db');
    copyFileSync(early, path);
    const ledger = await openLedger(path, identity);
    for (let more = 0; more < 6; more++) await ledger.trust(signer.verifier.text, true);
    expect((await verifyLedger(ledger.database)).faults).toEqual([]);
    expect((await verifyLedger(ledger.database, [anchor])).faults).toEqual([
      'checkpoint: the first 11 entries are not those that were signed',
    ]);
    await ledger.close();
  });

  test('a damaged entry is named where the log is read, too', async () => {
    const copy = join(directory, 'damaged.db');
    copyFileSync(sound, copy);
    const database = await openDatabase(copy);
    await sql`drop trigger entries_update`.execute(database.read);
    await sql`update entries set body = '{broken' where seq = 3`.execute(database.read);
    await expect(entriesOf(database.read)).rejects.toThrow(/^entry=\{broken: is damaged/);
    await database.close();
  });

  test('checkpoints of others', async () => {
    const stranger = signerOf('lab', generateKeyPairSync('ed25519').privateKey);
    expect(await faultsAfter([], sound, [{ ...anchor, keys: [stranger.verifier.text] }])).toEqual([
      'checkpoint: is not signed by a known key',
    ]);
    expect(await faultsAfter([], sound, [{ ...anchor, note: anchor.note.replace('11', '10') }])).toHaveLength(
      1,
    );
  });
});
