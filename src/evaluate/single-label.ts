import { allUndefined, mean, type Measure } from './figure.ts';
import type { PredictionsOf } from './predictions.ts';
import { areaUnderRoc, rankingOf } from './ranking.ts';

export const SINGLE_LABEL = [
  'accuracy',
  'balancedAccuracy',
  'macroF1',
  'mcc',
  'auroc',
  'ece',
  'loss',
] as const;

/** Bins of equal width of the predicted probability, for the expected calibration error. */
const CALIBRATION_BINS = 15;

/** Counts of records, [true label, predicted label]. */
export interface Confusion {
  readonly labels: readonly string[];
  readonly matrix: readonly (readonly number[])[];
}

/** The label with the largest logit, [records]; the first of them where several are equal. */
function predictedLabels({ outputs, labels, labelNames }: PredictionsOf<'single-label'>): Int32Array {
  const width = labelNames.length;
  return labels.map((_, record) => {
    let best = 0;
    for (let c = 1; c < width; c++) {
      if (outputs[record * width + c]! > outputs[record * width + best]!) best = c;
    }
    return best;
  });
}

export function confusionOf(predictions: PredictionsOf<'single-label'>): Confusion {
  const { labels, labelNames } = predictions;
  const predicted = predictedLabels(predictions);
  const matrix = labelNames.map(() => labelNames.map(() => 0));
  for (const [record, label] of labels.entries()) matrix[label]![predicted[record]!]! += 1;
  return { labels: labelNames, matrix };
}

/**
 * - accuracy; balancedAccuracy: the mean recall of the labels that occur.
 * - macroF1: the mean F1 of the labels that occur or are predicted.
 * - mcc: Matthews correlation in Gorodkin's form for several labels (Comput. Biol. Chem. 28, 2004, eq. 8); 0 where all
 *   predictions are equal, as is the convention.
 * - auroc: of the second label where there are two; else the mean of one label against the rest, of the labels that occur.
 * - ece: expected calibration error in 15 bins of equal width (Guo et al., arXiv:1706.04599v2, eq. 3).
 * - loss: cross-entropy in nats.
 * Probabilities are the softmax of the logits.
 */
export function measureSingleLabel(
  predictions: PredictionsOf<'single-label'>,
): Measure<(typeof SINGLE_LABEL)[number]> {
  const { labels, labelNames } = predictions;
  const records = labels.length;
  const width = labelNames.length;
  const predicted = predictedLabels(predictions);
  const logProbabilities = logSoftmax(predictions);
  const confidences = Float64Array.from(predicted, (label, r) => Math.exp(logProbabilities[label]![r]!));
  const bins = Uint8Array.from(
    confidences,
    (p) => Math.min(CALIBRATION_BINS, Math.ceil(p * CALIBRATION_BINS)) - 1,
  );
  const losses = Float64Array.from(labels, (label, r) => -logProbabilities[label]![r]!);
  const scored = width === 2 ? [1] : [...labelNames.keys()];
  const rankings = scored.map((label) => {
    const ranking = rankingOf(logProbabilities[label]!);
    return {
      ranking,
      positive: Uint8Array.from(ranking.order, (record) => (labels[record] === label ? 1 : 0)),
    };
  });

  return (weights) => {
    const matrix = new Float64Array(width * width);
    const gaps = new Float64Array(CALIBRATION_BINS);
    let [total, loss] = [0, 0];
    for (let r = 0; r < records; r++) {
      const weight = weights[r]!;
      total += weight;
      loss += weight * losses[r]!;
      matrix[labels[r]! * width + predicted[r]!]! += weight;
      gaps[bins[r]!]! += weight * ((labels[r] === predicted[r] ? 1 : 0) - confidences[r]!);
    }
    if (total === 0) return allUndefined(SINGLE_LABEL, 'no records');
    const counts = countsOf(matrix, width);
    const occurring = counts.filter(({ actual }) => actual > 0);
    const areas = rankings
      .map(({ ranking, positive }) => areaUnderRoc(ranking, positive, weights))
      .filter((area) => !Number.isNaN(area));
    const right = counts.reduce((sum, { hits }) => sum + hits, 0);
    return {
      accuracy: right / total,
      balancedAccuracy: mean(occurring.map(({ hits, actual }) => hits / actual)),
      macroF1: mean(
        counts
          .filter(({ actual, predicted: given }) => actual + given > 0)
          .map(({ hits, actual, predicted: given }) => (2 * hits) / (actual + given)),
      ),
      mcc: matthews(counts, total, right),
      auroc: areas.length > 0 ? mean(areas) : ONE_LABEL,
      ece: gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total,
      loss: loss / total,
    };
  };
}

const ONE_LABEL = 'all records have the same label';

interface LabelCounts {
  readonly actual: number;
  readonly predicted: number;
  readonly hits: number;
}

function countsOf(matrix: Float64Array, width: number): readonly LabelCounts[] {
  return Array.from({ length: width }, (_, label) => {
    let [actual, predicted] = [0, 0];
    for (let other = 0; other < width; other++) {
      actual += matrix[label * width + other]!;
      predicted += matrix[other * width + label]!;
    }
    return { actual, predicted, hits: matrix[label * width + label]! };
  });
}

function matthews(counts: readonly LabelCounts[], total: number, right: number): number | string {
  const sum = (term: (count: LabelCounts) => number) => counts.reduce((acc, count) => acc + term(count), 0);
  const covariance = right * total - sum(({ actual, predicted }) => actual * predicted);
  const spreadActual = total ** 2 - sum(({ actual }) => actual ** 2);
  const spreadPredicted = total ** 2 - sum(({ predicted }) => predicted ** 2);
  if (spreadActual === 0) return ONE_LABEL;
  if (spreadPredicted === 0) return 0;
  return covariance / (Math.sqrt(spreadActual) * Math.sqrt(spreadPredicted));
}

/** Log-probabilities by label, [labels][records], exact also where a probability rounds to 1. */
function logSoftmax({ outputs, labels, labelNames }: PredictionsOf<'single-label'>): readonly Float64Array[] {
  const width = labelNames.length;
  const byLabel = labelNames.map(() => new Float64Array(labels.length));
  for (let r = 0; r < labels.length; r++) {
    const row = outputs.subarray(r * width, (r + 1) * width);
    let best = 0;
    for (let c = 1; c < width; c++) if (row[c]! > row[best]!) best = c;
    let others = 0;
    for (let c = 0; c < width; c++) if (c !== best) others += Math.exp(row[c]! - row[best]!);
    const logTotal = Math.log1p(others);
    for (let c = 0; c < width; c++) byLabel[c]![r] = row[c]! - row[best]! - logTotal;
  }
  return byLabel;
}
