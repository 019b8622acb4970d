export { addAmounts, requireAmounts } from './amounts.ts';
export type { Amounts } from './amounts.ts';
export { allSteps, costOf, demandOf, isDivisible } from './cost.ts';
export type { Demand, Steps } from './cost.ts';
export { capOf, figuresOf, figuresOfCap, fits, levelOf, noAmounts, unitOf } from './filter.ts';
export type { BudgetUnit, Figures } from './filter.ts';
export { scopeOf } from './scope.ts';
export type { BudgetCap, FilterOrder, Scope, ScopeSettings } from './scope.ts';
