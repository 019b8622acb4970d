import type { Approval } from '../log/index.ts';
import type { PrivacyUnit } from '../plan/plan.ts';
import type { Relation } from '../accounting/index.ts';
import type { Amounts } from './amounts.ts';
import type { Demand, Steps } from './cost.ts';
import type { BudgetUnit } from './filter.ts';
import type { Scope } from './scope.ts';

/** Amounts by scope: the job's own and every scope above it. */
export type Costs = Readonly<Record<string, Amounts>>;

/** How a scope stands around one job, in the scope's unit; the first three add up to the budget. */
export interface Balance {
  readonly unit: BudgetUnit;
  /** Committed without this job. */
  readonly spentBefore: number;
  readonly charged: number;
  readonly remaining: number;
}

export interface PlanPayload {
  /** Hash of the plan. */
  readonly plan: string;
  readonly demand: Demand;
  readonly unit: PrivacyUnit['kind'];
  readonly relation: Relation;
  readonly costs: Costs;
  /** Approvals that the job asks for. */
  readonly approvals: number;
}

export interface ReservePayload extends Omit<PlanPayload, 'approvals'> {
  /** Unique name of the reservation. */
  readonly job: string;
  readonly approvalsNeeded: number;
  readonly approvals: readonly Approval[];
  /** SHA-256 that commits to the coins of the plan's canaries, for others to see before training; absent where there are none. */
  readonly commitment?: string;
}

export interface RefusePayload {
  readonly plan: string;
  readonly costs: Costs;
  readonly reason: string;
}

/** Steps charged so far, by phase; those not named have none. */
export interface ChargePayload {
  readonly job: string;
  readonly steps: Steps;
}

export interface EndPayload {
  readonly job: string;
  /** Steps that are paid for. */
  readonly steps: Steps;
  /** What the job costs in the end. */
  readonly costs: Costs;
  readonly balances: Readonly<Record<string, Balance>>;
  /** Of an aborted job. */
  readonly reason?: string;
}

export interface TrustPayload {
  /** Verifier key NAME+HASH+BASE64. */
  readonly publicKey: string;
  readonly trusted: boolean;
}

/** What each type of entry carries. */
export interface Payloads {
  /** A scope begins. */
  readonly open: Scope;
  /** Nothing more may be charged to a scope. */
  readonly close: { readonly reason: string };
  /** A key may approve plans, or may no longer. */
  readonly trust: TrustPayload;
  /** A plan waits for approvals. */
  readonly plan: PlanPayload;
  readonly approve: Approval;
  /** The whole cost of a job is set aside. */
  readonly reserve: ReservePayload;
  readonly refuse: RefusePayload;
  /** Steps are paid for before they are taken. */
  readonly charge: ChargePayload;
  readonly settle: EndPayload;
  readonly abort: EndPayload;
}

export type EntryType = keyof Payloads;

/** Scope of entries that concern the whole ledger. */
export const everyScope = '*';
