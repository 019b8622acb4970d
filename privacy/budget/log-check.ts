import { canonicalJson } from '../canonical-json.ts';
import { DptuneError } from '../errors.ts';
import { chainFaults, type LogEntry } from '../log/index.ts';
import type { Amounts } from './amounts.ts';
import { rememberedCosts, type CostFunction } from './cost.ts';
import type { Costs, EndPayload, ReservePayload } from './entries.ts';
import { noAmounts } from './filter.ts';
import { applyEntry, emptyState, lineage, type LedgerState } from './replay.ts';
import { scopeOf, type Scope } from './scope.ts';

/**
 * Everything that is wrong with a whole log (G34): its chain, entries that the rules would not have let in, scopes whose
 * method does not follow from their budget, and costs that do not follow from the events. Also what it says in the end.
 */
export function logFaults(entries: readonly LogEntry[]): { faults: string[]; state: LedgerState } {
  const faults = chainFaults(entries);
  const state = emptyState();
  const costs = rememberedCosts();
  for (const entry of entries) {
    const fault = (what: string): void => void faults.push(`entry ${entry.seq}: ${what}`);
    try {
      const due = dueCosts(state, entry, costs);
      const { costs: given } = entry.payload as { costs?: Costs };
      if (due && canonicalJson(due) !== canonicalJson(given))
        fault('its costs do not follow from its events');
      if (entry.type === 'open') checkScope(entry.payload as unknown as Scope, fault);
      applyEntry(state, entry);
    } catch (error) {
      if (!(error instanceof DptuneError || error instanceof TypeError)) throw error;
      fault(error.message);
    }
  }
  return { faults, state };
}

/** What the entry should say that something costs; undefined where it says nothing of the kind. */
function dueCosts(
  state: LedgerState,
  { type, scope, payload }: LogEntry,
  cost: CostFunction,
): Costs | undefined {
  if (type === 'reserve' || type === 'plan') {
    const { demand } = payload as unknown as ReservePayload;
    return costsBy(state, scope, (one) => cost(one, demand));
  }
  if (type !== 'settle' && type !== 'abort') return undefined;
  const { job: id, steps } = payload as unknown as EndPayload;
  const job = state.jobs.get(id);
  if (!job) return undefined;
  return costsBy(state, scope, (one) =>
    job.state === 'running' ? cost(one, job.demand, steps) : noAmounts(one),
  );
}

function costsBy(state: LedgerState, name: string, cost: (scope: Scope) => Amounts): Costs {
  return Object.fromEntries(lineage(state, name).map(({ scope }) => [scope.name, cost(scope)]));
}

function checkScope(scope: Scope, fault: (what: string) => void): void {
  const { method: _, orders: __, theorem: ___, ...settings } = scope;
  if (canonicalJson(scopeOf(settings)) !== canonicalJson(scope))
    fault('its method is not that of its budget');
}
