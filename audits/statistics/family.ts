import { epsilonOf, readoutsOf, type DpEvent, type Relation } from '../../privacy/index.ts';
import { epsilonOfMu, normalCdf, normalQuantile } from './normal.ts';

/** A trade-off function f: the least false negative rate at a false positive rate; decreasing, convex, its own inverse. */
export type TradeOff = (falsePositiveRate: number) => number;

/** Trade-off curves by how much they leak: from 0, which hides everything, each below those before it. */
export interface TradeOffFamily {
  /** For people. */
  readonly name: string;
  /** x -> f(1 - x) at a leakage; a function of the complement, so that a small x keeps its digits. */
  blowUp(leakage: number): (x: number) => number;
  /** The epsilon at delta that this leakage means, from below. */
  epsilon(leakage: number, delta: number): number;
  /** Beyond this leakage nothing is asked. */
  readonly limit: number;
  /** Relative step in leakage that is worth a curve. */
  readonly resolution: number;
}

/** N(0, 1) against N(leakage, 1). */
export const gaussianFamily: TradeOffFamily = {
  name: 'Gaussian',
  blowUp: (mu) => (x) => normalCdf(normalQuantile(x) - mu),
  epsilon: epsilonOfMu,
  limit: 64,
  resolution: 1e-9,
};

/** Leakage of a plan that runs as it says. */
export const asPlanned = 1;

/**
 * The plan's own curve, and those of the same plan with all Gaussian noise divided by the leakage: 1 is the claim itself, so that
 * refuting it refutes the claim.
 */
export function planFamily(event: DpEvent, relation: Relation): TradeOffFamily {
  const curves = new Map<number, TradeOff>();
  const tradeOff = (leakage: number): TradeOff => {
    const known = curves.get(leakage);
    if (known) return known;
    const readouts = readoutsOf(withNoise(event, 1 / leakage), { relation });
    const curve: TradeOff = (rate) => readouts.falseNegativeRate(rate).lower;
    curves.set(leakage, curve);
    return curve;
  };
  return {
    name: 'the plan with less noise',
    blowUp: (leakage) => {
      if (leakage === 0) return (x) => x;
      const curve = tradeOff(leakage);
      return (x) => curve(1 - x);
    },
    epsilon: (leakage, delta) =>
      leakage === 0 ? 0 : epsilonOf(withNoise(event, 1 / leakage), { delta, relation }).epsilon.lower,
    limit: 16,
    resolution: 0.03,
  };
}

/** An event whose Gaussian noise is multiplied by `factor`. */
function withNoise(event: DpEvent, factor: number): DpEvent {
  if (event.kind === 'gaussian') return { ...event, noiseMultiplier: event.noiseMultiplier * factor };
  if (event.kind === 'composed') {
    return { ...event, events: event.events.map((part) => withNoise(part, factor)) };
  }
  if ('event' in event) return { ...event, event: withNoise(event.event, factor) };
  return event;
}
