import { array, assert, integer, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import {
  evaluatePredictions,
  slicedMetrics,
  type Metrics,
  type Predictions,
  type SingleLabelMetrics,
} from '../../src/evaluate/index.ts';
import { coinPredictions, golden, listsOf, namesOf, predictionsOf } from './cases.ts';

const plain = { bootstrap: 0, rng: reproducibleRng('metrics') };
const figure = (metrics: Metrics, name: string) =>
  (metrics as unknown as Record<string, number | null>)[name];

/** Differences of the figures, relative to the larger of 1 and the figure. */
function errors(metrics: Metrics, figures: Readonly<Record<string, number>>): Record<string, number> {
  const relative = Object.entries(figures).map(([name, expected]) => {
    const error = Math.abs((figure(metrics, name) ?? Infinity) - expected);
    return [name, error / Math.max(1, Math.abs(expected))] as const;
  });
  return Object.fromEntries(relative);
}

const SINGLE = ['accuracy', 'balancedAccuracy', 'macroF1', 'mcc', 'auroc', 'ece', 'loss'] as const;

const metricsOf = (rows: readonly (readonly [number, readonly number[]])[], shift: number) =>
  evaluatePredictions(
    {
      task: 'single-label',
      labelNames: namesOf(3),
      labels: Int32Array.from(rows, ([label]) => label),
      outputs: Float32Array.from(rows.flatMap(([, logits]) => logits.map((z) => z / 4 + shift))),
    },
    plain,
  );

const rounded = (metrics: SingleLabelMetrics) => SINGLE.map((name) => metrics[name]?.toFixed(9));

describe('figures', () => {
  it.each(golden.cases)('agree with scikit-learn, scipy and torch: $task, $name', (given) => {
    const metrics = evaluatePredictions(predictionsOf(given), plain);
    // The reference of the calibration error is in float32.
    const { ece = 0, ...others } = errors(metrics, given.figures);
    expect(ece).toBeLessThan(3e-7);
    expect(Math.max(...Object.values(others))).toBeLessThan(1e-12);
    const confusion = given.confusion && { labels: namesOf(given.width), matrix: given.confusion };
    expect('confusion' in metrics ? metrics.confusion : undefined).toEqual(confusion);
    expect(metrics.reasons).toEqual({});
    expect(JSON.parse(JSON.stringify(metrics))).toEqual(metrics);
  });

  it.each(golden.cases)('all tell a single wrong record: $task, $name', (given) => {
    const predictions = predictionsOf(given);
    const width = given.task === 'regression' ? 1 : given.width;
    /** How clearly a record's prediction is right. */
    const clarity = (r: number): number => {
      const outputs = given.outputs.slice(r * width, (r + 1) * width);
      if (given.task === 'regression') return outputs[0]! * given.targets[r]!;
      if (given.task === 'single-label')
        return outputs[given.labels[r]!]! - outputs.toSorted((a, b) => a - b).at(-2)!;
      return Math.min(...outputs.map((logit, label) => (given.lists[r]!.includes(label) ? logit : -logit)));
    };
    const rows = Array.from({ length: given.outputs.length / width }, (_, r) => r);
    const row = rows.toSorted((a, b) => clarity(b) - clarity(a))[0]!;
    for (let at = row * width; at < (row + 1) * width; at++) predictions.outputs[at]! *= -1;
    const differences = errors(evaluatePredictions(predictions, plain), given.figures);
    expect(Math.min(...Object.values(differences))).toBeGreaterThan(1e-5);
  });

  it('of single labels do not depend on the order of records or on a shift of all logits of a record', () => {
    const records = array(
      tuple(integer({ min: 0, max: 2 }), array(integer({ min: -8, max: 8 }), { minLength: 3, maxLength: 3 })),
      { minLength: 1, maxLength: 30 },
    );
    assert(
      property(records, integer({ min: -20, max: 20 }), (rows, shift) => {
        const [one, other] = [metricsOf(rows, 0), metricsOf(rows.toReversed(), shift)];
        expect(rounded(other)).toEqual(rounded(one));
        expect(other.confusion).toEqual(one.confusion);
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  it('count an equal logit as the first label, and a logit of 0 as no label', () => {
    const ties = new Float32Array(4);
    const single = {
      task: 'single-label',
      labelNames: namesOf(2),
      labels: Int32Array.of(0, 1),
      outputs: ties,
    } as const;
    expect(evaluatePredictions(single, plain)).toMatchObject({
      accuracy: 0.5,
      auroc: 0.5,
      ece: 0,
      loss: Math.log(2),
    });
    const lists = {
      task: 'multi-label',
      labelNames: namesOf(2),
      labels: listsOf([[0], []]),
      outputs: ties,
    } as const;
    expect(evaluatePredictions(lists, plain)).toMatchObject({ microF1: 0, macroF1: 0, subsetAccuracy: 0.5 });
  });
});

describe('figures that are undefined are null, and the reason is said', () => {
  const one = 'all records have the same label';
  it.each<[string, Predictions, Record<string, string>, Record<string, number>]>([
    [
      'one label alone occurs',
      {
        task: 'single-label',
        labelNames: namesOf(2),
        labels: Int32Array.of(1, 1),
        outputs: Float32Array.of(0, 1, 1, 0),
      },
      { mcc: one, auroc: one },
      { accuracy: 0.5, balancedAccuracy: 0.5 },
    ],
    [
      'the targets are equal',
      { task: 'regression', labels: Float64Array.of(0.1, 0.1, 0.1), outputs: Float32Array.of(1, 2, 3) },
      { pearson: 'all targets are equal', spearman: 'all targets are equal' },
      {},
    ],
    [
      'the predictions are equal, far from 0',
      { task: 'regression', labels: Float64Array.of(1, 2, 4), outputs: Float32Array.of(1e6, 1e6, 1e6) },
      { pearson: 'all predictions are equal', spearman: 'all predictions are equal' },
      {},
    ],
    [
      'no label occurs and none is predicted',
      {
        task: 'multi-label',
        labelNames: namesOf(2),
        labels: listsOf([[], []]),
        outputs: Float32Array.of(-1, -1, -1, -1),
      },
      {
        microF1: 'no record has a label and none is predicted',
        macroF1: 'no record has a label and none is predicted',
      },
      { subsetAccuracy: 1 },
    ],
    [
      'there are no records',
      { task: 'regression', labels: new Float64Array(0), outputs: new Float32Array(0) },
      { pearson: 'no records', spearman: 'no records', mse: 'no records' },
      {},
    ],
  ])('%s', (_, predictions, reasons, figures) => {
    const metrics = evaluatePredictions(predictions, plain);
    expect(metrics).toMatchObject({ reasons, ...figures });
    for (const name of Object.keys(reasons)) expect(figure(metrics, name)).toBeNull();
    expect(Object.keys(metrics.reasons)).toEqual(Object.keys(reasons));
  });

  it('an output that is not finite', () => {
    const predictions = coinPredictions(10, 0.5, reproducibleRng(1));
    predictions.outputs[3] = NaN;
    predictions.outputs[4] = Infinity;
    const metrics = evaluatePredictions(predictions, { ...plain, bootstrap: 10 });
    expect(metrics).toMatchObject({
      accuracy: null,
      loss: null,
      confusion: null,
      records: 10,
      intervals: {},
    });
    expect(metrics.reasons['accuracy']).toBe('2 outputs are not finite numbers');
  });

  it('but predictions that are all equal have a Matthews correlation of 0, as in scikit-learn', () => {
    const constant = Float32Array.of(1, 0, 1, 0, 1, 0);
    const labels = Int32Array.of(0, 1, 1);
    const metrics = evaluatePredictions(
      { task: 'single-label', labelNames: namesOf(2), labels, outputs: constant },
      plain,
    );
    expect(metrics.mcc).toBe(0);
  });
});

describe('slices', () => {
  const names = ['short', 'long', 'unseen'];
  it('have the figures of their records alone, for every task', () => {
    for (const given of golden.cases) {
      const predictions = predictionsOf(given);
      const records =
        given.task === 'multi-label' ? given.lists.length : predictions.outputs.length / (given.width ?? 1);
      // The slices lie one behind the other, so that a part of the arrays is the reference.
      const cut = Math.floor(records / 3);
      const codes = Int32Array.from({ length: records }, (_, r) => (r < cut ? 1 : 0));
      const sliced = slicedMetrics(predictions, { names, codes }, plain);
      expect(Object.keys(sliced)).toEqual(['short', 'long']);
      const slice = <T>(list: readonly T[], long: boolean, by = 1) =>
        long ? list.slice(0, cut * by) : list.slice(cut * by);
      for (const long of [true, false]) {
        const alone = predictionsOf({
          ...given,
          outputs: slice(given.outputs, long, given.width),
          ...(given.labels && { labels: slice(given.labels, long) }),
          ...(given.lists && { lists: slice(given.lists, long) }),
          ...(given.targets && { targets: slice(given.targets, long) }),
        });
        expect(sliced[long ? 'long' : 'short']).toEqual(evaluatePredictions(alone, plain));
      }
    }
  });

  it('keep the groups of their records', () => {
    const predictions = {
      ...coinPredictions(6, 0.5, reproducibleRng(2)),
      groups: Int32Array.of(7, 7, 7, 8, 8, 8),
    };
    const codes = Int32Array.of(0, 0, 0, 1, 1, 1);
    const { short } = slicedMetrics(predictions, { names, codes }, { ...plain, bootstrap: 50 });
    // One group: every resample is the slice itself.
    expect(short!.intervals['accuracy']).toEqual([short!.accuracy, short!.accuracy]);
  });

  it('refuse codes that are not one valid index a record', () => {
    const predictions = coinPredictions(3, 0.5, reproducibleRng(3));
    for (const codes of [Int32Array.of(0, 1), Int32Array.of(0, 1, 3), Int32Array.of(0, -1, 1)]) {
      expect(() => slicedMetrics(predictions, { names, codes }, plain)).toThrow(
        /one for each of 3 records, from 0 to 2/,
      );
    }
  });
});

describe('refusals', () => {
  const predictions = coinPredictions(3, 0.5, reproducibleRng(4));
  it.each([
    ['outputs.length=4', { outputs: new Float32Array(4) }],
    ['label=2', { labels: Int32Array.of(0, 1, 2) }],
    ['label=-1', { labels: Int32Array.of(0, -1, 1) }],
    ['groups.length=2', { groups: Int32Array.of(0, 1) }],
  ])('%s', (message, change) => {
    expect(() => evaluatePredictions({ ...predictions, ...change }, plain)).toThrow(message);
  });

  it('of a number of resamples that is none', () => {
    for (const bootstrap of [-1, 0.5, NaN]) {
      expect(() => evaluatePredictions(predictions, { ...plain, bootstrap })).toThrow(
        `bootstrap=${bootstrap}`,
      );
    }
  });
});
