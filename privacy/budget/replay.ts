import { DptuneError, InvalidParameterError } from '../errors.ts';
import { validApprovals, type EntryBody } from '../log/index.ts';
import { addAmounts, requireAmounts, unbounded, type Amounts } from './amounts.ts';
import { allSteps, type Demand, type Steps } from './cost.ts';
import type { ChargePayload, Costs, EndPayload, EntryType, Payloads, ReservePayload } from './entries.ts';
import { fits, lengthOf, noAmounts } from './filter.ts';
import type { Scope } from './scope.ts';

/** A scope as the log left it. */
export interface ScopeState {
  readonly scope: Scope;
  readonly closed: boolean;
  /** Committed: what ended jobs cost, and the whole of what others reserved; of scopes below, too. */
  readonly held: Amounts;
}

export interface JobState {
  readonly id: string;
  readonly scope: string;
  readonly plan: string;
  readonly state: 'reserved' | 'running' | 'settled' | 'aborted';
  readonly demand: Demand;
  /** Steps charged. */
  readonly steps: Steps;
  /** Committed for it now. */
  readonly held: Costs;
}

/** What a log says, or the part of it that an entry concerns. */
export interface LedgerState {
  readonly scopes: Map<string, ScopeState>;
  readonly jobs: Map<string, JobState>;
  /** Verifier keys that may approve. */
  readonly trusted: Set<string>;
}

export function emptyState(): LedgerState {
  return { scopes: new Map(), jobs: new Map(), trusted: new Set() };
}

/** The scope and those above it, innermost first. @throws DptuneError `budget` where one is unknown */
export function lineage(state: LedgerState, name: string): ScopeState[] {
  const found: ScopeState[] = [];
  for (let at: string | undefined = name; at !== undefined;) {
    const known = state.scopes.get(at);
    if (!known) {
      throw new DptuneError(
        'budget',
        `scope=${at}: the ledger has none of that name. See dptune budget show.`,
      );
    }
    found.push(known);
    at = known.scope.parent;
  }
  return found;
}

/**
 * Enters one entry into the state. Writers call it before an entry is written, verifiers for each that was: an entry that
 * the rules do not allow can be neither made nor hidden.
 * @throws DptuneError naming the rule that it breaks; the state is unchanged then
 */
export function applyEntry(
  state: LedgerState,
  entry: Pick<EntryBody, 'type' | 'scope' | 'time' | 'payload'>,
): void {
  const { type, scope, time } = entry;
  const payload = entry.payload as unknown;
  switch (type as EntryType) {
    case 'open':
      open(state, payload as Scope);
      return;
    case 'close':
      usable(state, scope, time, true);
      state.scopes.set(scope, { ...state.scopes.get(scope)!, closed: true });
      return;
    case 'trust': {
      const { publicKey, trusted } = payload as Payloads['trust'];
      if (trusted) state.trusted.add(publicKey);
      else state.trusted.delete(publicKey);
      return;
    }
    case 'plan':
    case 'approve':
    case 'refuse':
      return;
    case 'reserve':
      reserve(state, scope, time, payload as ReservePayload);
      return;
    case 'charge':
      charge(state, scope, payload as ChargePayload);
      return;
    case 'settle':
    case 'abort':
      end(state, scope, type === 'settle' ? 'settled' : 'aborted', payload as EndPayload);
      return;
    default:
      throw new InvalidParameterError(`type=${type}: is no entry of a ledger. Use this version's own tools.`);
  }
}

function open(state: LedgerState, scope: Scope): void {
  if (state.scopes.has(scope.name)) {
    throw new InvalidParameterError(`scope=${scope.name}: is open already. Choose another name.`);
  }
  const parent = scope.parent === undefined ? undefined : lineage(state, scope.parent)[0]!;
  if (parent?.closed) throw closed(parent.scope.name);
  if (parent && (parent.scope.unit !== scope.unit || parent.scope.relation !== scope.relation)) {
    throw new InvalidParameterError(
      `scope=${scope.name}: protects ${scope.unit}, ${scope.relation}, its parent ${parent.scope.name} ${parent.scope.unit}, ` +
        `${parent.scope.relation}; costs of different units do not add up. Open it with the parent's unit and relation.`,
    );
  }
  state.scopes.set(scope.name, { scope, closed: false, held: noAmounts(scope) });
}

/** The scope and those above, all open and not expired. */
function usable(state: LedgerState, name: string, time: string, evenExpired = false): ScopeState[] {
  const scopes = lineage(state, name);
  for (const { scope, closed: isClosed } of scopes) {
    if (isClosed) throw closed(scope.name);
    if (!evenExpired && scope.expires !== undefined && time.slice(0, 10) > scope.expires) {
      throw new DptuneError(
        'budget',
        `scope=${scope.name}: expired on ${scope.expires}. Nothing more may be charged to it; open a new scope.`,
      );
    }
  }
  return scopes;
}

function closed(name: string): DptuneError {
  return new DptuneError(
    'budget',
    `scope=${name}: is closed. Nothing more may be charged to it; open a new scope.`,
  );
}

function reserve(state: LedgerState, scope: string, time: string, payload: ReservePayload): void {
  const { job, plan, demand, unit, relation, costs, approvals, approvalsNeeded } = payload;
  if (state.jobs.has(job)) {
    throw new InvalidParameterError(`job=${job}: is reserved already. Go on with that reservation.`);
  }
  const scopes = usable(state, scope, time);
  requireScopes(costs, scopes);
  for (const { scope: one, held } of scopes) {
    if (one.unit !== unit || one.relation !== relation) {
      throw new DptuneError(
        'budget',
        `unit=${unit}, relation=${relation}: scope ${one.name} protects ${one.unit}, ${one.relation}, and costs of different ` +
          'units do not add up. Change privacy.unit or privacy.relation of the job, or choose another scope.',
      );
    }
    if (!fits(one, held, costs[one.name]!)) {
      throw new DptuneError(
        'budget',
        `scope=${one.name}: does not have what plan ${plan} costs. Ask for less.`,
      );
    }
  }
  const valid = validApprovals(plan, approvals, [...state.trusted]);
  const most = approvalsFor(scopes, approvalsNeeded);
  if (valid.length < most) {
    throw new DptuneError(
      'budget',
      `approvals=${valid.length}: plan ${plan} needs ${most} by trusted keys. Give them with dptune budget approve ${plan}.`,
    );
  }
  commit(state, scopes, {}, costs);
  state.jobs.set(job, { id: job, scope, plan, state: 'reserved', demand, steps: {}, held: costs });
}

/** Approvals that a plan needs: what its job asks for, and at least what each of its scopes does. */
export function approvalsFor(scopes: readonly { readonly scope: Scope }[], asked: number): number {
  return Math.max(asked, ...scopes.map(({ scope }) => scope.approvals ?? 0));
}

function charge(state: LedgerState, scope: string, { job: id, steps }: ChargePayload): void {
  const job = activeJob(state, scope, id);
  requireSteps(job, steps, allSteps(job.demand));
  for (const [name, taken] of Object.entries(job.steps)) {
    if ((steps[name] ?? 0) < taken) {
      throw new InvalidParameterError(
        `steps=${JSON.stringify(steps)}: job ${id} has ${taken} of ${name} charged already, and a charge stays. Give at least as many.`,
      );
    }
  }
  state.jobs.set(id, { ...job, state: 'running', steps });
}

function end(state: LedgerState, scope: string, to: JobState['state'], payload: EndPayload): void {
  const { job: id, steps, costs } = payload;
  const job = activeJob(state, scope, id);
  const scopes = lineage(state, scope);
  requireScopes(costs, scopes);
  requireSteps(job, steps, job.steps);
  for (const [name, amounts] of Object.entries(costs)) {
    if (amounts.some((amount, k) => amount > job.held[name]![k]!)) {
      throw new InvalidParameterError(
        `costs: job ${id} ends dearer than reserved in ${name}. Verify the ledger.`,
      );
    }
  }
  commit(state, scopes, job.held, costs);
  state.jobs.set(id, { ...job, state: to, steps, held: costs });
}

function activeJob(state: LedgerState, scope: string, id: string): JobState {
  const job = state.jobs.get(id);
  if (job?.scope === scope && (job.state === 'reserved' || job.state === 'running')) return job;
  const what = job?.scope === scope ? `is ${job.state}` : `is unknown in scope ${scope}`;
  throw new DptuneError('budget', `job=${id}: ${what}, so nothing can be charged to it. Start a new run.`);
}

function requireScopes(costs: Costs, scopes: readonly ScopeState[]): void {
  const names = scopes.map(({ scope }) => scope.name);
  if (Object.keys(costs).sort().join(' ') !== names.toSorted().join(' ')) {
    throw new InvalidParameterError(
      `costs of ${Object.keys(costs).join(', ')}: must name ${names.join(', ')}. Verify the ledger.`,
    );
  }
  for (const { scope } of scopes) requireAmounts(costs[scope.name], lengthOf(scope));
}

function requireSteps({ id }: JobState, steps: Steps, most: Steps): void {
  for (const [name, count] of Object.entries(steps)) {
    if (Number.isSafeInteger(count) && count >= 0 && count <= (most[name] ?? -1)) continue;
    throw new InvalidParameterError(
      `steps.${name}=${count}: job ${id} has ${most[name] ?? 'no such'} steps there. The plan pays for no more.`,
    );
  }
}

function commit(state: LedgerState, scopes: readonly ScopeState[], before: Costs, after: Costs): void {
  for (const known of scopes) {
    const { name } = known.scope;
    const without = takeAway(known.held, before[name] ?? noAmounts(known.scope));
    state.scopes.set(name, { ...known, held: addAmounts(without, after[name]!) });
  }
}

/** What was too large to count stays so. */
function takeAway(from: Amounts, amounts: Amounts): Amounts {
  return from.map((value, k) => (value >= unbounded ? unbounded : value - amounts[k]!));
}
