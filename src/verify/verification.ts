import { checkReport, type Report } from '../../audits/index.ts';
import { parseVerifierKey, type LogEntry } from '../../privacy/index.ts';
import { DptuneError } from '../../privacy/errors.ts';
import { accountantRule, planRule, schemaRule } from './guarantee.ts';
import { attestationRule } from './attestation.ts';
import type { Finding, Outcome, Rule, Subject } from './check.ts';
import { checkpointRule } from './checkpoint.ts';
import { filesRule, formRule, privateRule } from './files.ts';
import { ledgerRule, stepsRule } from './ledger.ts';
import { planOf } from './plan.ts';
import { openRelease, type Release } from './release.ts';
import { renderingsRule } from './renderings.ts';
import { reportRule, stampRule } from './report.ts';
import { toolVersion } from './version.ts';

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

export interface VerifyOptions {
  /** Verifier keys NAME+HASH+BASE64 whose signatures count. If any is given, the release must be signed by one. */
  readonly trust?: readonly string[];
  /** Signed checkpoint note that was seen earlier. */
  readonly checkpoint?: string;
  /** All entries of the ledger, as exported. */
  readonly log?: readonly LogEntry[];
}

/** In the order in which one builds on the other. */
const RULES: readonly Rule[] = [
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
  for (const rule of RULES) {
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

async function subjectOf(release: Release, options: VerifyOptions): Promise<Subject> {
  const documents = new Map<string, unknown>();
  for (const { path, content } of release.files.values()) {
    const json = path.includes('/') || !path.endsWith('.json') ? undefined : parsed(content!);
    if (json !== undefined) documents.set(path, json);
  }
  const report = await readable(() => checkReport(documents.get('report.json')));
  const plan = await readable(() => planOf(documents.get('plan.json')));
  return {
    release,
    documents,
    report: report.value,
    plan: plan.value,
    unreadable: {
      ...(report.fault !== undefined && { report: report.fault }),
      ...(plan.fault !== undefined && { plan: plan.fault }),
    },
    trusted: (options.trust ?? []).map(parseVerifierKey),
    checkpoint: options.checkpoint,
    log: options.log,
    version: toolVersion(),
  };
}

function parsed(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** A document that holds together, or why it does not. */
async function readable<T>(read: () => T | Promise<T>): Promise<{ value?: T; fault?: string }> {
  try {
    return { value: await read() };
  } catch (error) {
    if (isAboutDocument(error)) return { fault: (error as Error).message };
    throw error;
  }
}

async function findingOf(rule: Rule, subject: Subject): Promise<Finding> {
  try {
    return await rule.run(subject);
  } catch (error) {
    if (isAboutDocument(error)) return { outcome: 'failed', detail: (error as Error).message };
    throw error;
  }
}

/** Documents may hold anything: what reading one throws is a finding. */
function isAboutDocument(error: unknown): boolean {
  return (
    error instanceof DptuneError ||
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  );
}
