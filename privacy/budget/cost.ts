import { directionsOf, dominatingPair } from '../accounting/dominating.ts';
import type { GaussianEvent } from '../accounting/events.ts';
import { readoutsOf, validateEvent, type DpEvent, type Relation } from '../accounting/index.ts';
import { leavesOf, type Leaf } from '../accounting/leaves.ts';
import { rdpOf } from '../accounting/rdp.ts';
import { canonicalJson } from '../canonical-json.ts';
import { UnsupportedEventError } from '../errors.ts';
import { stepEventOf } from '../plan/phase.ts';
import type { Plan } from '../plan/plan.ts';
import { eventsOfReads } from '../mechanism/reads.ts';
import { fromNano, nanoUp, type Amounts } from './amounts.ts';
import type { Scope } from './scope.ts';

interface DemandedPhase {
  readonly name: string;
  readonly steps: number;
  /** One participation. */
  readonly event: DpEvent;
  /** Steps that are one participation together, begun with the first of them; 1 unless given. */
  readonly bands?: number;
}

/** What a job asks a budget for: steps that can be left out at the end, and releases that happen at once. */
export interface Demand {
  readonly phases: readonly DemandedPhase[];
  /** Charged reads, or a whole mechanism that is not training. */
  readonly once: readonly DpEvent[];
}

/** Steps by phase. */
export type Steps = Readonly<Record<string, number>>;

export function demandOf({ phases, reads }: Pick<Plan, 'phases' | 'reads'>): Demand {
  return {
    phases: phases.map((phase) => ({
      name: phase.name,
      steps: phase.steps,
      event: stepEventOf(phase),
      ...(phase.strategy && { bands: phase.strategy.length }),
    })),
    once: eventsOfReads(reads),
  };
}

/** All steps of a demand. */
export function allSteps({ phases }: Demand): Steps {
  return Object.fromEntries(phases.map(({ name, steps }) => [name, steps]));
}

/**
 * What the first `steps` of each phase cost a scope, all of them unless given. Never less for more steps.
 * @throws UnsupportedEventError where the scope's method has no bound for an event
 */
export function costOf(scope: Scope, demand: Demand, steps: Steps = allSteps(demand)): Amounts {
  const parts = [
    ...demand.phases.map((phase) => ({
      event: phase.event,
      count: participations(phase, steps[phase.name] ?? 0),
    })),
    ...demand.once.map((event) => ({ event, count: 1 })),
  ].filter(({ count }) => count > 0);
  const { method, relation } = scope;
  if (method === 'gdp') return gaussianCost(scope, demand, parts);
  if (method === 'zcdp') return [nanoUp(sumOf(parts, (event) => zcdpOf(event, relation)))];
  return scope.orders!.map(({ order }) =>
    nanoUp(sumOf(parts, (event) => divergence(event, relation, order))),
  );
}

/**
 * Participations that a unit can have in the first `steps` steps of a phase. With bands, arXiv:2306.08153, theorem 4: at most one
 * in `bands` consecutive steps, for the unit whose turn comes first.
 */
function participations({ bands = 1 }: DemandedPhase, steps: number): number {
  return Math.ceil(steps / bands);
}

/** `costOf`, or the same from memory. */
export type CostFunction = (scope: Scope, demand: Demand, steps?: Steps) => Amounts;

/** A cost function that computes each cost once: those of sampled jobs in a mu scope take a second. */
export function rememberedCosts(): CostFunction {
  const known = new Map<string, Amounts>();
  return (scope, demand, steps = allSteps(demand)) => {
    const begun = Object.values(steps).some((count) => count > 0);
    const asked = begun && !isDivisible(scope, demand) ? allSteps(demand) : steps;
    const key = canonicalJson([scope, demand, asked]);
    const cost = known.get(key) ?? costOf(scope, demand, asked);
    known.set(key, cost);
    return cost;
  };
}

/** Whether part of the steps can cost less than all of them. */
function isDivisible({ method, relation }: Scope, { phases, once }: Demand): boolean {
  if (method !== 'gdp') return true;
  const events = [...phases.map(({ event }) => event), ...once];
  return events.every((event) =>
    leavesOf(event, relation).every(({ event: leaf }) => leaf.kind === 'gaussian'),
  );
}

interface Part {
  readonly event: DpEvent;
  readonly count: number;
}

function sumOf(parts: readonly Part[], bound: (event: DpEvent) => number): number {
  return parts.reduce((total, { event, count }) => total + count * bound(event), 0);
}

/** Renyi divergence in the worse direction. */
function divergence(event: DpEvent, relation: Relation, order: number): number {
  const leaves = leavesOf(validateEvent(event), relation);
  return Math.max(...directionsOf(relation).map((direction) => rdpOf(leaves, relation, direction)(order)));
}

/**
 * rho, so that D(a) <= rho a at every order. Sampling is left out, which only lowers divergences: at large orders it
 * gains nothing. Bun and Steinke, arXiv:1605.02065: propositions 1.6 (Gaussian) and 1.4 (pure epsilon); exponential
 * mechanism: Cesar and Rogers, arXiv:2004.07223, lemma 3.4.
 */
function zcdpOf(event: DpEvent, relation: Relation): number {
  return leavesOf(validateEvent(event), relation).reduce(
    (total, { event: leaf, count }) => total + count * zcdpOfLeaf(leaf, relation),
    0,
  );
}

function zcdpOfLeaf(leaf: DpEvent, relation: Relation): number {
  switch (leaf.kind) {
    case 'gaussian':
      return squareOf(leaf, relation) / 2;
    case 'poisson-sampled':
      return zcdpOf(leaf.event, relation);
    case 'ranked-selection':
      return zcdpOf(leaf.event, 'replace-one');
    case 'zcdp':
      if ((leaf.xi ?? 0) === 0) return leaf.rho;
      break;
    case 'epsilon-delta':
      if (leaf.delta === 0) return leaf.epsilon ** 2 / 2;
      break;
    case 'permute-and-flip':
      return leaf.epsilon ** 2 / 2;
    case 'exponential':
      return leaf.epsilon ** 2 / 8;
    case 'laplace': {
      const epsilon = (relation === 'replace-one' ? 2 : 1) / leaf.noiseMultiplier;
      return epsilon ** 2 / 2;
    }
    default:
  }
  throw unsupported(leaf, 'zcdp', 'in rho');
}

/**
 * Gaussians without sampling are exact. Anything else is one mechanism whose delta(epsilon) is certified to be at most that
 * of mu wherever it is above a floor f. Where it is not, it is at most f, and so below the curve of mu composed with a failure
 * of probability 2f, which is charged as delta. That mu holds for the plan as a whole only, so part of its steps costs as
 * much as all of them.
 */
function gaussianCost(scope: Scope, demand: Demand, parts: readonly Part[]): Amounts {
  if (parts.length === 0) return [0, 0];
  if (isDivisible(scope, demand)) {
    return [nanoUp(sumOf(parts, (event) => gaussianSquare(event, scope.relation))), 0];
  }
  const whole: DpEvent = {
    kind: 'composed',
    events: [
      ...demand.phases.map((phase): DpEvent => ({
        kind: 'self-composed',
        event: phase.event,
        count: participations(phase, phase.steps),
      })),
      ...demand.once,
    ],
  };
  const { mu, floor } = readoutsOf(whole, scope).mu();
  return [nanoUp(mu ** 2), nanoUp(2 * floor * 1e3)];
}

/** mu^2 of a composition of Gaussian mechanisms. */
function gaussianSquare(event: DpEvent, relation: Relation): number {
  return leavesOf(validateEvent(event), relation).reduce(
    (total, { event: leaf, count }) =>
      total + count * (leaf.kind === 'gaussian' ? squareOf(leaf, relation) : Infinity),
    0,
  );
}

/** (sensitivity / noise)^2, with the relation's factor: the distance of the two Gaussians that it is told apart from. */
function squareOf(event: GaussianEvent, relation: Relation): number {
  const [piece] = dominatingPair(event, relation, directionsOf(relation)[0]!)!.pieces;
  return piece!.p[0]!.rate ** 2;
}

function unsupported(leaf: Leaf['event'], method: string, unit: string): UnsupportedEventError {
  return new UnsupportedEventError(
    `event=${leaf.kind}: no ${method} bound of it is known here. Charge it to a scope whose budget is in epsilon, not ${unit}.`,
  );
}

/** Delta that a GDP scope's amounts set aside. */
export function deltaSetAside([, slack = 0]: Amounts): number {
  return fromNano(slack) / 1e3;
}
