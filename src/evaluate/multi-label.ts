import { allUndefined, mean, type Measure } from './figure.ts';
import type { PredictionsOf } from './predictions.ts';

export const MULTI_LABEL = ['microF1', 'macroF1', 'subsetAccuracy', 'loss'] as const;

/**
 * A label is predicted where its probability, the logistic function of its logit, is above 0.5.
 * - microF1: F1 of all decisions together; macroF1: the mean F1 of the labels that occur or are predicted.
 * - subsetAccuracy: share of the records whose labels are all right.
 * - loss: binary cross-entropy in nats, mean over records and labels.
 */
export function measureMultiLabel({
  outputs,
  labels: { offsets, codes },
  labelNames,
}: PredictionsOf<'multi-label'>): Measure<(typeof MULTI_LABEL)[number]> {
  const width = labelNames.length;
  const records = offsets.length - 1;
  const losses = new Float64Array(records);
  const wrong = new Uint8Array(records);
  /** Labels that a record has, or that are predicted for it. Few, where labels are many. */
  const [cellRecords, cellLabels, cellSizes]: [number[], number[], number[]] = [[], [], []];
  for (let record = 0; record < records; record++) {
    const own = new Set(codes.subarray(offsets[record], offsets[record + 1]));
    for (let label = 0; label < width; label++) {
      const logit = outputs[record * width + label]!;
      const [actual, predicted] = [own.has(label) ? 1 : 0, logit > 0 ? 1 : 0];
      if (actual !== predicted) wrong[record] = 1;
      losses[record]! += Math.max(logit, 0) - logit * actual + Math.log1p(Math.exp(-Math.abs(logit)));
      if (actual + predicted === 0) continue;
      cellRecords.push(record);
      cellLabels.push(label);
      cellSizes.push(actual + predicted);
    }
  }

  return (weights) => {
    const hits = new Float64Array(width);
    /** Records that have the label, plus records for which it is predicted. */
    const sizes = new Float64Array(width);
    let [total, exact, loss] = [0, 0, 0];
    for (let r = 0; r < records; r++) {
      const weight = weights[r]!;
      total += weight;
      loss += weight * losses[r]!;
      if (wrong[r] === 0) exact += weight;
    }
    for (let i = 0; i < cellRecords.length; i++) {
      const weight = weights[cellRecords[i]!]!;
      sizes[cellLabels[i]!]! += weight * cellSizes[i]!;
      if (cellSizes[i] === 2) hits[cellLabels[i]!]! += weight;
    }
    if (total === 0) return allUndefined(MULTI_LABEL, 'no records');
    const scores = Array.from(hits, (hit, c) => (2 * hit) / sizes[c]!).filter((_, c) => sizes[c]! > 0);
    const size = sizes.reduce((sum, value) => sum + value, 0);
    const none = 'no record has a label and none is predicted';
    return {
      microF1: size > 0 ? (2 * hits.reduce((sum, value) => sum + value, 0)) / size : none,
      macroF1: size > 0 ? mean(scores) : none,
      subsetAccuracy: exact / total,
      loss: loss / (total * width),
    };
  };
}
