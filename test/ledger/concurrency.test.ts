import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { entriesOf, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { gaussianDemand, identity, request, scopeSettings } from './cases.ts';
import { binaries, databaseKinds, startCluster, type Cluster } from './postgres.ts';
import { startWorker, type Worker } from './processes.ts';

const directory = mkdtempSync(join(tmpdir(), 'dptune-race-'));
let cluster: Cluster | undefined;
let workers: Worker[] = [];
beforeAll(async () => {
  if (binaries) cluster = await startCluster();
  workers = await Promise.all(Array.from({ length: 4 }, startWorker));
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await cluster?.dispose();
  rmSync(directory, { recursive: true, force: true });
});

describe.each(databaseKinds)('processes at one ledger on %s', (kind) => {
  let count = 0;
  const fresh = (): string =>
    kind === 'sqlite' ? join(directory, `${count++}.db`) : cluster!.create(`race${count++}`);

  test('G32 of four that ask for a budget that fits two, two get it, five times over', async () => {
    for (let round = 0; round < 5; round++) {
      const url = fresh();
      const ledger = await openLedger(url, identity);
      await ledger.openScope(scopeSettings('people', { budget: { rho: 0.5 } }));
      // Four of rho 0.2 each.
      const outcomes = await Promise.all(
        workers.map((worker, k) =>
          worker.order({
            do: 'reserve',
            url,
            request: request('people', gaussianDemand(0.04), { job: `job-${k}` }),
          }),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === 'reserved')).toHaveLength(2);
      expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(2);
      expect((await verifyLedger(ledger.database)).faults).toEqual([]);
      await ledger.close();
    }
  });

  test('G33 killed at any moment and started again, no step is taken that is not charged', async () => {
    const url = fresh();
    const witness = join(directory, `${kind}.witness`);
    const ledger = await openLedger(url, identity);
    await ledger.openScope(scopeSettings('people'));
    const steps = 4000;
    const asked = request('people', gaussianDemand(0.9 / steps, steps), { job: 'killed' });
    const rng = reproducibleRng(`kills ${kind}`);
    const taken = (): number =>
      existsSync(witness) ? readFileSync(witness, 'utf8').split('\n').length - 1 : 0;
    for (let kill = 0; kill < 3; kill++) {
      const worker = await startWorker();
      const ended = worker.order({ do: 'train', url, request: asked, witness });
      await worker.begun();
      await wait(20 + 100 * rng.uniform());
      await worker.kill();
      await ended;
      const job = await ledger.job('killed');
      expect(taken()).toBeLessThanOrEqual(job.steps['all'] ?? 0);
    }
    expect(taken()).toBeGreaterThan(0);
    const [worker] = workers as [Worker];
    expect(await worker.order({ do: 'train', url, request: asked, witness })).toBe('settled');
    expect(readFileSync(witness, 'utf8')).toBe(
      Array.from({ length: steps }, (_, k) => `${k + 1}\n`).join(''),
    );
    expect(await ledger.job('killed')).toMatchObject({ state: 'settled', steps: { all: steps } });
    const entries = await entriesOf(ledger.database.read, { job: 'killed' });
    expect(entries.filter(({ type }) => type === 'reserve')).toHaveLength(1);
    expect((await verifyLedger(ledger.database)).faults).toEqual([]);
    await ledger.close();
  });
});
