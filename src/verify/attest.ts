import { attestTraining, checkReport, isGiven } from '../../audits/index.ts';
import { DataError, type LedgerDocument, type Signer } from '../../privacy/index.ts';
import { ATTESTATION } from './release-paths.ts';
import type { Release } from './release.ts';
import { planOf } from './plan.ts';
import { toolVersion } from './version.ts';

/**
 * Signs every file of a release with its digest, and what the plan says, as an in-toto statement.
 * @returns attestation.dsse.json
 * @throws DataError where the release has no report, DriftError where its plan was changed
 */
export async function attest({ files }: Release, signer: Signer): Promise<string> {
  const report = await checkReport(jsonIn(files, 'report.json'));
  const { hash, unit } = planOf(jsonIn(files, 'plan.json')).privacy;
  const { claim } = report;
  const ledger = files.has('ledger.json') ? (jsonIn(files, 'ledger.json') as LedgerDocument) : undefined;
  const subjects = [...files.values()]
    .filter(({ path }) => path !== ATTESTATION)
    .map(({ path, sha256 }) => ({ name: path, digest: { sha256 } }));
  const envelope = attestTraining(
    subjects,
    {
      tool: { name: 'dptune', version: toolVersion() },
      planHash: hash,
      guarantee: isGiven(claim)
        ? { epsilon: claim.epsilon, delta: claim.delta, unit: unit.kind, relation: claim.relation }
        : null,
      checkpoint: ledger?.checkpoint ?? null,
    },
    signer,
  );
  return `${JSON.stringify(envelope, null, 2)}\n`;
}

function jsonIn(files: Release['files'], name: string): unknown {
  const content = files.get(name)?.content;
  if (!content)
    throw new DataError(`${name}: is missing. Give a finished run; dptune report RUN writes its report.`);
  return JSON.parse(content.toString('utf8')) as unknown;
}
