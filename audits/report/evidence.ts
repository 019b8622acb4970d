import type { DpEvent, Plan } from '../../privacy/index.ts';
import type {
  Approvals,
  Artifacts,
  AuditResults,
  ImplementationTests,
  LedgerProof,
  Rounding,
  Statements,
} from './schema-evidence.ts';
import type { LabelWords } from './label-words.ts';
import type { Job } from './schema-method.ts';
import type { Field } from './schema-node.ts';

/** What a report takes from plan.json. */
export interface PlanFacts {
  readonly model: {
    readonly reference: string;
    readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  };
  readonly task: string;
  readonly head: string;
  readonly verbalizer?: LabelWords;
  readonly maxLength: number;
  /** Of a model that learnt to complete prompts: what ends them, */
  readonly separator?: string;
  /** or that they are turns of a conversation. */
  readonly chat?: true;
  /** Given where the linear maps that never train are held in 8 bits. */
  readonly frozenWeights?: 'int8';
  readonly training: readonly {
    readonly method: string;
    readonly learningRate: number;
    readonly optimizer: { readonly kind: string };
  }[];
  readonly reasons: readonly string[];
  readonly sizeSource: 'declared' | 'counted';
  /** Trainings on public data before, without privacy. */
  readonly stages?: readonly {
    readonly name: string;
    readonly task: string;
    readonly from: { readonly reference: string; readonly digest: string };
    readonly data: string;
  }[];
  readonly search?: SearchFacts;
  readonly privacy: Plan;
}

/** The search that a run is a trial of: what its choice among trials costs is the claim, not what the trial costs. */
export interface SearchFacts {
  readonly method: string;
  readonly candidates: readonly unknown[];
  readonly event: DpEvent;
  readonly epsilon: number;
  readonly hash: string;
}

/** What the guarantee is about: the whole of what led to the released model, and its certified cost. */
export function costOf({
  privacy,
  search,
}: PlanFacts): Pick<Plan, 'event' | 'epsilon' | 'delta' | 'relation'> {
  const { delta, relation } = privacy;
  const { event, epsilon } = search ?? privacy;
  return { event, epsilon, delta, relation };
}

export type JobFacts = Job;

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
  /** What holding frozen weights in 8 bits does to the base model, where the plan does so. */
  readonly rounding: Field<Rounding>;
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
