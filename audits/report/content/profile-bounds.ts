import { epsilonOf, type Plan } from '../../../privacy/index.ts';

/** What an attacker can do at most; each figure an upper bound. */
export interface AttackBounds {
  /** How the figures were computed. */
  readonly source: string;
  readonly truePositiveRate: (falsePositiveRate: number) => number;
  /** Least false negative rate. */
  readonly falseNegativeRate: (falsePositiveRate: number) => number;
  readonly advantage: number;
  readonly accuracyFromHalf: number;
}

const deltas = [0.3, 0.1, 0.03, 0.01, 0.003, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8] as const;

/**
 * Bounds from the epsilons at several deltas, for a mechanism whose loss distribution is not known. Each pair (epsilon, delta)
 * bounds the trade-off curve by f(a) >= max(1 - delta - e^epsilon a, e^-epsilon (1 - delta - a), 0), and the largest counts
 * (Dong, Roth, Su, arXiv:1905.02383, proposition 2.4). The advantage 1 - a - f(a) is largest where both sides meet, at
 * a = (1 - delta) / (1 + e^epsilon).
 */
export function boundsFromProfile({ event, relation }: Pick<Plan, 'event' | 'relation'>): AttackBounds {
  const pairs = deltas.map((delta) => ({
    delta,
    epsilon: epsilonOf(event, { delta, relation }).epsilon.upper,
  }));
  const falseNegativeRate = (rate: number): number =>
    Math.max(
      0,
      ...pairs.flatMap(({ epsilon, delta }) => [
        1 - delta - Math.exp(epsilon) * rate,
        Math.exp(-epsilon) * (1 - delta - rate),
      ]),
    );
  const advantage = Math.min(
    1,
    // In this form, an infinite epsilon gives 1 and not NaN.
    ...pairs.map(({ epsilon, delta }) => 1 - (2 * (1 - delta)) / (Math.exp(epsilon) + 1)),
  );
  return {
    source:
      'epsilon at several deltas; the exact trade-off curve of this mechanism is not known, and would say less',
    truePositiveRate: (rate) => 1 - falseNegativeRate(rate),
    falseNegativeRate,
    advantage,
    accuracyFromHalf: (1 + advantage) / 2,
  };
}
