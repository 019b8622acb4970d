export { planSearch, type SearchPlan } from './plan.ts';
export { runSearch, startSearch, type Trial } from './search.ts';
