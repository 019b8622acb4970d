import { InvalidParameterError } from '../../privacy/index.ts';
import type { EvaluateOptions, Metrics } from './metrics.ts';
import { evaluatePredictions } from './metrics.ts';
import { recordsOf, rowsOf, type Predictions, type Truth } from './predictions.ts';

/**
 * The answers of a baseline that never looks at the text: the most frequent label (the first of several), every label that
 * more than half of the records have, the mean target, or O for every word (none for generation). Outputs are 1 for an answer and 0 (multi-label: -1) otherwise.
 *
 * Which answer that is, and the mean target to its last digit, is a read of `from` that no noise covers: where `from` is
 * private, the figures are too.
 * @param from - the records that the answer is taken from, usually the training records
 * @param test - the records to answer
 */
export function majorityPredictions<T extends Truth>(
  from: T,
  test: T,
): T & { readonly outputs: Float32Array } {
  const answer = answerOf(from);
  const outputs = new Float32Array(rowsOf(test) * answer.length);
  for (let at = 0; at < outputs.length; at += answer.length) outputs.set(answer, at);
  return { ...test, outputs };
}

function answerOf(from: Truth): Float32Array {
  switch (from.task) {
    case 'single-label': {
      const counts = countsOf(from.labels, from.labelNames.length);
      const best = counts.indexOf(Math.max(...counts));
      return Float32Array.from(counts, (_, label) => (label === best ? 1 : 0));
    }
    case 'multi-label': {
      const counts = countsOf(from.labels.codes, from.labelNames.length);
      return Float32Array.from(counts, (count) => (count > recordsOf(from) / 2 ? 1 : -1));
    }
    case 'token-classification':
      return Float32Array.from(from.labelNames, (name) => (name === 'O' ? 1 : 0));
    case 'generation':
      throw new InvalidParameterError(
        'task=generation: has no majority answer. Compare with the untrained model.',
      );
    default:
      return Float32Array.of(from.labels.reduce((sum, target) => sum + target, 0) / from.labels.length);
  }
}

function countsOf(codes: Int32Array, width: number): readonly number[] {
  const counts = Array.from({ length: width }, () => 0);
  for (const code of codes) counts[code]! += 1;
  return counts;
}

/** Figures of the majority's answers. They come without probabilities, hence with neither loss nor calibration error. */
export function majorityMetrics<T extends Truth>(from: T, test: T, options: EvaluateOptions): Metrics {
  const metrics: Metrics = evaluatePredictions(
    majorityPredictions<Truth>(from, test) as Predictions,
    options,
  );
  if (test.task === 'regression') return metrics;
  const reason = 'the majority comes without probabilities';
  const without = ['loss', 'ece'].filter((name) => name in metrics);
  const others = ([name]: readonly [string, unknown]) => !without.includes(name.replace(/^intervals\./, ''));
  return {
    ...metrics,
    ...Object.fromEntries(without.map((name) => [name, null])),
    intervals: Object.fromEntries(Object.entries(metrics.intervals).filter(others)),
    reasons: {
      ...Object.fromEntries(Object.entries(metrics.reasons).filter(others)),
      ...Object.fromEntries(without.map((name) => [name, reason])),
    },
  };
}
