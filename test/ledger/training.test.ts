import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  demandOf,
  ledgerFaults,
  levelOf,
  signApproval,
  signerOf,
  type LedgerDocument,
  type Payloads,
} from '../../privacy/index.ts';
import type { Config } from '../../src/config/index.ts';
import { entriesOf, openLedger, verifyLedger, type Ledger } from '../../src/ledger/index.ts';
import { InterruptedError } from '../../src/train/index.ts';
import type { JobPlan } from '../../src/train/index.ts';
import {
  createWorkplace,
  jsonOf,
  linesOf,
  newRun,
  recorder,
  resumeRun,
  runJob,
  tinyJob,
  type JobSettings,
  type Workplace,
} from '../support/tiny-job.ts';
import { identity, scopeSettings } from './cases.ts';

let place: Workplace;
let url: string;
let ledger: Ledger;
beforeAll(async () => {
  place = await createWorkplace();
  url = join(place.root, 'ledger.db');
  ledger = await openLedger(url, identity);
});
afterAll(async () => {
  await ledger.close();
  place.remove();
});

let scopes = 0;
async function chargedJob(
  epsilon: number,
  ...more: readonly JobSettings[]
): Promise<{ scope: string; config: Config }> {
  const scope = `people-${scopes++}`;
  await ledger.openScope(scopeSettings(scope, { budget: { epsilon }, delta: 1e-4 }));
  return { scope, config: await tinyJob(place, { ledger: { scope, url: 'ledger.db' } }, ...more) };
}

const spentIn = async (name: string): Promise<number> => {
  const { scope, held } = await ledger.scope(name);
  return levelOf(scope, held);
};
const planOf = (out: string) => jsonOf<JobPlan>(join(out, 'release', 'plan.json'));
const documentIn = (out: string) => jsonOf<LedgerDocument>(join(out, 'release', 'ledger.json'));

test('a run reserves, pays, settles, and releases a proof that holds without the ledger', async () => {
  const { scope, config } = await chargedJob(20);
  const out = newRun(place);
  const signer = signerOf('lab', generateKeyPairSync('ed25519').privateKey);
  await runJob(config, out, { signer });
  const document = await documentIn(out);
  const { privacy } = await planOf(out);
  expect(ledgerFaults(document, privacy.hash)).toEqual([]);
  expect(document.entries.map(({ entry }) => entry.type)).toEqual(['open', 'reserve', 'charge', 'settle']);
  expect(document.publicKey).toBe(signer.verifier.text);
  expect(document).toMatchObject({ unit: 'epsilon', spentBefore: 0, scope: { name: scope } });
  expect(document.charged).toBe(await spentIn(scope));
  expect(document.charged + document.remaining).toBeCloseTo(20, 12);
  // A filter costs more than the plan's own, tighter figure, never less.
  expect(document.charged).toBeGreaterThanOrEqual(privacy.epsilon);
  expect((await verifyLedger(ledger.database)).faults).toEqual([]);
});

test('the reservation of a run with canaries has the commitment to their coins, others have none', async () => {
  const { config } = await chargedJob(40, { audit: { canaries: 10 }, train: { steps: 2 } });
  const out = newRun(place);
  await runJob(config, out);
  const { commitment } = await jsonOf<{ commitment: string }>(join(out, 'release', 'audit.json'));
  const document = await documentIn(out);
  expect(document.entries[1]!.entry.payload).toMatchObject({ commitment });
  expect(ledgerFaults(document, (await planOf(out)).privacy.hash)).toEqual([]);
  const plain = await chargedJob(20, { train: { steps: 2 } });
  const other = newRun(place);
  await runJob(plain.config, other);
  expect(Object.keys((await documentIn(other)).entries[1]!.entry.payload)).not.toContain('commitment');
  expect((await verifyLedger(ledger.database)).faults).toEqual([]);
});

test('a reservation whose run never began is given back when the run begins, with other coins', async () => {
  const { scope, config } = await chargedJob(80, { audit: { canaries: 10 }, train: { steps: 2 } });
  const [first, second] = [newRun(place), newRun(place)];
  await runJob(config, first);
  const { privacy } = await planOf(first);
  const { hash: plan, relation } = privacy;
  const commitment = 'c'.repeat(64);
  const asked = {
    job: 'left',
    scope,
    plan,
    unit: 'record',
    relation,
    demand: demandOf(privacy),
    commitment,
  } as const;
  await ledger.reserve(asked);
  const before = await spentIn(scope);
  await mkdir(join(second, 'private'), { recursive: true });
  await writeFile(
    join(second, 'private', 'ledger.json'),
    JSON.stringify({ job: 'left', scope, plan, commitment }),
  );
  const observer = recorder();
  await runJob(config, second, { observer });
  expect(observer.notes.join(' ')).toContain('gave back reservation left');
  expect(await ledger.job('left')).toMatchObject({ state: 'aborted' });
  expect(await spentIn(scope)).toBe(before);
  const document = await documentIn(second);
  const released = await jsonOf<{ commitment: string }>(join(second, 'release', 'audit.json'));
  expect(released.commitment).not.toBe(commitment);
  expect(document.entries[1]!.entry.payload).toMatchObject({ commitment: released.commitment });
  expect((await verifyLedger(ledger.database)).faults).toEqual([]);
});

test('a reservation that was refused does not stand in the way of the next attempt with other coins', async () => {
  const { config } = await chargedJob(0.01, { audit: { canaries: 10 }, train: { steps: 2 } });
  const out = newRun(place);
  await expect(runJob(config, out)).rejects.toMatchObject({ code: 'budget' });
  const wide = await chargedJob(40);
  const again = { ...config, ledger: { ...(config.ledger as object), scope: wide.scope } } as Config;
  await expect(runJob(config, out)).rejects.toMatchObject({ code: 'budget' });
  await runJob(again, out);
  expect((await documentIn(out)).scope.name).toBe(wide.scope);
});

test('G34 a document with anything changed does not hold', async () => {
  const { config } = await chargedJob(20);
  const out = newRun(place);
  await runJob(config, out, { signer: signerOf('lab', generateKeyPairSync('ed25519').privateKey) });
  const document = await documentIn(out);
  const { hash } = (await planOf(out)).privacy;
  const faultsOf = (change: (copy: Edited) => unknown): string[] => {
    const copy = structuredClone(document) as unknown as Edited;
    change(copy);
    return ledgerFaults(copy as unknown as LedgerDocument, hash);
  };
  const edits: Record<string, (copy: Edited) => unknown> = {
    charged: (copy) => (copy.charged /= 2),
    remaining: (copy) => (copy.remaining += 1),
    spentBefore: (copy) => (copy.spentBefore = 1),
    unit: (copy) => (copy.unit = 'mu'),
    budget: (copy) => (copy.scope.budget = { epsilon: 100 }),
    delta: (copy) => (copy.scope.delta = 1e-3),
    plan: (copy) => (copy.plan = 'b'.repeat(64)),
    'a charge': (copy) => (copy.entries[2]!.entry.payload.steps.train = 1),
    'a cost': (copy) => (copy.entries[1]!.entry.payload.costs = {}),
    'a missing charge': (copy) => copy.entries.splice(2, 1),
    'the order': (copy) => (copy.entries = copy.entries.toReversed()),
    'a proof': (copy) => (copy.entries[1]!.proof[0] = '0'.repeat(64)),
    'no end': (copy) => copy.entries.pop(),
    root: (copy) => (copy.head.root = '0'.repeat(64)),
    size: (copy) => (copy.head.size += 1),
    origin: (copy) => (copy.head.origin = 'dptune.ledger/other'),
    signature: (copy) => (copy.checkpoint = copy.checkpoint.replace('lab', 'bal')),
    key: (copy) => (copy.publicKey = null),
    approvals: (copy) => copy.approvals.push({ ...approval }),
    entries: (copy) => delete (copy as Partial<Edited>).entries,
  };
  for (const [what, change] of Object.entries(edits))
    expect([what, faultsOf(change)]).not.toEqual([what, []]);
  expect(faultsOf(() => undefined)).toEqual([]);
  expect(ledgerFaults(document, 'c'.repeat(64))).not.toEqual([]);
});

/** A document that may be changed. */
interface Edited {
  charged: number;
  remaining: number;
  spentBefore: number;
  unit: string;
  plan: string;
  scope: { budget: object; delta: number };
  entries: { entry: { payload: { steps: Record<string, number>; costs: object } }; proof: string[] }[];
  head: { root: string; size: number; origin: string };
  checkpoint: string;
  publicKey: string | null;
  approvals: object[];
}
const approval = signApproval(
  'a'.repeat(64),
  '2026-11-24T12:00:00.000Z',
  signerOf('ann', generateKeyPairSync('ed25519').privateKey),
);

test('a job that the budget does not cover is refused before it trains, and leaves no run', async () => {
  const { scope, config } = await chargedJob(1);
  const out = newRun(place);
  await expect(runJob(config, out)).rejects.toMatchObject({
    code: 'budget',
    message: expect.stringMatching(/requested epsilon .* remaining 1, short by .* would fit with/) as string,
  });
  expect(existsSync(join(out, 'private', 'start.json'))).toBe(false);
  expect(existsSync(join(out, 'private', 'journal.ndjson'))).toBe(false);
  expect(await entriesOf(ledger.database.read, { scope, type: 'refuse' })).toHaveLength(1);
  // With less to pay for, the same directory serves.
  const cheaper = await tinyJob(place, {
    ledger: { scope, url: 'ledger.db' },
    privacy: { noiseMultiplier: 20 },
  });
  await runJob(cheaper, out);
  expect(await spentIn(scope)).toBeLessThan(1);
});

test('G33 an interrupted run goes on with its reservation, and one more step is not paid for', async () => {
  const { scope, config } = await chargedJob(40, { train: { steps: 70 } });
  const out = newRun(place);
  await expect(runJob(config, out, { observer: recorder(40) })).rejects.toThrow(InterruptedError);
  const [job] = await entriesOf(ledger.database.read, { scope, type: 'reserve' });
  const { job: id } = job!.payload as unknown as Payloads['reserve'];
  // Blocks of 32 steps.
  expect(await ledger.job(id)).toMatchObject({
    state: 'running',
    steps: { [phaseOf(await planOf(out))]: 64 },
  });
  const whole = await spentIn(scope);
  await resumeRun(out);
  expect(await ledger.job(id)).toMatchObject({ state: 'settled' });
  expect(await spentIn(scope)).toBe(whole);
  expect(await linesOf(join(out, 'private', 'journal.ndjson'))).toHaveLength(70);
  expect(ledgerFaults(await documentIn(out), (await planOf(out)).privacy.hash)).toEqual([]);
});

test('G26 an old copy of the journal, or of the ledger, is found', async () => {
  const { config } = await chargedJob(40, { train: { steps: 70 } });
  const out = newRun(place);
  await expect(runJob(config, out, { observer: recorder(66) })).rejects.toThrow(InterruptedError);
  const journal = join(out, 'private', 'journal.ndjson');
  const lines = await linesOf(journal);
  await writeFile(
    journal,
    `${lines
      .slice(0, 20)
      .map((line) => JSON.stringify(line))
      .join('\n')}\n`,
  );
  await expect(resumeRun(out)).rejects.toThrow(/One of them is an old copy/);
  await writeFile(journal, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
  const other = join(place.root, 'other.db');
  const elsewhere = await openLedger(other, identity);
  const { scope } = config.ledger as { scope: string };
  await elsewhere.openScope(scopeSettings(scope, { budget: { epsilon: 40 }, delta: 1e-4 }));
  await elsewhere.close();
  await expect(resumeRun(out, { ledger: other })).rejects.toThrow(
    /the ledger has 0 steps .* the run's journal 66/,
  );
  await resumeRun(out);
});

test('a released reservation ends its run at the next block', async () => {
  const { scope, config } = await chargedJob(40, { train: { steps: 70 } });
  const out = newRun(place);
  await expect(runJob(config, out, { observer: recorder(10) })).rejects.toThrow(InterruptedError);
  const [job] = await entriesOf(ledger.database.read, { scope, type: 'reserve' });
  const { job: id } = job!.payload as unknown as Payloads['reserve'];
  await ledger.abort(id, 'not wanted any more');
  await expect(resumeRun(out)).rejects.toThrow(/was released/);
  expect(await linesOf(join(out, 'private', 'journal.ndjson'))).toHaveLength(10);
  await rm(out, { recursive: true });
});

test('a plan that needs approvals starts once trusted keys gave them', async () => {
  const { scope } = await chargedJob(20);
  const config = await tinyJob(place, { ledger: { scope, url: 'ledger.db', approvals: 2 } });
  const out = newRun(place);
  const refusal = await runJob(config, out).catch((error: unknown) => error as Error);
  const plan = /plan ([0-9a-f]{64}) needs 2/.exec((refusal as Error).message)![1]!;
  expect(await entriesOf(ledger.database.read, { scope, type: 'plan' })).toHaveLength(1);
  const signers = ['ann', 'bob', 'eve'].map((name) =>
    signerOf(name, generateKeyPairSync('ed25519').privateKey),
  );
  for (const signer of signers) await ledger.approve(signApproval(plan, '2026-11-24T12:00:00.000Z', signer));
  await ledger.trust(signers[0]!.verifier.text, true);
  await expect(runJob(config, out)).rejects.toThrow(/approvals=1/);
  await ledger.trust(signers[1]!.verifier.text, true);
  await runJob(config, out);
  const document = await documentIn(out);
  expect(document.approvals.map(({ keyName }) => keyName)).toEqual(['ann', 'bob']);
  expect(ledgerFaults(document, plan)).toEqual([]);
  await ledger.trust(signers[1]!.verifier.text, false);
  expect(ledgerFaults({ ...document, approvals: document.approvals.slice(1) }, plan)).not.toEqual([]);
  await expect(runJob(config, newRun(place))).rejects.toThrow(/approvals=1/);
});

test('G30 every further run is charged to the same scope, and the sum is refused', async () => {
  const { scope, config } = await chargedJob(5.5);
  await runJob(config, newRun(place));
  const first = await spentIn(scope);
  await runJob(config, newRun(place));
  expect(await spentIn(scope)).toBeGreaterThan(first);
  await expect(runJob(config, newRun(place))).rejects.toMatchObject({ code: 'budget' });
});

test('without a budget a run says that nobody counts, and has no ledger.json', async () => {
  const observer = recorder();
  const out = newRun(place);
  await runJob(await tinyJob(place), out, { observer });
  expect(observer.notes.join('\n')).toContain('ledger: none, so nobody counts');
  expect(existsSync(join(out, 'release', 'ledger.json'))).toBe(false);
});

function phaseOf({ privacy }: JobPlan): string {
  return privacy.phases[0]!.name;
}
