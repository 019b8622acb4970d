import { describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { evaluatePredictions, type Interval } from '../../src/evaluate/index.ts';
import { coinPredictions, golden, predictionsOf } from './cases.ts';

const width = ([low, high]: Interval) => high - low;

describe('bootstrap intervals', () => {
  it.each(golden.bootstraps)('are those of scikit-learn and numpy on the same draws: $case', (given) => {
    const predictions = predictionsOf(golden.cases.find(({ name }) => name === given.case)!);
    let drawn = 0;
    const rng = { uniform: () => (given.draws[drawn++]! + 0.5) / given.of };
    const { intervals } = evaluatePredictions(
      { ...predictions, ...(given.groups && { groups: Int32Array.from(given.groups) }) },
      { bootstrap: given.resamples, rng },
    );
    expect(drawn).toBe(given.draws.length);
    expect(Object.keys(intervals)).toEqual(Object.keys(given.intervals));
    for (const [name, [low, high]] of Object.entries(given.intervals)) {
      expect(intervals[name]![0]).toBeCloseTo(low, 10);
      expect(intervals[name]![1]).toBeCloseTo(high, 10);
    }
  });

  it('of an accuracy have the width of the binomial, at 95 % and not at 90 or 99 %', () => {
    const rng = reproducibleRng('width');
    const records = 1000;
    const metrics = evaluatePredictions(coinPredictions(records, 0.8, rng), { bootstrap: 4000, rng });
    const [low, high] = metrics.intervals['accuracy']!;
    const deviation = Math.sqrt((metrics.accuracy! * (1 - metrics.accuracy!)) / records);
    const normals = (high - low) / (2 * deviation);
    // Standard error of a 2.5 % quantile of 4000 draws: about 0.04 of the deviation; 0.03 for half the width.
    expect(Math.abs(normals - 1.96)).toBeLessThan(0.12);
    for (const wrong of [1.645, 2.576]) expect(Math.abs(normals - wrong)).toBeGreaterThan(0.12);
  });

  it('draw whole groups: records repeated by their author tell no more than one of them', () => {
    const rng = reproducibleRng('groups');
    const single = coinPredictions(200, 0.8, rng);
    const repeats = 10;
    const repeated = {
      ...single,
      labels: Int32Array.from({ length: 200 * repeats }, (_, i) => single.labels[Math.floor(i / repeats)]!),
      outputs: Float32Array.from({ length: 400 * repeats }, (_, i) => {
        return single.outputs[2 * Math.floor(i / (2 * repeats)) + (i % 2)]!;
      }),
    };
    const groups = Int32Array.from(repeated.labels, (_, i) => 1000 - Math.floor(i / repeats));
    const accuracy = (predictions: typeof single & { groups?: Int32Array }) =>
      width(evaluatePredictions(predictions, { bootstrap: 2000, rng }).intervals['accuracy']!);
    const alone = accuracy(single);
    expect(accuracy({ ...repeated, groups }) / alone).toBeCloseTo(1, 0.7);
    expect(accuracy(repeated) / alone).toBeLessThan(1.2 / Math.sqrt(repeats));
  });

  it('are the same for the same seed and others for another', () => {
    const predictions = coinPredictions(100, 0.7, reproducibleRng(1));
    const of = (seed: number) =>
      evaluatePredictions(predictions, { bootstrap: 100, rng: reproducibleRng(seed) });
    expect(of(1)).toEqual(of(1));
    expect(of(1).intervals['loss']).not.toEqual(of(2).intervals['loss']);
  });

  it('are absent, with the reason, where resamples often lack the figure or are biased', () => {
    const rng = reproducibleRng('rare');
    const predictions = coinPredictions(20, 0.7, rng);
    predictions.labels.fill(0).fill(1, 0, 1);
    const { intervals, reasons } = evaluatePredictions(predictions, { bootstrap: 500, rng });
    // The one record of the second label is missing from (1 - 1/20)^20 = 36 % of resamples.
    expect(reasons['intervals.auroc']).toMatch(/^undefined in 1[5-9]\d|2[01]\d of 500 resamples$/);
    expect(reasons['intervals.ece']).toBe('resamples overstate a calibration error');
    expect(Object.keys(intervals)).toEqual(['accuracy', 'balancedAccuracy', 'macroF1', 'loss']);
  });
});
