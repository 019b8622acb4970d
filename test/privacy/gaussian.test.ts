import { describe, expect, it } from 'vitest';
import { fillNormals, seededStream } from '../../privacy/index.ts';
import {
  ACCEPT,
  REJECT,
  correlationP,
  deviationP,
  goodnessOfFit,
  kolmogorovP,
  normalCdf,
  normalTail,
  twoSided,
} from './statistics.ts';

const TAIL_START = 3.654152885361009;

function normals(count: number, seed: string): Float64Array {
  const values = new Float64Array(count);
  fillNormals(values, seededStream(seed));
  return values;
}

/** Distribution of |X| given that it is beyond the ziggurat's last layer. */
function tailCdf(x: number): number {
  return 1 - normalTail(x) / normalTail(TAIL_START);
}

describe('Gaussian noise', () => {
  const sample = normals(2_000_000, 'sample');

  it('G9: follows the normal distribution (Kolmogorov-Smirnov), and 2 % more or less spread is rejected', () => {
    const half = sample.subarray(0, 1_000_000);
    expect(kolmogorovP(half, normalCdf)).toBeGreaterThan(ACCEPT);
    for (const wrong of [0.98, 1.02]) {
      expect(kolmogorovP(half, (x) => normalCdf(x / wrong))).toBeLessThan(REJECT);
    }
    expect(kolmogorovP(half, (x) => normalCdf(x + 0.01))).toBeLessThan(REJECT);
  });

  it('G9: has standard deviation 1 (chi-square), and 2 % more or less is rejected', () => {
    expect(deviationP(sample, 1)).toBeGreaterThan(ACCEPT);
    expect(deviationP(sample, 0.98)).toBeLessThan(REJECT);
    expect(deviationP(sample, 1.02)).toBeLessThan(REJECT);
  });

  it('is smooth across all layers of the ziggurat; a histogram with one layer 2 % too heavy is rejected', () => {
    const WIDTH = 0.01;
    const counts = new Float64Array(800);
    const probabilities = counts.map((_, i) => normalCdf((i + 1) * WIDTH - 4) - normalCdf(i * WIDTH - 4));
    let inside = 0;
    const mass = normalCdf(4) - normalCdf(-4);
    for (const x of normals(8_000_000, 'histogram')) {
      const cell = Math.floor((x + 4) / WIDTH);
      if (cell < 0 || cell >= counts.length) continue;
      counts[cell]! += 1;
      inside += 1;
    }
    const fit = (given: Float64Array) =>
      goodnessOfFit(
        given,
        probabilities.map((p) => p / mass),
        inside,
      );
    expect(fit(counts)).toBeGreaterThan(ACCEPT);
    expect(fit(counts.map((count, i) => (i >= 500 && i < 520 ? count * 1.02 : count)))).toBeLessThan(REJECT);
  });

  it('has the exact tail: beyond 4, 4.5, 5 and 5.5 deviations, and its shape beyond the last layer', () => {
    const total = 60_000_000;
    const block = new Float64Array(1 << 20);
    const stream = seededStream('tail');
    const beyond: number[] = [];
    for (let done = 0; done < total; done += block.length) {
      const part = block.subarray(0, Math.min(block.length, total - done));
      fillNormals(part, stream);
      for (const x of part) if (Math.abs(x) > TAIL_START) beyond.push(Math.abs(x));
    }
    // P(|X| > z) for z = 4, 4.5, 5, 5.5: scipy 1.17.1, 2 * scipy.stats.norm.sf(z).
    const exact = [
      [4, 6.334248366623973e-5],
      [4.5, 6.795346249460107e-6],
      [5, 5.733031437583866e-7],
      [5.5, 3.797912493177536e-8],
    ] as const;
    for (const [z, probability] of exact) {
      const mean = probability * total;
      const count = beyond.filter((x) => x > z).length;
      // Expected: 3801, 408, 34, 2.3. A tail that is cut off, or 5 % too heavy at 4, is rejected.
      expect(Math.abs(count - mean)).toBeLessThan(3 * Math.sqrt(mean));
    }
    const tail = Float64Array.from(beyond);
    expect(kolmogorovP(tail, tailCdf)).toBeGreaterThan(ACCEPT);
    // A plain exponential tail of the same start and slope, as without the rejection step.
    expect(kolmogorovP(tail, (x) => 1 - Math.exp(-TAIL_START * (x - TAIL_START)))).toBeLessThan(REJECT);
  });

  it('is symmetric, and independent from draw to draw; a correlation of 0.01 is rejected', () => {
    const negative = sample.filter((x) => x < 0).length;
    expect(twoSided((negative - sample.length / 2) / Math.sqrt(sample.length / 4))).toBeGreaterThan(ACCEPT);
    for (const lag of [1, 2, 3, 256, 1 << 14]) {
      expect(correlationP(sample.subarray(lag), sample.subarray(0, -lag))).toBeGreaterThan(ACCEPT);
    }
    const mixed = sample.map((x, i) => (i === 0 ? x : 0.01 * sample[i - 1]! + Math.sqrt(1 - 1e-4) * x));
    expect(correlationP(mixed.subarray(1), sample.subarray(0, -1))).toBeLessThan(REJECT);
    const magnitude = sample.map((x) => (x * x - 1) / Math.SQRT2);
    expect(correlationP(magnitude.subarray(1), magnitude.subarray(0, -1))).toBeGreaterThan(ACCEPT);
  });

  it('fills any length, and no two chunks alike', () => {
    for (const length of [0, 1, 16_383, 16_384, 16_385]) {
      expect(normals(length, 'length').every((x) => x !== 0 && Number.isFinite(x))).toBe(true);
    }
    expect(new Set(normals(50_000, 'chunks')).size).toBe(50_000);
  });
});
