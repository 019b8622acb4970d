import type { JobPlanText } from './plan.ts';
import type { Release } from './release.ts';
import type { Report } from '../../audits/index.ts';
import type { LogEntry, VerifierKey } from '../../privacy/index.ts';

/** A check that could not be made is not a pass. */
export type Outcome = 'passed' | 'failed' | 'not checked';

export interface Finding {
  readonly outcome: Outcome;
  /** What was compared with what, or what is wrong, or why it could not be checked. */
  readonly detail: string;
}

/** What all checks look at. */
export interface Subject {
  readonly release: Release;
  /** Documents that are JSON, by name. */
  readonly documents: ReadonlyMap<string, unknown>;
  /** Undefined where report.json is missing or does not fit its schema. */
  readonly report: Report | undefined;
  /** Undefined where plan.json is missing or contradicts itself. */
  readonly plan: JobPlanText | undefined;
  /** Why one of them cannot be read. */
  readonly unreadable: { readonly report?: string; readonly plan?: string };
  readonly trusted: readonly VerifierKey[];
  /** A signed checkpoint that the ledger must go on from. */
  readonly checkpoint: string | undefined;
  /** All entries of that ledger. */
  readonly log: readonly LogEntry[] | undefined;
  /** Version of this verifier. */
  readonly version: string;
}

/** One thing that is checked. */
export interface Rule {
  /** Stable name. */
  readonly id: string;
  readonly title: string;
  /** What is done, and what it is good for. */
  readonly explanation: string;
  /** Whether a release without it cannot be believed; else it may be `not checked`. */
  readonly isNeeded: (subject: Subject) => boolean;
  readonly run: (subject: Subject) => Promise<Finding> | Finding;
}

export const always = (): boolean => true;

export function passed(detail: string): Finding {
  return { outcome: 'passed', detail };
}

export function failed(detail: string): Finding {
  return { outcome: 'failed', detail };
}

export function notChecked(why: string): Finding {
  return { outcome: 'not checked', detail: why };
}

const MOST_FAULTS = 6;

/** Fails with the first faults, or passes. */
export function unless(faults: readonly string[], detail: string): Finding {
  if (faults.length === 0) return passed(detail);
  const more = faults.length - MOST_FAULTS;
  return failed([...faults.slice(0, MOST_FAULTS), ...(more > 0 ? [`and ${more} more`] : [])].join('; '));
}
