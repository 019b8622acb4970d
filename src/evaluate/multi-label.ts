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
  const actual = new Uint8Array(records * width);
  const losses = new Float64Array(records);
  const wrong = new Uint8Array(records);
  for (let r = 0; r < records; r++) {
    for (const code of codes.subarray(offsets[r], offsets[r + 1])) actual[r * width + code] = 1;
    for (let at = r * width; at < (r + 1) * width; at++) {
      const logit = outputs[at]!;
      if (logit > 0 !== (actual[at] === 1)) wrong[r] = 1;
      losses[r]! += Math.max(logit, 0) - logit * actual[at]! + Math.log1p(Math.exp(-Math.abs(logit)));
    }
  }

  return (weights) => {
    const hits = new Float64Array(width);
    /** Records that have the label, plus records for which it is predicted. */
    const sizes = new Float64Array(width);
    let [total, exact, loss] = [0, 0, 0];
    for (let r = 0; r < records; r++) {
      const weight = weights[r]!;
      if (weight === 0) continue;
      total += weight;
      loss += weight * losses[r]!;
      if (wrong[r] === 0) exact += weight;
      for (let c = 0; c < width; c++) {
        const [isActual, isPredicted] = [actual[r * width + c]!, outputs[r * width + c]! > 0 ? 1 : 0];
        hits[c]! += weight * (isActual & isPredicted);
        sizes[c]! += weight * (isActual + isPredicted);
      }
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
