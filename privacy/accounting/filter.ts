import { DptuneError, InvalidParameterError, UnsupportedEventError } from '../errors.ts';
import { directionsOf } from './dominating.ts';
import type { DpEvent, Relation } from './events.ts';
import { leavesOf } from './leaves.ts';
import { epsilonFromRdp, rdpOf } from './rdp.ts';
import { singleStepEpsilon } from './single-step.ts';
import { dominatingPair } from './dominating.ts';

export type FilterBudget = { readonly epsilon: number; readonly delta: number };

/**
 * A budget for mechanisms that are chosen one after the other, each with knowledge of all earlier outputs. Only methods
 * that stay valid then are used: Renyi divergences at orders fixed in advance (Feldman and Zrnic, arXiv:2008.11193,
 * theorem 4.3; zCDP is a special case) and, for Gaussians only, mu-GDP (Koskela, Tobaben, Honkela, arXiv:2209.15596).
 * A loss distribution is no filter (arXiv:2602.06756) and is not offered as one.
 */
export type PrivacyFilter = {
  readonly method: 'rdp' | 'gdp';
  /**
   * Charge an event before it runs.
   * @throws DptuneError (code `budget`) and charges nothing, when it would go over the budget
   */
  charge(event: DpEvent): void;
  /** Whether `charge` would pass. */
  allows(event: DpEvent): boolean;
  /** Epsilon of what has been charged. */
  spent(): number;
};

/** Orders of the Renyi filter: any fixed choice is valid; these lose little from epsilon 0.01 to 100. */
const filterOrders: readonly number[] = Array.from({ length: 120 }, (_, k) => 1 + 1.08 ** (k - 30));

/**
 * @param method - `gdp` for Gaussian mechanisms without sampling (tight), `rdp` for anything with Renyi bounds
 */
export function createFilter(
  budget: FilterBudget,
  options: { readonly relation: Relation; readonly method: 'rdp' | 'gdp' },
): PrivacyFilter {
  checkBudget(budget);
  const { relation, method } = options;
  if (method !== 'rdp' && method !== 'gdp') {
    throw new UnsupportedEventError(
      `method=${JSON.stringify(method)}: must be "rdp" or "gdp". Loss distributions (pld) are not valid when a choice ` +
        'depends on earlier outputs; use rdp.',
    );
  }
  return method === 'gdp' ? gaussianFilter(budget, relation) : renyiFilter(budget, relation);
}

function checkBudget({ epsilon, delta }: FilterBudget): void {
  if (!(epsilon >= 0 && epsilon < Infinity)) {
    throw new InvalidParameterError(`epsilon=${epsilon}: a budget is a finite number, 0 or more. Give one.`);
  }
  if (!(delta > 0 && delta < 1)) {
    throw new InvalidParameterError(`delta=${delta}: must lie between 0 and 1. Give 1/n^1.1 or less.`);
  }
}

function overBudget(event: DpEvent, needed: number, { epsilon }: FilterBudget): DptuneError {
  return new DptuneError(
    'budget',
    `epsilon=${needed}: charging this ${event.kind} event would pass the budget of ${epsilon}. ` +
      'Stop here, or ask for a larger budget before the next run.',
  );
}

function renyiFilter(budget: FilterBudget, relation: Relation): PrivacyFilter {
  let spent = filterOrders.map(() => 0);
  const after = (event: DpEvent): number[] => {
    const leaves = leavesOf(event, relation);
    const curves = directionsOf(relation).map((direction) => rdpOf(leaves, relation, direction));
    return filterOrders.map((order, k) => spent[k]! + Math.max(...curves.map((curve) => curve(order))));
  };
  const epsilonOfTotals = (totals: readonly number[]): number =>
    totals.every((total) => total === 0)
      ? 0
      : Math.min(...totals.map((total, k) => epsilonFromRdp(filterOrders[k]!, total, budget.delta)));
  return {
    method: 'rdp',
    charge(event) {
      const totals = after(event);
      const needed = epsilonOfTotals(totals);
      if (!(needed <= budget.epsilon)) throw overBudget(event, needed, budget);
      spent = totals;
    },
    allows: (event) => epsilonOfTotals(after(event)) <= budget.epsilon,
    spent: () => epsilonOfTotals(spent),
  };
}

function gaussianFilter(budget: FilterBudget, relation: Relation): PrivacyFilter {
  let inverseVariance = 0;
  const after = (event: DpEvent): number => {
    let total = inverseVariance;
    for (const leaf of leavesOf(event, relation)) {
      if (leaf.event.kind !== 'gaussian') {
        throw new UnsupportedEventError(
          `event=${leaf.event.kind}: a GDP filter takes Gaussian mechanisms without sampling only. Use method "rdp".`,
        );
      }
      total += leaf.count / leaf.event.noiseMultiplier ** 2;
    }
    return total;
  };
  const epsilonAt = (total: number): number => {
    if (total === 0) return 0;
    const event: DpEvent = { kind: 'gaussian', noiseMultiplier: 1 / Math.sqrt(total) };
    const pair = dominatingPair(event, relation, directionsOf(relation)[0]!)!;
    return singleStepEpsilon(pair, budget.delta, 'upper');
  };
  return {
    method: 'gdp',
    charge(event) {
      const total = after(event);
      const needed = epsilonAt(total);
      if (!(needed <= budget.epsilon)) throw overBudget(event, needed, budget);
      inverseVariance = total;
    },
    allows: (event) => epsilonAt(after(event)) <= budget.epsilon,
    spent: () => epsilonAt(inverseVariance),
  };
}
