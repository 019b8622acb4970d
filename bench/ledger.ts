/**
 * The ledger under load, on SQLite and, where its server programs are installed, on PostgreSQL (or the one that a last
 * argument names: sqlite, postgres).
 *
 *     npx tsx bench/ledger.ts race [rounds]     20 processes ask for a budget that fits 7: exactly 7 get it, every round
 *     npx tsx bench/ledger.ts kills [kills]     a process that charges is killed with SIGKILL, again and again
 *     npx tsx bench/ledger.ts size [entries]    times to append, show, prove and verify, and how they grow
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { reproducibleRng } from '../privacy/index.ts';
import { documentOf, entriesOf, openLedger, scopesIn, verifyLedger } from '../src/ledger/index.ts';
import { gaussianDemand, identity, request, scopeSettings } from '../test/ledger/cases.ts';
import { databaseKinds, startCluster } from '../test/ledger/postgres.ts';
import { startWorker } from '../test/ledger/processes.ts';

type Kind = (typeof databaseKinds)[number];

const [what = 'size', count, only] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'dptune-bench-ledger-'));
const cluster = databaseKinds.includes('postgres') ? await startCluster() : undefined;
let ledgers = 0;
const fresh = (kind: Kind): string => {
  ledgers += 1;
  return kind === 'sqlite' ? join(directory, `${ledgers}.db`) : cluster!.create(`bench${ledgers}`);
};

try {
  for (const kind of databaseKinds) {
    if (only && only !== kind) continue;
    if (what === 'race') await race(kind, Number(count ?? 20));
    else if (what === 'kills') await kills(kind, Number(count ?? 1000));
    else await size(kind, Number(count ?? 10_000));
  }
} finally {
  await cluster?.dispose();
  rmSync(directory, { recursive: true, force: true });
}

async function race(kind: Kind, rounds: number): Promise<void> {
  const workers = await Promise.all(Array.from({ length: 20 }, startWorker));
  const wins: number[] = [];
  for (let played = 0; played < rounds; played++) {
    const url = fresh(kind);
    const ledger = await openLedger(url, identity);
    await ledger.openScope(scopeSettings('people', { budget: { rho: 0.5 } }));
    // Twenty of rho 0.07 each: seven are 0.49.
    const outcomes = await Promise.all(
      workers.map((worker, k) => {
        const asked = request('people', gaussianDemand(0.014), { job: `job-${k}` });
        return worker.order({ do: 'reserve', url, request: asked });
      }),
    );
    const { faults } = await verifyLedger(ledger.database);
    const refused = (await entriesOf(ledger.database.read, { type: 'refuse' })).length;
    await ledger.close();
    const won = outcomes.filter((outcome) => outcome === 'reserved').length;
    wins.push(won);
    if (won !== 7 || refused !== 13 || faults.length > 0) {
      console.log(`round ${played}: ${won} reserved, ${refused} refused`, faults, outcomes);
      process.exitCode = 1;
    }
  }
  await Promise.all(workers.map((worker) => worker.kill()));
  console.log(
    `${kind}: 20 processes, budget for 7, ${rounds} rounds: reserved ${[...new Set(wins)].join(', ')}`,
  );
}

async function kills(kind: Kind, total: number): Promise<void> {
  const rng = reproducibleRng(`kills ${kind}`);
  const url = fresh(kind);
  const ledger = await openLedger(url, identity);
  // A step costs mu^2 of 10^-6 or less, so that the budget is never what ends the test.
  await ledger.openScope(scopeSettings('people', { budget: { mu: 100 } }));
  const steps = 3000;
  let [job, killed, finished] = [0, 0, 0];
  while (killed < total) {
    const name = `job-${job}`;
    const witness = join(directory, `${kind}-${job}`);
    const asked = request('people', gaussianDemand(1 / steps, steps), { job: name });
    const worker = await startWorker();
    const ended = worker.order({ do: 'train', url, request: asked, witness });
    // Half of them while it opens the ledger and reserves, half while it takes steps.
    if (killed % 2 === 0) await wait(1500 * rng.uniform());
    else await worker.begun().then(() => wait(150 * rng.uniform()));
    await worker.kill();
    killed++;
    const outcome = await ended;
    const known = await ledger.job(name).catch(() => undefined);
    const taken = existsSync(witness) ? readFileSync(witness, 'utf8').split('\n').slice(0, -1) : [];
    const paid = known?.steps['all'] ?? 0;
    const inOrder = taken.every((line, k) => line === String(k + 1));
    if (taken.length > paid || !inOrder || (outcome !== undefined && outcome !== 'settled')) {
      console.log(`kill ${killed}: ${taken.length} steps taken, ${paid} paid, ${outcome}`);
      process.exitCode = 1;
    }
    if (known?.state === 'settled') {
      job++;
      finished++;
    }
  }
  const { faults, checkpoint } = await verifyLedger(ledger.database);
  if (faults.length > 0) {
    console.log(faults);
    process.exitCode = 1;
  }
  const reserved = (await entriesOf(ledger.database.read, { type: 'reserve' })).length;
  console.log(
    `${kind}: ${killed} kills, ${finished} jobs of ${steps} steps done, ${reserved} reservations, ${checkpoint.size} entries, ${faults.length} faults`,
  );
  await ledger.close();
}

async function size(kind: Kind, most: number): Promise<void> {
  const ledger = await openLedger(fresh(kind), identity);
  const { database } = ledger;
  await ledger.openScope(scopeSettings('people', { budget: { mu: 1000 } }));
  const rows: Record<string, number | string>[] = [];
  let last = '';
  let entries = 1;
  for (const goal of [most / 10, most]) {
    const times: number[] = [];
    while (entries + 4 <= goal) {
      const { job } = request('people', gaussianDemand(1e-3, 100));
      const asked = request('people', gaussianDemand(1e-3, 100), { job });
      for (const operation of [
        () => ledger.reserve(asked),
        () => ledger.charge(job, { all: 32 }),
        () => ledger.charge(job, { all: 64 }),
        () => ledger.settle(job, { all: 60 }),
      ]) {
        const start = performance.now();
        await operation();
        times.push(performance.now() - start);
      }
      entries += 4;
      last = job;
    }
    const lately = times.slice(-400).sort((a, b) => a - b);
    rows.push({
      entries,
      'append ms, median': round(lately[lately.length >> 1]!),
      'append ms, 95 %': round(lately[Math.floor(lately.length * 0.95)]!),
      'show ms': await timed(async () => void (await scopesIn(database))),
      'ledger.json ms': await timed(async () => void (await documentOf(database, 'people', last, undefined))),
      'verify ms': await timed(async () => {
        const { faults } = await verifyLedger(database);
        if (faults.length > 0) throw new Error(faults.join('\n'));
      }),
    });
  }
  console.log(kind);
  console.table(rows);
  await ledger.close();
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return round(performance.now() - start);
}

function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
