import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import {
  entitiesOf,
  evaluatePredictions,
  majorityMetrics,
  slicedMetrics,
  type EntityFigures,
} from '../../src/evaluate/index.ts';

interface Case {
  readonly name: string;
  readonly labelNames: readonly string[];
  readonly offsets: readonly number[];
  readonly codes: readonly number[];
  readonly positions: readonly number[];
  readonly outputs: readonly number[];
  readonly figures: Readonly<Record<string, number>>;
  readonly kinds: Readonly<Record<string, EntityFigures>>;
  /** Of the F1 of each kind. */
  readonly intervals: Readonly<
    Record<string, Readonly<Record<'95' | '90', readonly [number, number]> & { readonly undefined: number }>>
  >;
}
const golden = JSON.parse(readFileSync(new URL('../golden/entities.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[];
};
const none = { bootstrap: 0, rng: reproducibleRng(0) };

function predictionsOf({ labelNames, offsets, codes, positions, outputs }: Case) {
  return {
    task: 'token-classification' as const,
    labelNames,
    labels: {
      offsets: Uint32Array.from(offsets),
      codes: Int32Array.from(codes),
      positions: Int32Array.from(positions),
    },
    outputs: Float32Array.from(outputs),
  };
}

describe('figures of entities equal those of seqeval (default for BIO, strict for BIOES)', () => {
  it.each(golden.cases.map((each) => [each.name, each] as const))('%s', (_, each) => {
    const found = evaluatePredictions(predictionsOf(each), none);
    const differences = Object.entries(each.figures).map(([name, expected]) =>
      Math.abs(found[name as 'f1']! - expected),
    );
    expect(Math.max(...differences)).toBeLessThan(1e-6);
    expect(found.records).toBe(each.offsets.length - 1);
    for (const [kind, expected] of Object.entries(each.kinds)) {
      const { f1, ...others } = found.kinds![kind]!;
      expect(f1).toBeCloseTo(expected.f1, 10);
      expect(others).toEqual({
        precision: expected.precision,
        recall: expected.recall,
        entities: expected.entities,
      });
    }
  });
});

describe('intervals of the F1 of each kind equal those of a plain bootstrap', () => {
  it.each(golden.cases.map((each) => [each.name, each] as const))('%s', (_, each) => {
    const options = { bootstrap: 5000, rng: reproducibleRng(each.name) };
    const { intervals, f1 } = evaluatePredictions(predictionsOf(each), options);
    const distances = Object.entries(each.intervals).map(([kind, ends]) => {
      const own = intervals[`f1 of ${kind}`]!;
      const apart = (other: readonly [number, number]) =>
        Math.abs(own[0] - other[0]) + Math.abs(own[1] - other[1]);
      return { right: apart(ends['95']), wrong: apart(ends['90']) };
    });
    expect(distances).toHaveLength(3);
    for (const { right } of distances) expect(right).toBeLessThan(0.035);
    // Intervals of 90 % are others.
    const sum = (which: 'right' | 'wrong') => distances.reduce((total, apart) => total + apart[which], 0);
    expect(sum('right')).toBeLessThan(0.5 * sum('wrong'));
    // The figures of all kinds have the intervals that they had without those of each.
    expect(intervals['f1']![0]).toBeLessThan(f1!);
  });

  it('are left out, with the reason, where few resamples have the kind', () => {
    const labelNames = ['O', 'B-PER', 'B-LOC'];
    const codes = Int32Array.from({ length: 40 }, (_, word) => (word === 0 ? 2 : 1));
    const outputs = Float32Array.from([...codes].flatMap((code) => [0, 1, 2].map((c) => Number(c === code))));
    const labels = {
      offsets: Uint32Array.from({ length: 41 }, (_, record) => record),
      codes,
      positions: new Int32Array(40).fill(1),
    };
    const predictions = { task: 'token-classification' as const, labelNames, labels, outputs };
    const found = evaluatePredictions(predictions, { bootstrap: 400, rng: reproducibleRng(3) });
    expect(found.kinds!['LOC']).toMatchObject({ f1: 1, entities: 1 });
    expect(found.intervals['f1 of PER']).toEqual([1, 1]);
    expect(found.intervals).not.toHaveProperty(['f1 of LOC']);
    expect(found.reasons['intervals.f1 of LOC']).toMatch(/^undefined in 1[2-7]\d of 400 resamples$/);
    expect(Object.keys(found)).not.toContain('f1 of PER');
  });
});

describe('tags that do not go together', () => {
  const bio = ['I-PER', 'I-PER', 'I-LOC', 'O', 'B-LOC', 'B-LOC', 'I-PER'];
  it('begin an entity where they are read as conlleval does', () => {
    expect(entitiesOf(bio).map(({ kind, start, end }) => `${kind} ${start} ${end}`)).toEqual([
      'PER 0 2',
      'LOC 2 3',
      'LOC 4 5',
      'LOC 5 6',
      'PER 6 7',
    ]);
  });
  it('are none where they are read strictly', () => {
    const bioes = ['B-PER', 'I-PER', 'O', 'E-LOC', 'S-LOC', 'B-LOC', 'E-LOC', 'B-PER', 'E-LOC', 'I-PER'];
    expect(entitiesOf(bioes, 'strict')).toEqual([
      { kind: 'LOC', start: 4, end: 5 },
      { kind: 'LOC', start: 5, end: 7 },
    ]);
    expect(entitiesOf(bioes)).toHaveLength(7);
  });
});

function count(figures: Readonly<Record<string, EntityFigures>> | null): number {
  return Object.values(figures!).reduce((sum, { entities }) => sum + entities, 0);
}

describe('around the figures', () => {
  const predictions = predictionsOf(golden.cases[0]!);
  it('every word outside is what the majority answers: no entity is right', () => {
    const found = majorityMetrics(predictions, predictions, none) as unknown as Record<string, unknown>;
    const outside = predictions.labels.codes.filter((code) => code === 0).length;
    expect(found).toMatchObject({ f1: 0, precision: 0, recall: 0, loss: null });
    expect(found['tokenAccuracy']).toBeCloseTo(outside / predictions.labels.codes.length, 12);
  });

  it('intervals resample sentences, and hold the figure', () => {
    const { f1, intervals } = evaluatePredictions(predictions, { bootstrap: 200, rng: reproducibleRng(1) });
    const [low, high] = intervals['f1']!;
    expect(low).toBeLessThan(f1!);
    expect(high).toBeGreaterThan(f1!);
    expect(high - low).toBeLessThan(0.4);
  });

  it('slices take whole sentences', () => {
    const codes = Int32Array.from({ length: 30 }, (_, record) => record % 2);
    const parts = slicedMetrics(predictions, { names: ['even', 'odd'], codes }, none);
    const { kinds } = evaluatePredictions(predictions, none);
    expect(parts['even']!.records).toBe(15);
    expect(count(parts['even']!.kinds) + count(parts['odd']!.kinds)).toBe(count(kinds));
  });

  it('no entity, no word, no finite output: figures are null with a reason', () => {
    const outside = { ...predictions.labels, codes: predictions.labels.codes.map(() => 0) };
    expect(evaluatePredictions({ ...predictions, labels: outside }, none)).toMatchObject({
      f1: null,
      reasons: { f1: 'there are no entities' },
    });
    const empty = { offsets: new Uint32Array(2), codes: new Int32Array(), positions: new Int32Array() };
    expect(
      evaluatePredictions({ ...predictions, labels: empty, outputs: new Float32Array() }, none).reasons['f1'],
    ).toBe('no words');
    const outputs = predictions.outputs.slice();
    outputs[3] = NaN;
    expect(evaluatePredictions({ ...predictions, outputs }, none)).toMatchObject({ f1: null, kinds: null });
    expect(() => evaluatePredictions({ ...predictions, outputs: outputs.slice(1) }, none)).toThrow(
      /outputs\.length=\d+: must be words \* labels/,
    );
  });
});
