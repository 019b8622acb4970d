import type { Plan } from '../../privacy/index.ts';
import type {
  Approvals,
  Artifacts,
  AuditResults,
  ImplementationTests,
  LedgerProof,
  Statements,
} from './schema-evidence.ts';
import type { Field } from './schema-node.ts';

/** What a report takes from plan.json. */
export interface PlanFacts {
  readonly model: {
    readonly reference: string;
    readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  };
  readonly task: string;
  readonly head: string;
  readonly maxLength: number;
  readonly training: readonly {
    readonly method: string;
    readonly learningRate: number;
    readonly optimizer: { readonly kind: string };
  }[];
  readonly reasons: readonly string[];
  readonly sizeSource: 'declared' | 'counted';
  readonly privacy: Plan;
}

/** What a report takes from the job's settings; none of it depends on the private data. */
export interface JobFacts {
  /** Trained without clipping and noise. */
  readonly nonPrivate: boolean;
  /** Sampling and noise came from a seed. */
  readonly seeded: boolean;
  readonly labels: 'declared' | 'collected' | 'none';
  readonly cleaning: readonly string[];
  readonly test: 'file' | 'split' | 'none';
  readonly validation: 'public file' | 'private file' | 'split' | 'none';
  readonly nonPrivateTwin: boolean;
}

/** All that a report is made of. */
export interface Evidence {
  /** UTC, ISO 8601. */
  readonly created: string;
  readonly versions: readonly { readonly name: string; readonly version: string }[];
  readonly plan: PlanFacts;
  readonly job: JobFacts;
  /** Steps charged by phase, or why that is not known. */
  readonly stepsCharged: Field<Readonly<Record<string, number>>>;
  /** metrics.json. */
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly statements: Statements;
  readonly implementationTests: Field<ImplementationTests>;
  readonly audit: Field<AuditResults>;
  readonly ledger: Field<LedgerProof>;
  readonly approvals: Field<Approvals>;
  readonly artifacts: Artifacts;
}

/** Whether a run carries a guarantee at all. */
export function isPrivate({ nonPrivate, seeded }: JobFacts): boolean {
  return !nonPrivate && !seeded;
}
