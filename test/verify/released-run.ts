import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signApproval, signerOf, type LogEntry, type Signer } from '../../privacy/index.ts';
import { auditRun } from '../../src/audit/index.ts';
import { entriesOf, identityOf, openLedger, type Ledger } from '../../src/ledger/index.ts';
import { writeReport } from '../../src/report/index.ts';
import { countUnits, openJobModel, planJob } from '../../src/train/index.ts';
import { attest, openRelease } from '../../src/verify/index.ts';
import { jsonText } from './changes.ts';
import {
  byWriter,
  createWorkplace,
  newRun,
  runJob,
  tinyJob,
  type JobSettings,
  type Workplace,
} from '../support/tiny-job.ts';

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
  readonly copy: (run: string) => string;
  readonly remove: () => void;
}

export function newSigner(name: string): Signer {
  return signerOf(name, generateKeyPairSync('ed25519').privateKey);
}

/** Jobs of different kinds; the first is the usual one. */
const kinds: readonly { readonly settings: readonly JobSettings[]; readonly train?: object }[] = [
  { settings: [{ audit: { canaries: 40, guesses: 20 } }] },
  { settings: [{ train: { method: 'lora', lora: { rank: 2 }, steps: 4 } }] },
  { settings: [byWriter, { privacy: { relation: 'replace-one' } }] },
  { settings: [{ data: { labels: undefined, columns: { label: 'score' } }, task: 'regression' }] },
  {
    settings: [
      {
        privacy: { noiseMultiplier: 3 },
        train: {
          method: undefined,
          phases: [
            { name: 'head', method: 'head', steps: 4 },
            { name: 'all', method: 'full', steps: 3 },
          ],
        },
      },
    ],
  },
  {
    settings: [
      { data: { test: undefined, split: { test: 0.2 } }, evaluate: { baselines: ['majority', 'frozen'] } },
    ],
  },
  { settings: [], train: { nonPrivate: true } },
];

/**
 * @param count - runs, each with a plan of its own. The first two are of the same kind; from the third on the kind changes,
 *   and those that are not of this ledger's unit and relation are charged to none.
 */
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
    budget: { epsilon: 12 * count },
  });
  await ledger.trust(officer.verifier.text, true);
  const parties = { signer, officer, ledger, url };
  const runs: string[] = [];
  for (let k = 0; k < count; k++) runs.push(await releasedRun(place, parties, k));
  const log = await entriesOf(ledger.database.read);
  await ledger.close();
  const copies: string[] = [];
  return {
    runs,
    signer,
    officer,
    log,
    copy: (run) => {
      const copy = mkdtempSync(join(tmpdir(), 'dptune-tamper-'));
      copies.push(copy);
      cpSync(run, copy, { recursive: true });
      return copy;
    },
    remove: () => {
      for (const path of copies) rmSync(path, { recursive: true, force: true });
      place.remove();
    },
  };
}

interface Parties {
  readonly signer: Signer;
  readonly officer: Signer;
  readonly ledger: Ledger;
  readonly url: string;
}

async function releasedRun(place: Workplace, parties: Parties, k: number): Promise<string> {
  const { signer, officer, ledger, url } = parties;
  const kind = kinds[Math.max(0, k - 1) % kinds.length]!;
  const { settings, train } = kind;
  const isApproved = kind === kinds[0];
  const isCounted = !settings.includes(byWriter) && train === undefined;
  const config = await tinyJob(place, ...settings, {
    train: { learningRate: 0.1 + 0.01 * k },
    ...(isCounted && { ledger: { scope: 'people', url, approvals: isApproved ? 1 : 0 } }),
  });
  if (isApproved) {
    const model = await openJobModel(config);
    const { privacy } = await planJob(config, model, await countUnits(config));
    await model.directory.close();
    await ledger.approve(signApproval(privacy.hash, '2026-11-24T10:00:00.000Z', officer));
  }
  const out = newRun(place);
  await runJob(config, out, { signer, ...train });
  const release = join(out, 'release');
  if (isCounted) await writeFile(join(release, 'conformance.json'), jsonText(conformance));
  if (isApproved) await auditRun(out);
  await writeReport(out);
  await signAgain(out, signer);
  return out;
}

/** Signs a release anew, as someone who can reach the key would. */
export async function signAgain(run: string, signer: Signer): Promise<void> {
  await writeFile(
    join(run, 'release', 'attestation.dsse.json'),
    await attest(await openRelease(run), signer),
  );
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
