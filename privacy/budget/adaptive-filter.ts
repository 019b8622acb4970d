import type { DpEvent } from '../accounting/index.ts';
import { addAmounts } from './amounts.ts';
import { costOf } from './cost.ts';
import { fits, levelOf, noAmounts } from './filter.ts';
import { refusalOf } from './refusal.ts';
import type { Scope } from './scope.ts';

/**
 * A budget in memory, for mechanisms that are chosen one after the other, each with knowledge of all earlier outputs. The
 * rules are those of a ledger's scope, whose `theorem` names why they stay valid then; a loss distribution (pld) does not.
 */
export interface PrivacyFilter {
  /**
   * Charge an event before it runs.
   * @throws DptuneError (code `budget`) and charges nothing, when it would go over the budget
   */
  charge(event: DpEvent): void;
  /** Whether `charge` would pass. */
  allows(event: DpEvent): boolean;
  /** What has been charged, in the unit of the scope's budget. */
  spent(): number;
}

export function createFilter(scope: Scope): PrivacyFilter {
  let held = noAmounts(scope);
  const costs = (event: DpEvent) => costOf(scope, { phases: [], once: [event] });
  return {
    charge(event) {
      const refusal = refusalOf([{ scope, held, closed: false }], { phases: [], once: [event] });
      if (refusal) throw refusal;
      held = addAmounts(held, costs(event));
    },
    allows: (event) => fits(scope, held, costs(event)),
    spent: () => levelOf(scope, held),
  };
}
