import { describe, expect, test } from 'vitest';
import { drawRepetitions, seededStream } from '../../privacy/index.ts';

/**
 * P[K = k] of the truncated negative binomial by its definition (Papernot and Steinke, arXiv:2110.03620v2, definition 1),
 * with the parameter that has the given mean; Poisson by its own.
 */
function probabilities(mean: number, shape: number | 'poisson', count: number): number[] {
  if (shape === 'poisson') {
    const values = [Math.exp(-mean)];
    for (let k = 1; k < count; k++) values.push((values[k - 1]! * mean) / k);
    return values;
  }
  // Means: (1 - g) / (g log(1 / g)) for shape 0, 1 / g for shape 1.
  const meanOf = (g: number) => (shape === 0 ? (1 - g) / (g * -Math.log(g)) : 1 / g);
  let [low, high] = [1e-9, 1];
  for (let k = 0; k < 100; k++) {
    const middle = (low + high) / 2;
    if (meanOf(middle) > mean) low = middle;
    else high = middle;
  }
  return Array.from({ length: count }, (_, k) =>
    k === 0 ? 0 : shape === 0 ? (1 - low) ** k / (k * -Math.log(low)) : low * (1 - low) ** (k - 1),
  );
}

/** Chi-square statistic of the drawn numbers against the probabilities, over numbers expected at least 200 times, and the rest; and its cells. */
function chiSquare(drawn: readonly number[], expected: readonly number[]): { value: number; cells: number } {
  let [value, cells, restCount, restExpected] = [0, 0, drawn.length, drawn.length];
  for (const [k, probability] of expected.entries()) {
    const mass = probability * drawn.length;
    if (mass < 200) continue;
    const seen = drawn.filter((number) => number === k).length;
    value += (seen - mass) ** 2 / mass;
    cells++;
    restCount -= seen;
    restExpected -= mass;
  }
  return restExpected < 5
    ? { value, cells }
    : { value: value + (restCount - restExpected) ** 2 / restExpected, cells: cells + 1 };
}

/** Mean + 5 standard deviations of a chi-square variable. */
function limit({ cells }: { cells: number }): number {
  return cells + 5 * Math.sqrt(2 * cells);
}

describe('the secret number of trials', () => {
  test.each([
    [12, 'poisson'],
    [600, 'poisson'],
    [1.5, 0],
    [12, 0],
    [12, 1],
  ] as const)(
    'of mean %d and shape %s follows its distribution, and not that of a mean 20 %% off',
    (mean, shape) => {
      const stream = seededStream(`repetitions ${mean} ${shape}`);
      const drawn = Array.from({ length: 20_000 }, () => drawRepetitions(mean, shape, stream));
      const right = chiSquare(drawn, probabilities(mean, shape, 800));
      const wrong = chiSquare(drawn, probabilities(mean * 1.2, shape, 800));
      expect(right.value).toBeLessThan(limit(right));
      expect(wrong.value).toBeGreaterThan(limit(wrong));
    },
  );

  test('is refused for a mean outside (0, 10000]', () => {
    for (const mean of [0, -1, Number.NaN, 1e5]) {
      expect(() => drawRepetitions(mean, 'poisson', seededStream('x'))).toThrow('mean=');
    }
  });
});
