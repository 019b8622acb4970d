import type { Demand, ScopeSettings } from '../../privacy/index.ts';
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

/** What a private training run asks for, at a sampling rate of 5 %. */
export function trainingDemand(noiseMultiplier: number, steps = 200): Demand {
  const event = {
    kind: 'poisson-sampled',
    rate: 0.05,
    event: { kind: 'gaussian', noiseMultiplier },
  } as const;
  return { phases: [{ name: 'all', steps, event }], once: [] };
}
