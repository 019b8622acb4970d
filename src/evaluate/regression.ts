import { allUndefined, type Figure, type Measure } from './figure.ts';
import type { PredictionsOf } from './predictions.ts';
import { fillRanks, rankingOf } from './ranking.ts';

export const REGRESSION = ['pearson', 'spearman', 'mse'] as const;

/**
 * - pearson, spearman: correlation of predictions and targets, and of their ranks (mean rank for equal values).
 * - mse: mean squared error, in the square of the target's unit.
 */
export function measureRegression({
  outputs,
  labels,
}: PredictionsOf<'regression'>): Measure<(typeof REGRESSION)[number]> {
  const predicted = Float64Array.from(outputs);
  const rankings = [rankingOf(predicted), rankingOf(labels)] as const;
  const ranks = [new Float64Array(labels.length), new Float64Array(labels.length)] as const;
  return (weights) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total === 0) return allUndefined(REGRESSION, 'no records');
    let squares = 0;
    for (let r = 0; r < labels.length; r++) squares += weights[r]! * (predicted[r]! - labels[r]!) ** 2;
    for (const i of [0, 1] as const) fillRanks(rankings[i], weights, ranks[i]);
    return {
      pearson: correlation(predicted, labels, weights, total),
      spearman: correlation(...ranks, weights, total),
      mse: squares / total,
    };
  };
}

function correlation(xs: Float64Array, ys: Float64Array, weights: Uint32Array, total: number): Figure {
  let [meanX, meanY] = [0, 0];
  for (let r = 0; r < xs.length; r++) {
    meanX += (weights[r]! / total) * xs[r]!;
    meanY += (weights[r]! / total) * ys[r]!;
  }
  let [xx, yy, xy] = [0, 0, 0];
  for (let r = 0; r < xs.length; r++) {
    const [dx, dy] = [xs[r]! - meanX, ys[r]! - meanY];
    xx += weights[r]! * dx * dx;
    yy += weights[r]! * dy * dy;
    xy += weights[r]! * dx * dy;
  }
  // Equal values may differ from their own mean by rounding.
  if (xx <= total * (1e-13 * meanX) ** 2) return 'all predictions are equal';
  if (yy <= total * (1e-13 * meanY) ** 2) return 'all targets are equal';
  return Math.max(-1, Math.min(1, xy / (Math.sqrt(xx) * Math.sqrt(yy))));
}
