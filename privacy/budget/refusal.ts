import type { DpEvent } from '../accounting/index.ts';
import { DptuneError } from '../errors.ts';
import { addAmounts, type Amounts } from './amounts.ts';
import { costOf, type CostFunction, type Demand, type Steps } from './cost.ts';
import type { Balance } from './entries.ts';
import { capOf, fits, levelOf, unitOf } from './filter.ts';
import type { ScopeState } from './replay.ts';
import type { Scope } from './scope.ts';

/** How a scope stands with `own` beside what `others` hold. */
export function balanceOf(scope: Scope, others: Amounts, own: Amounts): Balance {
  const before = levelOf(scope, others);
  const after = levelOf(scope, addAmounts(others, own));
  return {
    unit: unitOf(scope),
    spentBefore: before,
    charged: after - before,
    remaining: capOf(scope) - after,
  };
}

/** What a demand would leave of each scope. */
export interface Forecast {
  readonly scope: string;
  readonly costs: Amounts;
  /** `remaining` is negative where the scope does not have it. */
  readonly balance: Balance;
  readonly fits: boolean;
}

export function forecast(
  scopes: readonly ScopeState[],
  demand: Demand,
  cost: CostFunction = costOf,
): Forecast[] {
  return scopes.map(({ scope, held }) => {
    const costs = cost(scope, demand);
    return {
      scope: scope.name,
      costs,
      balance: balanceOf(scope, held, costs),
      fits: fits(scope, held, costs),
    };
  });
}

/** Smaller demands that every scope would still take; undefined where there is none. */
export interface Remedy {
  /** All noise multipliers times this. */
  readonly noiseFactor: number | undefined;
  readonly noiseMultipliers: readonly number[];
  readonly steps: Steps | undefined;
}

/** Largest factor on the noise that is worth offering. */
const MOST_NOISE = 100;

export function remedyOf(scopes: readonly ScopeState[], demand: Demand): Remedy {
  const affordable = (asked: Demand | undefined): boolean =>
    asked !== undefined && scopes.every(({ scope, held }) => fits(scope, held, costOf(scope, asked)));
  const noisier = (factor: number): Demand | undefined => withNoise(demand, factor);
  let noiseFactor: number | undefined;
  if (affordable(noisier(MOST_NOISE))) {
    let [low, high] = [1, MOST_NOISE];
    while (high / low > 1.01) {
      const middle = Math.sqrt(low * high);
      if (affordable(noisier(middle))) high = middle;
      else low = middle;
    }
    noiseFactor = high;
  }
  const total = demand.phases.reduce((sum, { steps }) => sum + steps, 0);
  const shorter = (count: number): Demand => ({
    ...demand,
    phases: demand.phases.map((phase) => ({ ...phase, steps: Math.floor((phase.steps * count) / total) })),
  });
  let [low, high] = [0, total];
  while (high - low > Math.max(1, total / 200)) {
    const middle = Math.floor((low + high) / 2);
    if (affordable(shorter(middle))) low = middle;
    else high = middle;
  }
  return {
    noiseFactor,
    noiseMultipliers: noiseFactor === undefined ? [] : noisesOf(noisier(noiseFactor)!),
    steps:
      low > 0 ? Object.fromEntries(shorter(low).phases.map(({ name, steps }) => [name, steps])) : undefined,
  };
}

/** Why a demand is refused, and what would be taken. */
export function refusalOf(
  scopes: readonly ScopeState[],
  demand: Demand,
  cost: CostFunction = costOf,
): DptuneError | undefined {
  const short = forecast(scopes, demand, cost).filter((one) => !one.fits);
  if (short.length === 0) return undefined;
  const lines = short.map(({ scope, balance: { unit, charged, remaining } }) => {
    const left = remaining + charged;
    return `scope=${scope}: requested ${unit} ${shown(charged)}, remaining ${shown(left)}, short by ${shown(-remaining)}`;
  });
  const { noiseMultipliers, steps } = remedyOf(scopes, demand);
  const ways = [
    ...(noiseMultipliers.length > 0 ? [`noise multiplier ${noiseMultipliers.map(shown).join(', ')}`] : []),
    ...(steps ? [`${Object.values(steps).join(' + ')} steps`] : []),
  ];
  const remedy = ways.length > 0 ? `It would fit with ${ways.join(' or ')}.` : 'Nothing like it would fit.';
  return new DptuneError('budget', `${lines.join('\n')}. ${remedy}`);
}

/** To four digits, upwards. */
function shown(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const scale = 10 ** (3 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))));
  return String(Number((Math.ceil(value * scale - 1e-9) / scale).toPrecision(12)));
}

/** The demand with all Gaussian noise larger by a factor; undefined where some part has another kind of noise. */
function withNoise({ phases, once }: Demand, factor: number): Demand | undefined {
  const events = phases.length > 0 ? phases.map(({ event }) => event) : once;
  const louder = events.flatMap((event) => withMoreNoise(event, factor) ?? []);
  if (louder.length < events.length) return undefined;
  if (phases.length === 0) return { phases, once: louder };
  return { phases: phases.map((phase, k) => ({ ...phase, event: louder[k]! })), once };
}

function withMoreNoise(event: DpEvent, factor: number): DpEvent | undefined {
  if (event.kind === 'gaussian') return { ...event, noiseMultiplier: event.noiseMultiplier * factor };
  if (event.kind !== 'poisson-sampled' && event.kind !== 'ranked-selection') return undefined;
  const inner = withMoreNoise(event.event, factor);
  return inner && { ...event, event: inner };
}

function noisesOf({ phases, once }: Demand): number[] {
  return (phases.length > 0 ? phases.map(({ event }) => event) : once).map((event) => noiseOf(event)!);
}

function noiseOf(event: DpEvent): number | undefined {
  if (event.kind === 'gaussian') return event.noiseMultiplier;
  return event.kind === 'poisson-sampled' || event.kind === 'ranked-selection'
    ? noiseOf(event.event)
    : undefined;
}
