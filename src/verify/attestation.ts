import {
  envelopeFrom,
  isGiven,
  isSignedBy,
  trainingStatementOf,
  type Envelope,
  type Report,
  type TrainingPredicate,
} from '../../audits/index.ts';
import { diffValues, parseVerifierKey, type VerifierKey } from '../../privacy/index.ts';
import { failed, notChecked, passed, unless, type Finding, type Rule, type Subject } from './check.ts';
import { ledgerOf } from './ledger.ts';
import type { JobPlanText } from './plan.ts';
import { ATTESTATION } from './release-paths.ts';

export const attestationRule: Rule = {
  id: 'attestation',
  title: 'A trusted key signed exactly these files',
  explanation:
    'The in-toto statement in attestation.dsse.json must be signed with Ed25519 by a key that you trust (--trust), name every other file of the release with its SHA-256, and say of plan, guarantee and ledger what the files say. Without a key of your own choosing a signature shows only that nothing was changed since someone signed.',
  isNeeded: ({ trusted }) => trusted.length > 0,
  run: (subject) => {
    const { documents, trusted, plan, report } = subject;
    if (!documents.has(ATTESTATION)) {
      const why = `there is no ${ATTESTATION}: nobody signed this release`;
      return trusted.length > 0 ? failed(why) : notChecked(why);
    }
    if (!plan || !report) return notChecked('the report or the plan cannot be read');
    const envelope = envelopeFrom(documents.get(ATTESTATION));
    const faults = statementFaults(subject, envelope, plan, report);
    if (faults.length > 0) return unless(faults, '');
    const signer = trusted.find((key) => isSignedBy(envelope, key));
    if (signer) return passed(`signed by ${signer.text}`);
    return trusted.length > 0 ? failed('is signed by none of the trusted keys') : selfDeclared(envelope);
  },
};

/** The statement must be about this release, all of it, and say of the guarantee what the report says. */
function statementFaults(subject: Subject, envelope: Envelope, plan: JobPlanText, report: Report): string[] {
  const { subject: named, predicate } = trainingStatementOf(envelope);
  const digests = new Map(named.map(({ name, digest }) => [name, digest.sha256]));
  const others = [...subject.release.files.values()].filter(({ path }) => path !== ATTESTATION);
  const there = new Set(others.map(({ path }) => path));
  const { hash, unit } = plan.privacy;
  const { claim } = report;
  const guarantee = isGiven(claim)
    ? { epsilon: claim.epsilon, delta: claim.delta, unit: unit.kind, relation: claim.relation }
    : null;
  const checkpoint = ledgerOf(subject)?.checkpoint ?? null;
  const { tool } = predicate;
  const expected: TrainingPredicate = { tool, planHash: hash, guarantee, checkpoint };
  return [
    ...others.flatMap(({ path, sha256 }) =>
      digests.get(path) === sha256 ? [] : [`${path}: is not what was signed`],
    ),
    ...[...digests.keys()]
      .filter((name) => !there.has(name))
      .map((name) => `${name}: was signed and is missing`),
    ...diffValues(expected, predicate).map(({ field }) => `${field}: another was signed`),
  ];
}

/** No key is trusted: a wrong signature still shows a change, a right one shows nothing about who signed. */
function selfDeclared(envelope: Envelope): Finding {
  const keys = envelope.signatures.flatMap(({ keyid }) => keyFrom(keyid));
  const signer = keys.find((key) => isSignedBy(envelope, key));
  if (!signer) return failed('is not signed by the key that it names');
  return notChecked(
    `it fits, and is signed by ${signer.text}: if that is the key that the producer told you, give it with --trust`,
  );
}

function keyFrom(text: string): VerifierKey[] {
  try {
    return [parseVerifierKey(text)];
  } catch {
    return [];
  }
}
