import {
  capOf,
  figuresOf,
  figuresOfCap,
  levelOf,
  unitOf,
  type LogEntry,
  type Payloads,
  type ScopeState,
} from '../../privacy/index.ts';
import { entriesOf, scopesIn, type Ledger } from '../ledger/index.ts';

/** A scope with what is left of it. */
export interface Budget extends ScopeState {
  readonly unit: ReturnType<typeof unitOf>;
  readonly cap: number;
  readonly spent: number;
  /** The same as epsilon at the scope's delta; absent where that is the unit. */
  readonly asEpsilon: { readonly cap: number; readonly spent: number } | undefined;
}

/** A plan that waits for approvals. */
export interface WaitingPlan {
  readonly plan: string;
  readonly scope: string;
  readonly needed: number;
  readonly given: readonly string[];
  readonly since: string;
}

export async function budgetsIn({ database }: Ledger): Promise<Budget[]> {
  return (await scopesIn(database)).map(budgetOf);
}

export async function budgetNamed({ database }: Ledger, name: string): Promise<Budget | undefined> {
  const found = (await scopesIn(database)).find(({ scope }) => scope.name === name);
  return found && budgetOf(found);
}

function budgetOf(state: ScopeState): Budget {
  const { scope, held } = state;
  const unit = unitOf(scope);
  return {
    ...state,
    unit,
    cap: capOf(scope),
    spent: levelOf(scope, held),
    asEpsilon:
      unit === 'epsilon'
        ? undefined
        : { cap: figuresOfCap(scope).epsilon, spent: figuresOf(scope, held).epsilon },
  };
}

export function entriesIn({ database }: Ledger, scope: string): Promise<LogEntry[]> {
  return entriesOf(database.read, { scope });
}

/** Plans that asked for approvals and were not reserved since, the newest first. */
export async function waitingIn(ledger: Ledger): Promise<WaitingPlan[]> {
  const { read } = ledger.database;
  const [asked, reserved] = await Promise.all([
    entriesOf(read, { type: 'plan' }),
    entriesOf(read, { type: 'reserve' }),
  ]);
  const done = new Set(reserved.map(({ payload }) => (payload as unknown as Payloads['reserve']).plan));
  const waiting = new Map<string, LogEntry>();
  for (const entry of asked) waiting.set((entry.payload as unknown as Payloads['plan']).plan, entry);
  return Promise.all(
    [...waiting.values()]
      .filter(({ payload }) => !done.has((payload as unknown as Payloads['plan']).plan))
      .toReversed()
      .map(async ({ payload, scope, time }) => {
        const { plan, approvals } = payload as unknown as Payloads['plan'];
        const given = (await ledger.approvalsOf(plan)).map(({ keyName }) => keyName);
        return { plan, scope, needed: approvals, given, since: time };
      }),
  );
}
