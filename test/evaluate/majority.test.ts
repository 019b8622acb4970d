import { describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { majorityMetrics, majorityPredictions } from '../../src/evaluate/index.ts';
import { listsOf, namesOf } from './cases.ts';

const options = { bootstrap: 20, rng: reproducibleRng('majority') };

const labelled = (...labels: number[]) => {
  return { task: 'single-label' as const, labelNames: namesOf(3), labels: Int32Array.from(labels) };
};
const listed = (...lists: number[][]) => {
  return { task: 'multi-label' as const, labelNames: namesOf(3), labels: listsOf(lists) };
};
const targeted = (...targets: number[]) => ({
  task: 'regression' as const,
  labels: Float64Array.from(targets),
});

describe('the majority baseline', () => {
  it('answers the most frequent training label, the first where several are', () => {
    const test = labelled(2, 2, 1, 0, 2);
    const metrics = majorityMetrics(labelled(0, 1, 1, 2, 1), test, options);
    expect(metrics).toMatchObject({ records: 5, accuracy: 0.2, mcc: 0, auroc: 0.5, loss: null, ece: null });
    expect(metrics).toMatchObject({ balancedAccuracy: 1 / 3, macroF1: 1 / 9 });
    expect(Object.keys(metrics.intervals)).toEqual([
      'accuracy',
      'balancedAccuracy',
      'macroF1',
      'mcc',
      'auroc',
    ]);
    expect(Object.keys(metrics.reasons).toSorted()).toEqual(['ece', 'loss']);
    expect(majorityMetrics(labelled(2, 0, 0, 2), test, options)).toMatchObject({ accuracy: 0.2 });
    expect(majorityMetrics(labelled(2, 0, 2), test, options)).toMatchObject({ accuracy: 0.6 });
  });

  it('answers every label that more than half of the training records have', () => {
    const from = listed([0], [0, 1], [1, 2], [0]);
    expect([...majorityPredictions(from, listed([], [])).outputs]).toEqual([1, -1, -1, 1, -1, -1]);
    const metrics = majorityMetrics(from, listed([0], [2], [0, 1]), options);
    expect(metrics).toMatchObject({ subsetAccuracy: 1 / 3, microF1: 4 / 7, loss: null });
  });

  it('answers the mean target', () => {
    const metrics = majorityMetrics(targeted(1, 2, 6), targeted(3, 5), options);
    expect(metrics).toMatchObject({
      mse: 2,
      pearson: null,
      reasons: { pearson: 'all predictions are equal' },
    });
  });
});
