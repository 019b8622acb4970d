import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { clustersOf } from '../../src/evaluate/clusters.ts';
import { mauveOf, type Points } from '../../src/evaluate/index.ts';
import { frontierArea } from '../../src/evaluate/mauve.ts';
import { normalised, pointAt, principalComponents } from '../../src/evaluate/points.ts';
import { symmetricEigen } from '../../src/evaluate/symmetric-eigen.ts';

interface Golden {
  readonly histograms: readonly { name: string; p: number[]; q: number[]; area: number; smoothed: number }[];
  readonly features: readonly {
    name: string;
    p: number[];
    q: number[];
    width: number;
    clusters: number;
    mauve: { mean: number; deviation: number };
    smoothed: { mean: number; deviation: number };
    kept: number;
    components: number[][];
  }[];
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/likeness.json', import.meta.url), 'utf8'),
) as Golden;

const half = (counts: readonly number[]) => counts.map((count) => count + 0.5);

function points(values: readonly number[], width: number): Points {
  return { count: values.length / width, width, data: Float64Array.from(values) };
}

describe('the area under the frontier is that of mauve-text', () => {
  test.each(golden.histograms)('$name', ({ p, q, area, smoothed }) => {
    expect(frontierArea(p, q)).toBeCloseTo(area, 9);
    expect(frontierArea(half(p), half(q))).toBeCloseTo(smoothed, 9);
    // Which of the two is the reference makes no difference.
    expect(frontierArea(q, p)).toBeCloseTo(area, 9);
  });

  test('and 1 for equal histograms', () => {
    expect(frontierArea([1, 2, 0], [2, 4, 0])).toBeCloseTo(1, 12);
  });
});

describe('MAUVE of features agrees with mauve-text, clusters being random in both', () => {
  test.each(golden.features)('$name', ({ p, q, width, clusters, mauve, smoothed }) => {
    const seeds = [0, 1, 2, 3, 4, 5];
    const found = seeds.map((seed) => mauveOf(points(p, width), points(q, width), reproducibleRng(seed)));
    expect(found[0]).toMatchObject({ clusters, texts: { reference: 300, written: 300 } });
    const mean = (name: 'mauve' | 'smoothed') =>
      found.reduce((sum, figures) => sum + figures[name], 0) / seeds.length;
    for (const [name, known] of [
      ['mauve', mauve],
      ['smoothed', smoothed],
    ] as const) {
      // Four standard errors of the difference of the two means.
      const error = 4 * known.deviation * Math.sqrt(1 / seeds.length + 1 / 30);
      expect(Math.abs(mean(name) - known.mean)).toBeLessThan(error);
    }
  });

  test('and tells the cases apart by more than that', () => {
    const means = golden.features.map(({ mauve }) => mauve.mean);
    const widest = Math.max(...golden.features.map(({ mauve }) => mauve.deviation));
    expect(means[0]! - means[1]!).toBeGreaterThan(4 * widest);
    expect(means[1]! - means[2]!).toBeGreaterThan(4 * widest);
  });

  test('is refused of what is not finite', () => {
    const bad = points([NaN, 1, 1, 1], 2);
    expect(() => mauveOf(bad, bad, reproducibleRng(0))).toThrow('features: some are not finite');
  });

  test('the same seed gives the same figure', () => {
    const { p, q, width } = golden.features[1]!;
    const once = () => mauveOf(points(p, width), points(q, width), reproducibleRng('again'));
    expect(once()).toEqual(once());
  });
});

describe('principal components', () => {
  test.each(golden.features)('are those of scikit-learn: $name', ({ p, q, width, kept, components }) => {
    const found = principalComponents(normalised(points([...p, ...q], width)), 0.9);
    expect(found.width).toBe(kept);
    for (const [index, expected] of components.entries()) {
      const own = [...pointAt(found, index)].map(Math.abs);
      for (const [k, value] of expected.entries()) expect(own[k]).toBeCloseTo(value, 9);
    }
  });

  test('of points that are all the same are one', () => {
    expect(principalComponents(points([1, 2, 1, 2, 1, 2], 2), 0.9)).toEqual({
      count: 3,
      width: 1,
      data: new Float64Array(3),
    });
  });

  test('normalising leaves a point at the origin there', () => {
    expect([...normalised(points([3, 4, 0, 0], 2)).data]).toEqual([0.6, 0.8, 0, 0]);
  });
});

/** Largest fault of what is said to be its eigenvectors, against the size of the matrix. */
function eigenFault(matrix: readonly number[], n: number): number {
  const { values, vectors } = symmetricEigen(Float64Array.from(matrix), n);
  const scale = Math.max(1, ...matrix.map(Math.abs));
  let worst = 0;
  for (let k = 0; k < n; k++) {
    const own = vectors.subarray(k * n, (k + 1) * n);
    for (let i = 0; i < n; i++) {
      const image = own.reduce((sum, value, j) => sum + matrix[i * n + j]! * value, 0);
      worst = Math.max(worst, Math.abs(image - values[k]! * own[i]!) / scale);
    }
    for (let other = 0; other <= k; other++) {
      const product = own.reduce((sum, value, j) => sum + value * vectors[other * n + j]!, 0);
      worst = Math.max(worst, Math.abs(product - (other === k ? 1 : 0)));
    }
    if (k > 0 && values[k]! > values[k - 1]!) return Infinity;
  }
  return worst;
}

describe('eigenvectors of a symmetric matrix', () => {
  test('are orthonormal, and stretched by their eigenvalues', () => {
    const matrices = fc.integer({ min: 1, max: 9 }).chain((n) =>
      fc.tuple(
        fc.constant(n),
        fc.array(fc.oneof(fc.integer({ min: -2, max: 2 }), fc.double({ min: -1e3, max: 1e3, noNaN: true })), {
          minLength: n * n,
          maxLength: n * n,
        }),
      ),
    );
    fc.assert(
      fc.property(matrices, ([n, entries]) => {
        const symmetric = entries.map((_, at) => {
          const [i, j] = [Math.floor(at / n), at % n];
          return entries[Math.min(i, j) * n + Math.max(i, j)]!;
        });
        expect(eigenFault(symmetric, n)).toBeLessThan(1e-13 * n);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  test.each([
    ['nothing', [0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['equal eigenvalues', [2, 0, 0, 0, 2, 0, 0, 0, 2]],
    ['rank one', [1, 2, 3, 2, 4, 6, 3, 6, 9]],
    ['tiny beside huge', [1e-9, 0, 1e-9, 0, 1, 0, 1e-9, 0, 1e6]],
  ])('%s', (_, matrix) => {
    expect(eigenFault(matrix, 3)).toBeLessThan(3e-13);
  });
});

describe('clusters', () => {
  const rng = reproducibleRng('clusters');
  const centres = [
    [0, 0],
    [10, 0],
    [0, 10],
    [10, 10],
  ];
  const around = centres.flatMap((centre) =>
    Array.from({ length: 25 }, () => centre.map((value) => value + rng.normal())).flat(),
  );

  test('are the groups that points lie in', () => {
    const found = clustersOf(points(around, 2), { clusters: 4, starts: 5, rounds: 100, rng });
    const groups = centres.map((_, group) => new Set(found.subarray(group * 25, (group + 1) * 25)));
    expect(groups.map(({ size }) => size)).toEqual([1, 1, 1, 1]);
    expect(new Set(found).size).toBe(4);
  });

  test('of equal points leave some empty', () => {
    const found = clustersOf(points([1, 1, 1, 1, 1, 1], 2), { clusters: 2, starts: 2, rounds: 10, rng });
    expect([...found]).toEqual([0, 0, 0]);
  });
});
