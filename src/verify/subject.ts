import { checkReport } from '../../audits/index.ts';
import { parseVerifierKey, type LogEntry } from '../../privacy/index.ts';
import { DptuneError } from '../../privacy/errors.ts';
import type { Subject } from './check.ts';
import { planOf } from './plan.ts';
import type { Release } from './release.ts';
import { toolVersion } from './version.ts';

export interface VerifyOptions {
  /** Verifier keys NAME+HASH+BASE64 whose signatures count. If any is given, the release must be signed by one. */
  readonly trust?: readonly string[];
  /** Signed checkpoint note that was seen earlier. */
  readonly checkpoint?: string;
  /** All entries of the ledger, as exported. */
  readonly log?: readonly LogEntry[];
}

/** Reads the documents of a release, once, for all checks. */
export async function subjectOf(release: Release, options: VerifyOptions): Promise<Subject> {
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

/** Documents may hold anything: what reading one throws is a finding. */
export function isAboutDocument(error: unknown): boolean {
  return (
    error instanceof DptuneError ||
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  );
}
