import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { identityOf, openLedger } from '../../src/ledger/index.ts';
import { runTrial } from '../../src/tune/trial.ts';
import { verify } from '../../src/verify/index.ts';
import { csvOf, madeUpRows, tinyJobFile } from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();

test('G33: a trial that is killed between its release and its report is gone on with, and charged once', async () => {
  await writeFile(join(place.root, 'public.csv'), csvOf(madeUpRows(20, 'public')));
  const url = join(place.root, 'ledger.db');
  const ledger = await openLedger(url, identityOf());
  const unit = { unit: 'record', relation: 'add-or-remove-one', delta: 1e-4 } as const;
  await ledger.openScope({ ...unit, name: 'all', description: 'Everyone', budget: { epsilon: 100 } });
  const job = await tinyJobFile(place, {
    data: { validation: { path: 'public.csv', public: true } },
    ledger: { scope: 'all', url },
    // The non-private twin is trained between the two: time to be killed in.
    evaluate: { baselines: ['non-private'] },
  });
  const run = join(place.root, 'trial');
  const released = join(run, 'release', 'metrics.json');
  const report = join(run, 'release', 'report.json');
  await killedOnce(['train', job, '--out', run], () => existsSync(released));
  expect(existsSync(report)).toBe(false);
  const before = await readFile(released, 'utf8');

  const figures = await runTrial(run, { job, overrides: [], search: undefined });
  expect(figures).toEqual((JSON.parse(before) as { validation: unknown }).validation);
  expect(existsSync(report)).toBe(true);
  const { passed, checks } = await verify(run);
  expect(checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  expect(passed).toBe(true);
  const { job: reservation } = JSON.parse(await readFile(join(run, 'private', 'ledger.json'), 'utf8')) as {
    job: string;
  };
  expect(await ledger.job(reservation)).toMatchObject({ state: 'settled', steps: { head: 6 } });
  await ledger.close();
});

/** Runs the command line and kills it as soon as `due`. */
async function killedOnce(args: readonly string[], due: () => boolean): Promise<void> {
  const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', cli, ...args], { stdio: 'ignore' });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on('close', (_, signal) => resolve(signal));
  });
  while (!due() && child.exitCode === null) await wait(1);
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
}
