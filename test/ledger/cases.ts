import { makePlan, demandOf, type Demand, type ScopeSettings } from '../../privacy/index.ts';
import { identityOf, type Request } from '../../src/ledger/index.ts';

export const identity = identityOf('test');

/** A scope of records with a budget of mu = 1. */
export function scopeSettings(name: string, more: Partial<ScopeSettings> = {}): ScopeSettings {
  return {
    name,
    description: 'people of a test',
    unit: 'record',
    relation: 'add-or-remove-one',
    delta: 1e-6,
    budget: { mu: 1 },
    ...more,
  };
}

/** `steps` steps of the Gaussian mechanism, each of mu^2 = `square`. */
export function gaussianDemand(square: number, steps = 10): Demand {
  const event = { kind: 'gaussian', noiseMultiplier: 1 / Math.sqrt(square) } as const;
  return { phases: [{ name: 'all', steps, event }], once: [] };
}

let counter = 0;
export function request(scope: string, demand: Demand, more: Partial<Request> = {}): Request {
  return {
    job: `job-${process.pid}-${counter++}`,
    scope,
    plan: 'a'.repeat(64),
    unit: 'record',
    relation: 'add-or-remove-one',
    demand,
    ...more,
  };
}

/** What a private training run of this epsilon asks for. */
export function trainingDemand(epsilon: number, delta = 1e-6): Demand {
  return demandOf(
    makePlan({
      unit: { kind: 'record' },
      relation: 'add-or-remove-one',
      publicSize: 10_000,
      delta,
      epsilon,
      phases: [{ name: 'all', expectedBatch: 100, steps: 200, clipping: { kind: 'flat', norm: 1 } }],
    }),
  );
}
