import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ledgerFaults, seededStream, type LedgerDocument } from '../../privacy/index.ts';
import { loadSearch } from '../../src/config/index.ts';
import { identityOf, openLedger } from '../../src/ledger/index.ts';
import type { TrialOf } from '../../src/train/index.ts';
import { planSearch, runSearch, startSearch } from '../../src/tune/index.ts';
import { verify } from '../../src/verify/index.ts';
import { csvOf, madeUpRows, tinyJobFile } from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
let url: string;
beforeAll(async () => {
  url = join(place.root, 'ledger.db');
  await writeFile(join(place.root, 'public.csv'), csvOf(madeUpRows(20, 'public')));
  const ledger = await openLedger(url, identityOf());
  const scope = { unit: 'record', relation: 'add-or-remove-one', delta: 1e-4 } as const;
  await ledger.openScope({ ...scope, name: 'wide', description: 'Everyone', budget: { epsilon: 100 } });
  await ledger.openScope({ ...scope, name: 'narrow', description: 'Few', budget: { epsilon: 0.5 } });
  await ledger.close();
});

async function planned(scope: string) {
  const job = await tinyJobFile(place, {
    data: { validation: { path: 'public.csv', public: true } },
    ledger: { scope, url },
  });
  const path = join(place.root, 'search.yaml');
  const settings = { 'train.learningRate': [0.01, 0.1] };
  await writeFile(
    path,
    JSON.stringify({ job, settings, method: 'private-selection', distribution: 'logarithmic', trials: 1.01 }),
  );
  return planSearch(await loadSearch(path));
}

test('G30: a private selection is charged as a whole before its first trial, and its best run proves it', async () => {
  const plan = await planned('wide');
  const out = join(place.root, 'search');
  await startSearch(plan, out, seededStream('one'));
  const { ledger: paid } = JSON.parse(await readFile(join(out, 'search.json'), 'utf8')) as TrialOf;
  expect(ledgerFaults(paid!, plan.part!.hash)).toEqual([]);
  expect(paid!.charged).toBeGreaterThan(0);
  const { run } = await runSearch(out, { parallel: 1, finished: () => undefined });
  const released = JSON.parse(await readFile(join(run, 'release', 'ledger.json'), 'utf8')) as LedgerDocument;
  expect(released).toEqual(paid);
  const { passed, checks } = await verify(run);
  expect(checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  expect(checks.find(({ id }) => id === 'ledger')?.outcome).toBe('passed');
  expect(passed).toBe(true);
});

test('G30: a search that its budget does not cover draws nothing', async () => {
  const out = join(place.root, 'refused');
  await expect(startSearch(await planned('narrow'), out, seededStream('two'))).rejects.toThrow(
    'scope=narrow',
  );
  await expect(runSearch(out, { parallel: 1, finished: () => undefined })).rejects.toThrow('none lies there');
});
