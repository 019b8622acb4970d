import {
  approvalsFor,
  balanceOf,
  DptuneError,
  fits,
  lineage,
  refusalOf,
  rememberedCosts,
  scopeOf,
  validApprovals,
  everyScope,
  type Approval,
  type Balance,
  type Costs,
  type Demand,
  type EntryType,
  type JobState,
  type LedgerState,
  type LogEntry,
  type Payloads,
  type Plan,
  type Scope,
  type ScopeSettings,
  type ScopeState,
  type Steps,
} from '../../privacy/index.ts';
import { openDatabase, type Database } from './database.ts';
import { append, entriesOf, jobOf, scopeStateOf, trustedKeys, type Draft } from './log.ts';
import type { Identity } from './identity.ts';
import type { Db } from './schema.ts';

/** What a job asks for. */
export interface Request {
  /** Unique name of the reservation; asking again under the same name is asking once. */
  readonly job: string;
  readonly scope: string;
  /** Hash of the plan. */
  readonly plan: string;
  readonly unit: Plan['unit']['kind'];
  readonly relation: Plan['relation'];
  readonly demand: Demand;
  /** Approvals by trusted keys that the plan needs. */
  readonly approvals?: number;
  /** Of the coins of the plan's canaries. */
  readonly commitment?: string;
}

/** Budgets and the log of everything that was charged to them. Every call is one transaction, durable when it returns. */
export interface Ledger {
  readonly place: string;
  readonly database: Database;
  openScope(settings: ScopeSettings): Promise<Scope>;
  closeScope(name: string, reason: string): Promise<void>;
  trust(publicKey: string, trusted: boolean): Promise<void>;
  approve(approval: Approval): Promise<void>;
  /** Valid approvals of a plan by keys that are trusted now. */
  approvalsOf(plan: string): Promise<Approval[]>;
  /**
   * Sets aside the whole cost of a job in its scope and all above. Of two that ask for the last of a budget, one gets it (G32).
   * @throws DptuneError `budget`, after an entry about the refusal
   */
  reserve(request: Request): Promise<JobState>;
  /**
   * Pays for steps before they are taken: when this returns, the charge is on disk (G33).
   * @param steps - charged in all, by phase; fewer than before changes nothing
   */
  charge(job: string, steps: Steps): Promise<JobState>;
  /** Ends a job that is done: steps not taken are given back, where the scope's method knows what a part costs. */
  settle(job: string, steps: Steps): Promise<JobState>;
  /** Ends a job that will not go on. What it charged stays charged. */
  abort(job: string, reason: string): Promise<JobState>;
  job(id: string): Promise<JobState>;
  scope(name: string): Promise<ScopeState>;
  /** A scope and those above it. */
  lineage(name: string): Promise<ScopeState[]>;
  close(): Promise<void>;
}

/** @param url - see `openDatabase` */
export async function openLedger(url: string, identity: Identity): Promise<Ledger> {
  return ledgerOn(await openDatabase(url), identity);
}

export function ledgerOn(database: Database, identity: Identity): Ledger {
  const { exclusive, read } = database;
  const write = <T extends EntryType>(db: Db, draft: Draft<T>): Promise<LogEntry> =>
    append(db, draft, { identity, time: new Date().toISOString() });
  const single = async <T extends EntryType>(draft: Draft<T>): Promise<void> => {
    await exclusive((db) => write(db, draft));
  };

  const cost = rememberedCosts();
  const costsIn = (scopes: readonly ScopeState[], demand: Demand, steps?: Steps): Costs =>
    Object.fromEntries(scopes.map(({ scope }) => [scope.name, cost(scope, demand, steps)]));

  async function end(db: Db, id: string, to: 'settle' | 'abort', taken: Steps | undefined, reason?: string) {
    const job = await knownJob(db, id);
    if (job.state === 'settled' || job.state === 'aborted') return job;
    const state = await lineageOf(db, job.scope);
    const steps = taken ?? job.steps;
    // What did not begin has drawn nothing.
    const costs = job.state === 'running' ? costsIn(state, job.demand, steps) : nothing(state);
    const payload = {
      job: id,
      steps,
      costs,
      balances: balances(state, job.held, costs),
      ...(reason !== undefined && { reason }),
    };
    await write(db, { type: to, scope: job.scope, payload });
    return knownJob(db, id);
  }

  async function reserveWhole(request: Request): Promise<JobState> {
    const { scope, plan, demand } = request;
    const costs = costsIn(await lineageOf(read, scope), demand);
    // A refusal is an entry, too, so it leaves the transaction as a value.
    const outcome = await exclusive((db) => reserve(db, request, costs, write));
    if (outcome instanceof DptuneError) throw outcome;
    if (outcome !== undefined) return outcome;
    const refusal = refusalOf(await lineageOf(read, scope), demand, cost);
    // Somebody gave budget back in the meantime.
    if (!refusal) return reserveWhole(request);
    await single({ type: 'refuse', scope, payload: { plan, costs, reason: refusal.message } });
    throw refusal;
  }

  return {
    place: database.place,
    database,
    async openScope(settings) {
      const scope = scopeOf(settings);
      await single({ type: 'open', scope: scope.name, payload: scope });
      return scope;
    },
    closeScope: (name, reason) => single({ type: 'close', scope: name, payload: { reason } }),
    trust: (publicKey, trusted) =>
      single({ type: 'trust', scope: everyScope, payload: { publicKey, trusted } }),
    approve: (approval) => single({ type: 'approve', scope: everyScope, payload: approval }),
    approvalsOf: (plan) => approvalsOf(read, plan),
    reserve: reserveWhole,
    charge: (id, steps) =>
      exclusive(async (db) => {
        const job = await knownJob(db, id);
        const most = mostSteps(job.steps, steps);
        const isNew = Object.entries(most).some(([name, count]) => count > (job.steps[name] ?? 0));
        if (!isNew && job.state === 'running') return job;
        await write(db, { type: 'charge', scope: job.scope, payload: { job: id, steps: most } });
        return knownJob(db, id);
      }),
    async settle(id, steps) {
      const { scope, demand } = await knownJob(read, id);
      // Computed here so that the transaction is short.
      costsIn(await lineageOf(read, scope), demand, steps);
      return exclusive((db) => end(db, id, 'settle', steps));
    },
    abort: (id, reason) => exclusive((db) => end(db, id, 'abort', undefined, reason)),
    job: (id) => knownJob(read, id),
    async scope(name) {
      return (await lineageOf(read, name))[0]!;
    },
    lineage: (name) => lineageOf(read, name),
    close: () => database.close(),
  };
}

type Write = <T extends EntryType>(db: Db, draft: Draft<T>) => Promise<LogEntry>;

/**
 * The reservation, or why there is none. Costs are known before the transaction: some take a second to compute, and others
 * wait.
 * @returns undefined where a budget does not cover it
 */
async function reserve(
  db: Db,
  request: Request,
  costs: Costs,
  write: Write,
): Promise<JobState | DptuneError | undefined> {
  const { job, scope, plan, unit, relation, demand, commitment } = request;
  const known = await jobOf(db, job);
  if (known) return known.plan === plan && known.scope === scope ? known : otherPlan(job);
  const scopes = await lineageOf(db, scope);
  if (!scopes.every(({ scope: one, held }) => fits(one, held, costs[one.name]!))) return undefined;
  const needed = approvalsFor(scopes, request.approvals ?? 0);
  const approvals = await approvalsOf(db, plan);
  if (approvals.length < needed) {
    await write(db, {
      type: 'plan',
      scope,
      payload: { plan, demand, unit, relation, costs, approvals: needed },
    });
    return new DptuneError(
      'budget',
      `approvals=${approvals.length}: plan ${plan} needs ${needed}, by keys that this ledger trusts. ` +
        `Give them with dptune budget approve ${plan}, then start again.`,
    );
  }
  const payload = {
    job,
    plan,
    demand,
    unit,
    relation,
    costs,
    approvalsNeeded: needed,
    approvals,
    ...(commitment !== undefined && { commitment }),
  };
  try {
    await write(db, { type: 'reserve', scope, payload });
  } catch (error) {
    // The rules spoke before anything was written: a scope that is closed, expired or of another unit.
    if (!(error instanceof DptuneError && error.code === 'budget')) throw error;
    await write(db, { type: 'refuse', scope, payload: { plan, costs, reason: error.message } });
    return error;
  }
  return knownJob(db, job);
}

function otherPlan(job: string): DptuneError {
  return new DptuneError(
    'drift',
    `job=${job}: is reserved for another plan or scope. Start a new run for this one.`,
  );
}

async function approvalsOf(db: Db, plan: string): Promise<Approval[]> {
  const entries = await entriesOf(db, { type: 'approve' });
  const approvals = entries.map(({ payload }) => payload as unknown as Payloads['approve']);
  return validApprovals(plan, approvals, [...(await trustedKeys(db))]);
}

async function lineageOf(db: Db, name: string): Promise<ScopeState[]> {
  const state: LedgerState = { scopes: new Map(), jobs: new Map(), trusted: new Set() };
  for (let at: string | undefined = name; at !== undefined;) {
    const found: ScopeState | undefined = await scopeStateOf(db, at);
    if (!found) break;
    state.scopes.set(at, found);
    at = found.scope.parent;
  }
  return lineage(state, name);
}

async function knownJob(db: Db, id: string): Promise<JobState> {
  const job = await jobOf(db, id);
  if (job) return job;
  throw new DptuneError('budget', `job=${id}: the ledger knows no such reservation. See dptune budget log.`);
}

function nothing(scopes: readonly ScopeState[]): Costs {
  return Object.fromEntries(scopes.map(({ scope, held }) => [scope.name, held.map(() => 0)]));
}

function balances(scopes: readonly ScopeState[], before: Costs, after: Costs): Record<string, Balance> {
  return Object.fromEntries(
    scopes.map(({ scope, held }) => {
      const others = held.map((amount, k) => amount - before[scope.name]![k]!);
      return [scope.name, balanceOf(scope, others, after[scope.name]!)];
    }),
  );
}

function mostSteps(before: Steps, now: Steps): Steps {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return Object.fromEntries([...names].map((name) => [name, Math.max(before[name] ?? 0, now[name] ?? 0)]));
}
