import type { Report } from '../../audits/index.ts';
import { accountantRule, planRule, schemaRule } from './guarantee.ts';
import { attestationRule } from './attestation.ts';
import { auditRule } from './audit.ts';
import type { Finding, Outcome, Rule, Subject } from './check.ts';
import { checkpointRule } from './checkpoint.ts';
import { filesRule, formRule, privateRule } from './files.ts';
import { ledgerRule, stepsRule } from './ledger.ts';
import { openRelease, type Release } from './release.ts';
import { renderingsRule } from './renderings.ts';
import { reportRule, stampRule } from './report.ts';
import { isAboutDocument, subjectOf, type VerifyOptions } from './subject.ts';

/** What came out of one check. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly explanation: string;
  readonly outcome: Outcome;
  readonly detail: string;
  /** Whether the release cannot be believed unless this passes. */
  readonly needed: boolean;
}

export interface Verification {
  readonly source: Release['source'];
  readonly checks: readonly Check[];
  /** No check failed, and none that is needed was left out. */
  readonly passed: boolean;
  /** PRIVATE or NOT PRIVATE, as the report says. */
  readonly stamp: Report['status']['stamp'] | undefined;
  /** SHA-256 of report.json: what a person who read this report can name it by. */
  readonly reportDigest: string | undefined;
}

/** In the order in which one builds on the other. */
export const rules: readonly Rule[] = [
  formRule,
  schemaRule,
  filesRule,
  privateRule,
  planRule,
  accountantRule,
  reportRule,
  stampRule,
  renderingsRule,
  stepsRule,
  auditRule,
  ledgerRule,
  checkpointRule,
  attestationRule,
];

/**
 * Checks a run, a release or a bundle against itself, against mathematics, and against keys and checkpoints that the caller
 * has from elsewhere. Nothing is believed because its producer says so; no engine, network or database is used.
 * @param path - run directory, release directory, or bundle
 * @throws DataError where nothing of the kind lies there
 * @throws DptuneError `verification` for an archive or a tree that is not fit to be opened
 */
export async function verify(path: string, options: VerifyOptions = {}): Promise<Verification> {
  return verifyRelease(await openRelease(path), options);
}

/** The same for a release that was read already. */
export async function verifyRelease(release: Release, options: VerifyOptions = {}): Promise<Verification> {
  const subject = await subjectOf(release, options);
  const checks: Check[] = [];
  for (const rule of rules) {
    const { id, title, explanation } = rule;
    const { outcome, detail } = await findingOf(rule, subject);
    checks.push({ id, title, explanation, outcome, detail, needed: rule.isNeeded(subject) });
  }
  return {
    source: release.source,
    checks,
    passed: checks.every(
      ({ outcome, needed }) => outcome === 'passed' || (outcome === 'not checked' && !needed),
    ),
    stamp: subject.report?.status.stamp,
    reportDigest: release.files.get('report.json')?.sha256,
  };
}

/** Runs one rule; what a document throws at it is a finding, too. */
export async function findingOf(rule: Rule, subject: Subject): Promise<Finding> {
  try {
    return await rule.run(subject);
  } catch (error) {
    if (isAboutDocument(error)) return { outcome: 'failed', detail: (error as Error).message };
    throw error;
  }
}
