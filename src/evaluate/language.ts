import { allUndefined, type Measure } from './figure.ts';
import type { PredictionsOf } from './predictions.ts';

export const LANGUAGE = ['loss', 'perplexity'] as const;

/**
 * - loss: mean over all targets of their negative log probability, nats a token.
 * - perplexity: its exponential. Comparable between models with one tokenizer only.
 */
export function measureLanguage({
  outputs,
  labels: targets,
}: PredictionsOf<'generation'>): Measure<(typeof LANGUAGE)[number]> {
  return (weights) => {
    let [sum, count] = [0, 0];
    for (let record = 0; record < targets.length; record++) {
      const weight = weights[record]! * targets[record]!;
      sum += weight * outputs[record]!;
      count += weight;
    }
    return count === 0
      ? allUndefined(LANGUAGE, 'no targets')
      : { loss: sum / count, perplexity: Math.exp(sum / count) };
  };
}
