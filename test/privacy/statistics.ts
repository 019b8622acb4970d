/** Tests accept above this p-value and reject below `REJECT`; in between a test says nothing, so neither may be assumed. */
export const ACCEPT = 1e-3;
export const REJECT = 1e-6;

/** Marsaglia's series, "Evaluating the normal distribution" (J. Stat. Software 11(4), 2004); the tails apart. */
export function normalCdf(x: number): number {
  if (x > 4) return 1 - normalTail(x);
  if (x < -4) return normalTail(-x);
  let sum = x;
  let term = x;
  for (let k = 3; Math.abs(term) > 1e-17; k += 2) sum += term *= (x * x) / k;
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
}

/** 1 - normalCdf(x) for x >= 3, without cancellation: the continued fraction of Mills' ratio. */
export function normalTail(x: number): number {
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / (x + fraction);
  return Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI) / (x + fraction);
}

/** Two-sided p-value of a standard normal statistic. */
export function twoSided(z: number): number {
  const size = Math.abs(z);
  return size < 3 ? 2 * (1 - normalCdf(size)) : 2 * normalTail(size);
}

/** P(chi-square with `freedom` degrees > x), by Wilson and Hilferty's cube root (good to a few per cent from 10 degrees on). */
export function chiSquareP(x: number, freedom: number): number {
  const scale = 2 / (9 * freedom);
  const z = (Math.cbrt(x / freedom) - (1 - scale)) / Math.sqrt(scale);
  return z > 3 ? normalTail(z) : 1 - normalCdf(z);
}

/** Pearson's goodness of fit; categories that expect fewer than 10 are pooled into one. */
export function goodnessOfFit(
  counts: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  trials: number,
): number {
  let statistic = 0;
  let cells = 0;
  let pooledCount = 0;
  let pooledMean = 0;
  const add = (count: number, mean: number) => {
    statistic += (count - mean) ** 2 / mean;
    cells += 1;
  };
  for (let i = 0; i < counts.length; i++) {
    const mean = probabilities[i]! * trials;
    if (mean >= 10) add(counts[i]!, mean);
    else {
      pooledCount += counts[i]!;
      pooledMean += mean;
    }
  }
  if (pooledMean > 0.5) add(pooledCount, pooledMean);
  return chiSquareP(statistic, cells - 1);
}

/** Kolmogorov and Smirnov's p-value of `sample` (sorted here) against a continuous distribution function. */
export function kolmogorovP(sample: Float64Array, cdf: (x: number) => number): number {
  const sorted = sample.slice().sort();
  const n = sorted.length;
  let distance = 0;
  for (let i = 0; i < n; i++) {
    const p = cdf(sorted[i]!);
    distance = Math.max(distance, p - i / n, (i + 1) / n - p);
  }
  const lambda = (Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n)) * distance;
  let p = 0;
  for (let k = 1; k <= 100; k++) p += 2 * (-1) ** (k - 1) * Math.exp(-2 * k * k * lambda * lambda);
  return Math.min(1, Math.max(0, p));
}

/** Two-sided p-value that values of mean 0 have this standard deviation (chi-square, n large). */
export function deviationP(values: ArrayLike<number>, standardDeviation: number): number {
  let square = 0;
  for (let i = 0; i < values.length; i++) square += (values[i]! / standardDeviation) ** 2;
  return twoSided((square - values.length) / Math.sqrt(2 * values.length));
}

/** Two-sided p-value that two sequences of independent standard normals are independent of each other. */
export function correlationP(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let product = 0;
  for (let i = 0; i < a.length; i++) product += a[i]! * b[i]!;
  return twoSided(product / Math.sqrt(a.length));
}

/** Equality of long arrays, by bits. */
export function sameBits(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return bytesOf(a).equals(bytesOf(b));
}

function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
