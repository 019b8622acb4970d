import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signApproval, signerOf, type LogEntry, type Signer } from '../../privacy/index.ts';
import { entriesOf, identityOf, openLedger } from '../../src/ledger/index.ts';
import { writeReport } from '../../src/report/index.ts';
import { countUnits, openJobModel, planJob } from '../../src/train/index.ts';
import { attest, openRelease } from '../../src/verify/index.ts';
import { createWorkplace, newRun, runJob, tinyJob, type Workplace } from '../support/tiny-job.ts';

/** Runs that were trained, charged to one ledger, tested, audited, reported and signed, as a careful producer would. */
export interface Released {
  /** Finished run directories, in the order in which they were charged. */
  readonly runs: readonly string[];
  /** The key that signed ledger checkpoints and releases. */
  readonly signer: Signer;
  readonly officer: Signer;
  /** All entries of the ledger, at the end. */
  readonly log: readonly LogEntry[];
  /** A copy of a run that may be changed; it goes with the others. */
  copy(run: string): string;
  remove(): void;
}

export function newSigner(name: string): Signer {
  return signerOf(name, generateKeyPairSync('ed25519').privateKey);
}

/** @param count - runs; each has a learning rate, and so a plan, of its own */
export async function releasedRuns(count: number): Promise<Released> {
  const place = await createWorkplace();
  const [signer, officer] = [newSigner('lab'), newSigner('officer')];
  const url = join(place.root, 'ledger.sqlite');
  const ledger = await openLedger(url, identityOf('test'));
  await ledger.openScope({
    name: 'people',
    description: 'people of a test',
    unit: 'record',
    relation: 'add-or-remove-one',
    delta: 1e-4,
    budget: { epsilon: 8 * count },
  });
  await ledger.trust(officer.verifier.text, true);
  const runs: string[] = [];
  for (let k = 0; k < count; k++) runs.push(await releasedRun(place, url, { signer, officer, ledger }, k));
  const log = await entriesOf(ledger.database.read);
  await ledger.close();
  const copies: string[] = [];
  return {
    runs,
    signer,
    officer,
    log,
    copy(run) {
      const to = mkdtempSync(join(tmpdir(), 'dptune-tamper-'));
      copies.push(to);
      cpSync(run, to, { recursive: true });
      return to;
    },
    remove() {
      for (const path of copies) rmSync(path, { recursive: true, force: true });
      place.remove();
    },
  };
}

interface Parties {
  readonly signer: Signer;
  readonly officer: Signer;
  readonly ledger: Awaited<ReturnType<typeof openLedger>>;
}

async function releasedRun(
  place: Workplace,
  url: string,
  { signer, officer, ledger }: Parties,
  k: number,
): Promise<string> {
  const config = await tinyJob(place, {
    train: { learningRate: 0.1 + 0.01 * k },
    ledger: { scope: 'people', url, approvals: 1 },
  });
  const model = await openJobModel(config);
  const { privacy } = await planJob(config, model, await countUnits(config));
  await model.directory.close();
  await ledger.approve(signApproval(privacy.hash, '2026-11-24T10:00:00.000Z', officer));
  const out = newRun(place);
  await runJob(config, out, { signer });
  const release = join(out, 'release');
  await writeFile(join(release, 'conformance.json'), jsonText(conformance));
  await writeFile(join(release, 'audit.json'), jsonText(audit));
  await writeReport(out);
  await writeFile(join(release, 'attestation.dsse.json'), await attest(await openRelease(out), signer));
  return out;
}

/** Signs a release anew, as someone who can reach the key would. */
export async function signAgain(run: string, signer: Signer): Promise<void> {
  await writeFile(
    join(run, 'release', 'attestation.dsse.json'),
    await attest(await openRelease(run), signer),
  );
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Changes a JSON document of a release in place; text and form stay as dptune writes them. */
export async function edit<T>(run: string, name: string, change: (json: T) => unknown): Promise<void> {
  const path = join(run, 'release', name);
  const json = JSON.parse(await readFile(path, 'utf8')) as T;
  await writeFile(path, jsonText(change(json) ?? json));
}

const conformance = {
  format: 'dptune-conformance/1',
  seconds: 1.5,
  checks: [
    {
      id: 'noise',
      title: 'Noise has the standard deviation of the plan',
      passed: true,
      detail: 'ratio 1.001',
    },
  ],
};

const audit = {
  format: 'dptune-audit/1',
  results: [
    {
      adversary: 'A3',
      method: 'one run',
      family: null,
      m: 1000,
      r: 100,
      v: 70,
      delta: 1e-5,
      confidence: 0.95,
      correction: null,
      preregisteredHash: 'd'.repeat(64),
      epsilonLower: 0.5,
      ceiling: 3.4654,
      attack: { auc: 0.6, tprAt001: 0.01, tprAt01: 0.05 },
      canaryDesign: 'gradient canaries',
      verdict: 'no violation found',
      claim: 2.8591,
    },
  ],
  attacks: [],
};
