import { directionsOf, dominatingPair } from '../accounting/dominating.ts';
import type { DpEvent } from '../accounting/index.ts';
import { epsilonFromRdp, minimiseOverOrders } from '../accounting/rdp.ts';
import { singleStepEpsilon } from '../accounting/single-step.ts';
import { addAmounts, fromNano, type Amounts } from './amounts.ts';
import { deltaSetAside } from './cost.ts';
import type { Scope } from './scope.ts';

/** The quantity that a scope's budget is stated in. */
export type BudgetUnit = 'epsilon' | 'rho' | 'mu';

/** The same amount in three languages, at the scope's delta. Only the scope's own is what it promises. */
export interface Figures {
  readonly epsilon: number;
  /** Of the Gaussian mechanism that costs as much. */
  readonly mu: number;
  readonly rho: number;
}

/** Nothing spent. */
export function noAmounts(scope: Scope): Amounts {
  return Array.from({ length: lengthOf(scope) }, () => 0);
}

export function lengthOf(scope: Scope): number {
  return scope.method === 'rdp' ? scope.orders!.length : scope.method === 'gdp' ? 2 : 1;
}

export function unitOf({ method }: Scope): BudgetUnit {
  return method === 'rdp' ? 'epsilon' : method === 'zcdp' ? 'rho' : 'mu';
}

/** The scope's budget, in its unit. */
export function capOf({ budget }: Scope): number {
  return Object.values(budget)[0] as number;
}

/** How much of the budget `amounts` are, in the scope's unit. Infinite where they cannot be bounded. */
export function levelOf({ method, orders, delta }: Scope, amounts: Amounts): number {
  const first = fromNano(amounts[0]!);
  if (method === 'zcdp') return first;
  if (method === 'gdp') return deltaSetAside(amounts) < delta ? Math.sqrt(first) : Infinity;
  if (amounts.every((amount) => amount === 0)) return 0;
  const epsilons = orders!.map(({ order, share }, k) =>
    epsilonFromRdp(order, fromNano(amounts[k]!), delta * share),
  );
  return Math.min(...epsilons);
}

/** Whether the budget covers `spent` and `more` together. */
export function fits(scope: Scope, spent: Amounts, more: Amounts): boolean {
  return levelOf(scope, addAmounts(spent, more)) <= capOf(scope);
}

export function figuresOf(scope: Scope, amounts: Amounts): Figures {
  const setAside = scope.method === 'gdp' ? deltaSetAside(amounts) : 0;
  return figuresAt(scope, levelOf(scope, amounts), scope.delta - setAside);
}

/** The budget itself as figures. */
export function figuresOfCap(scope: Scope): Figures {
  return figuresAt(scope, capOf(scope), scope.delta);
}

function figuresAt({ method, delta }: Scope, level: number, deltaLeft: number): Figures {
  if (!(level < Infinity)) return { epsilon: Infinity, mu: Infinity, rho: Infinity };
  if (method === 'zcdp') return { epsilon: epsilonOfRho(level, delta), mu: Math.sqrt(2 * level), rho: level };
  const mu = method === 'gdp' ? level : muOfEpsilon(level, delta);
  const epsilon = method === 'gdp' ? epsilonOfMu(level, deltaLeft) : level;
  return { epsilon, mu, rho: mu ** 2 / 2 };
}

function epsilonOfRho(rho: number, delta: number): number {
  return rho === 0 ? 0 : minimiseOverOrders((order) => epsilonFromRdp(order, rho * order, delta), []).value;
}

/** Epsilon of the Gaussian mechanism with sensitivity / noise = mu, rounded up. */
function epsilonOfMu(mu: number, delta: number): number {
  if (mu === 0) return 0;
  const event: DpEvent = { kind: 'gaussian', noiseMultiplier: 1 / mu };
  const direction = directionsOf('add-or-remove-one')[0]!;
  return singleStepEpsilon(dominatingPair(event, 'add-or-remove-one', direction)!, delta, 'upper');
}

function muOfEpsilon(epsilon: number, delta: number): number {
  if (epsilon === 0) return 0;
  let [low, high] = [0, 1];
  while (epsilonOfMu(high, delta) < epsilon) high *= 2;
  for (let k = 0; k < 50; k++) {
    const middle = (low + high) / 2;
    if (epsilonOfMu(middle, delta) < epsilon) low = middle;
    else high = middle;
  }
  return high;
}
