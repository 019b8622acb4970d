import { incompleteBeta } from './binomial.ts';
import { checkLevel, type Level } from './one-run.ts';
import type { ErrorCounts } from './two-worlds.ts';

/**
 * CREDIBLE interval of epsilon, not a confidence interval: a posterior under Jeffreys' prior on both error rates,
 *   FNR ~ Beta(1/2 + FN, 1/2 + TP),  FPR ~ Beta(1/2 + FP, 1/2 + TN),
 * of which significance / 2 lies below the interval and as much above. It may exclude the truth more often than its level says.
 * Reference: Zanella-Beguelin et al., arXiv:2206.05199, section 4.
 */
export function credibleInterval(
  counts: ErrorCounts,
  { delta, significance }: Level,
): { readonly lower: number; readonly upper: number } {
  checkLevel({ delta, significance });
  return {
    lower: epsilonWithMass(counts, delta, significance / 2, 'low'),
    upper: epsilonWithMass(counts, delta, 1 - significance / 2, 'high'),
  };
}

/** The epsilon up to which the posterior has `mass`; 0 or Infinity where all of it lies on one side. */
function epsilonWithMass(counts: ErrorCounts, delta: number, mass: number, end: 'low' | 'high'): number {
  const below = (epsilon: number): number => posteriorMass(counts, epsilon, delta);
  if (!(below(0) < mass)) return 0;
  let [low, high] = [0, 1];
  while (below(high) < mass) {
    low = high;
    high *= 2;
    // A failed integral is NaN, ends the loop, and must not become a bound.
    if (high > 100) return end === 'low' ? 0 : Infinity;
  }
  if (Number.isNaN(below(high))) return end === 'low' ? 0 : Infinity;
  for (let step = 0; step < 40 && high - low > 1e-8 * high; step++) {
    const middle = (low + high) / 2;
    if (below(middle) < mass) low = middle;
    else high = middle;
  }
  return end === 'low' ? low : high;
}

/** Posterior probability that the error rates are such as an (epsilon, delta)-private mechanism can have. */
function posteriorMass(counts: ErrorCounts, epsilon: number, delta: number): number {
  const { negatives, falsePositives, positives, falseNegatives } = counts;
  const [grow, shrink] = [Math.exp(epsilon), Math.exp(-epsilon)];
  const least = (fpr: number): number =>
    Math.min(1, Math.max(0, 1 - delta - grow * fpr, shrink * (1 - delta - fpr)));
  const fnrBelow = (x: number): number =>
    incompleteBeta(x, 0.5 + falseNegatives, 0.5 + positives - falseNegatives);
  // With fpr = sin^2(angle) Jeffreys' density is smooth: proportional to sin^(2 FP) cos^(2 TN).
  const peak = Math.atan2(Math.sqrt(falsePositives), Math.sqrt(negatives - falsePositives));
  const logDensity = (angle: number): number => {
    const fpr = Math.sin(angle) ** 2;
    const log = falsePositives === 0 ? 0 : 2 * falsePositives * Math.log(Math.sin(angle));
    const trueNegatives = negatives - falsePositives;
    return fpr >= 0 && trueNegatives > 0 ? log + 2 * trueNegatives * Math.log(Math.cos(angle)) : log;
  };
  const scale = logDensity(peak);
  const width = 10 / Math.sqrt(Math.max(1, negatives));
  const [from, to] = [Math.max(0, peak - width), Math.min(Math.PI / 2, peak + width)];
  const corner = (1 - delta) / (1 + grow);
  const kinks = [corner, 1 - corner, delta, 1 - delta].map((fpr) => Math.asin(Math.sqrt(fpr)));
  const cuts = Array.from({ length: 9 }, (_, k) => from + (k / 8) * (to - from));
  const ends = [...kinks.filter((angle) => angle > from && angle < to), ...cuts].sort((a, b) => a - b);
  let [inside, all] = [0, 0];
  for (let piece = 0; piece + 1 < ends.length; piece++) {
    const [a, b] = [ends[piece]!, ends[piece + 1]!];
    inside += integral(
      (angle) => {
        const fpr = Math.sin(angle) ** 2;
        const allowed = fnrBelow(1 - least(1 - fpr)) - fnrBelow(least(fpr));
        return Math.exp(logDensity(angle) - scale) * Math.max(0, allowed);
      },
      a,
      b,
    );
    all += integral((angle) => Math.exp(logDensity(angle) - scale), a, b);
  }
  return inside / all;
}

/** Nodes in (-1, 1), as distances from the nearer end, and weights: tanh-sinh, which endpoint singularities do not disturb. */
const nodes = Array.from({ length: 45 }, (_, k) => {
  const step = 0.14;
  const t = (k - 22) * step;
  const u = (Math.PI / 2) * Math.sinh(t);
  const distance = 1 / (1 + Math.exp(2 * Math.abs(u)));
  return {
    left: u < 0,
    distance: 2 * distance,
    weight: (step * (Math.PI / 2) * Math.cosh(t)) / Math.cosh(u) ** 2,
  };
});

function integral(f: (x: number) => number, from: number, to: number): number {
  const half = (to - from) / 2;
  return nodes.reduce((sum, { left, distance, weight }) => {
    const x = left ? from + half * distance : to - half * distance;
    return sum + half * weight * f(x);
  }, 0);
}
