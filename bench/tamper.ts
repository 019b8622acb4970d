/**
 * Tamper table: single edits of a released run, the checks that find each, and clean runs of seven kinds without a false alarm.
 *
 *   npx tsx bench/tamper.ts [--clean 50] [--numbers] [--no-edits]
 *
 * `--clean` trains so many runs, verifies each as a run and as a bundle; `--numbers` also changes every number of the
 * report, one at a time.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DptuneError, signCheckpoint, type Signer } from '../privacy/index.ts';
import type { Report } from '../audits/index.ts';
import { writeAtomic } from '../src/formats/index.ts';
import { bundleOf, openRelease, verify, type Verification } from '../src/verify/index.ts';
import { jsonText } from '../test/verify/changes.ts';
import { changedNumbers, edits } from '../test/verify/edits.ts';
import { logEdits } from '../test/verify/log-edits.ts';
import { releasedRuns, type Released } from '../test/verify/released-run.ts';
import { jsonOf } from '../test/support/tiny-job.ts';

const { values } = parseArgs({
  options: {
    clean: { type: 'string', default: '2' },
    numbers: { type: 'boolean', default: false },
    'no-edits': { type: 'boolean', default: false },
  },
});
const clean = Number(values.clean);

const place = mkdtempSync(join(tmpdir(), 'dptune-tamper-bundles-'));
const released = await releasedRuns(Math.max(2, clean));
let missed = 0;
try {
  if (!values['no-edits']) {
    await showEdits(released);
    await showLogEdits(released);
  }
  if (values.numbers) await showNumbers(released);
  await showClean(released);
} finally {
  released.remove();
  rmSync(place, { recursive: true });
}
process.exitCode = missed === 0 ? 0 : 1;

/** Each edit by itself on a fresh copy. */
async function showEdits({ runs, signer, copy }: Released): Promise<void> {
  console.log('| edit | found by |\n| --- | --- |');
  const [victim, other] = [runs[0]!, runs[1]!];
  for (const { name, found, apply } of edits) {
    const run = copy(victim);
    await apply(run, other);
    tell(name, await findersOf(run, signer), found);
    rmSync(run, { recursive: true });
  }
}

/** Checks that fail; `refused` where the files were not even opened. */
async function findersOf(run: string, signer: Signer): Promise<string[]> {
  try {
    return failing(await verify(run, { trust: [signer.verifier.text] }));
  } catch (error) {
    if (error instanceof DptuneError) return ['refused'];
    throw error;
  }
}

function failing({ checks }: Verification): string[] {
  return checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
}

function tell(name: string, finders: readonly string[], expected: string): void {
  if (!finders.includes(expected)) missed += 1;
  console.log(`| ${name} | ${finders.join(', ') || 'NOT FOUND'} |`);
}

/** The whole log, cut, rolled back or rewritten, against the checkpoint of the release that was made last. */
async function showLogEdits({ runs, log, signer }: Released): Promise<void> {
  const last = runs.findLast((run) => existsSync(join(run, 'release', 'ledger.json')))!;
  const { checkpoint } = await jsonOf<{ checkpoint: string }>(join(last, 'release', 'ledger.json'));
  for (const { name, change } of logEdits) {
    const found = await verify(last, { checkpoint, log: change(log), trust: [signer.verifier.text] });
    tell(`log: ${name}`, failing(found), 'checkpoint');
  }
  const forged = signCheckpoint({ origin: 'elsewhere', size: log.length, root: '0'.repeat(64) }, [signer]);
  tell('checkpoint: of another log', failing(await verify(last, { checkpoint: forged })), 'checkpoint');
}

/** Every number of the report, changed in its last digits or by one. */
async function showNumbers({ runs, signer, copy }: Released): Promise<void> {
  const report = await jsonOf<Report>(join(runs[0]!, 'release', 'report.json'));
  const run = copy(runs[0]!);
  const changed = changedNumbers(report);
  const unseen: string[] = [];
  for (const { place: at, report: other } of changed) {
    await writeFile(join(run, 'release', 'report.json'), jsonText(other));
    const finders = await findersOf(run, signer);
    if (!finders.some((id) => ['report', 'files', 'steps', 'schema'].includes(id))) unseen.push(at);
  }
  missed += unseen.length;
  console.log(
    `| report: each of its ${changed.length} numbers | ${unseen.length === 0 ? 'all' : unseen.join(', ')} |`,
  );
}

async function showClean({ runs, signer, log }: Released): Promise<void> {
  let alarms = 0;
  const started = performance.now();
  for (const [k, run] of runs.entries()) {
    const bundle = join(place, `${k}.tar`);
    const { files } = await openRelease(run);
    await writeAtomic(bundle, bundleOf(join(run, 'release'), files.values()));
    const checkpoint = files.has('ledger.json')
      ? (await jsonOf<{ checkpoint: string }>(join(run, 'release', 'ledger.json'))).checkpoint
      : undefined;
    const options = { trust: [signer.verifier.text], ...(checkpoint !== undefined && { checkpoint, log }) };
    for (const path of [run, bundle]) {
      const found = await verify(path, options);
      if (found.passed) continue;
      alarms += 1;
      console.log(
        `false alarm at run ${k}: ${JSON.stringify(found.checks.filter(({ outcome }) => outcome !== 'passed'))}`,
      );
    }
  }
  missed += alarms;
  const seconds = (performance.now() - started) / 1000 / runs.length / 2;
  console.log(
    `\n${runs.length} clean runs, each verified as a run and as a bundle: ${alarms} false alarms, ${seconds.toFixed(1)} s a verification`,
  );
}
