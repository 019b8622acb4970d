import { describe, expect, it } from 'vitest';
import { poissonSample, reproducibleRng, seededStream } from '../../privacy/index.ts';
import { ACCEPT, REJECT, goodnessOfFit, twoSided } from './statistics.ts';

const UNITS = 40;
const RATE = 0.1;
const STEPS = 40_000;

type Sampler = () => Uint32Array;

/** p-values that inclusion is Bernoulli(RATE), independent across units and steps. */
function conformance(sample: Sampler) {
  const single = new Float64Array(UNITS);
  const pairs = new Float64Array(UNITS * UNITS);
  const sizes = new Float64Array(UNITS + 1);
  let repeats = 0;
  let previous = new Set<number>();
  for (let step = 0; step < STEPS; step++) {
    const batch = sample();
    sizes[batch.length]! += 1;
    for (const unit of batch) {
      single[unit]! += 1;
      if (previous.has(unit)) repeats += 1;
      for (const other of batch) if (other > unit) pairs[unit * UNITS + other]! += 1;
    }
    previous = new Set(batch);
  }
  const total = single.reduce((sum, count) => sum + count, 0);
  const pairCount = pairs.reduce((sum, count) => sum + count, 0);
  const allPairs = (UNITS * (UNITS - 1)) / 2;
  // Pairs of one batch are not independent: the variance of their number is that of C(K, 2), K binomial.
  const pairVariance = allPairs * RATE ** 2 * (1 - RATE) * (1 + RATE + 2 * (UNITS - 2) * RATE) * STEPS;
  return {
    rate: twoSided(binomialZ(total, UNITS * STEPS, RATE)),
    marginals: goodnessOfFit(single, new Float64Array(UNITS).fill(1 / UNITS), total),
    pairs: twoSided((pairCount - STEPS * allPairs * RATE ** 2) / Math.sqrt(pairVariance)),
    sizes: goodnessOfFit(sizes, binomial(UNITS, RATE), STEPS),
    repeats: twoSided(binomialZ(repeats, UNITS * (STEPS - 1), RATE ** 2)),
  };
}

/** How many standard deviations a count lies off the mean of Binomial(trials, p). */
function binomialZ(count: number, trials: number, p: number): number {
  return (count - trials * p) / Math.sqrt(trials * p * (1 - p));
}

function binomial(n: number, p: number): Float64Array {
  const masses = new Float64Array(n + 1);
  masses[0] = (1 - p) ** n;
  for (let k = 1; k <= n; k++) masses[k] = (masses[k - 1]! * (n - k + 1) * p) / (k * (1 - p));
  return masses;
}

describe('Poisson sampler', () => {
  it('G15: inclusion is Bernoulli(q), independent across units and steps', () => {
    const stream = seededStream('conformance');
    const result = conformance(() => poissonSample(UNITS, RATE, stream));
    expect(Object.keys(result)).toHaveLength(5);
    for (const p of Object.values(result)) expect(p).toBeGreaterThan(ACCEPT);
  });

  it('G15: rejects q off by 5 %, either way', () => {
    for (const factor of [0.95, 1.05]) {
      const stream = seededStream('off');
      const result = conformance(() => poissonSample(UNITS, factor * RATE, stream));
      expect(result.rate).toBeLessThan(REJECT);
      expect(result.sizes).toBeLessThan(REJECT);
      expect(result.pairs).toBeLessThan(REJECT);
    }
  });

  it('G15: rejects shuffled epochs cut into batches', () => {
    const rng = reproducibleRng('shuffle');
    let order: number[] = [];
    const result = conformance(() => {
      if (order.length === 0) order = rng.shuffle(Array.from({ length: UNITS }, (_, unit) => unit));
      return Uint32Array.from(order.splice(0, UNITS * RATE));
    });
    expect(result.rate).toBe(1);
    expect(result.sizes).toBeLessThan(REJECT);
    expect(result.repeats).toBeLessThan(REJECT);
  });

  it('G15: rejects batches of fixed size', () => {
    const rng = reproducibleRng('fixed');
    const units = Uint32Array.from({ length: UNITS }, (_, unit) => unit);
    const result = conformance(() => rng.shuffle(units).slice(0, UNITS * RATE));
    expect(result.sizes).toBeLessThan(REJECT);
    expect(result.pairs).toBeLessThan(REJECT);
    expect(result.repeats).toBeGreaterThan(ACCEPT);
  });

  it('G15: rejects a sampler of the right size distribution that is tied from step to step', () => {
    const stream = seededStream('tied');
    let last = poissonSample(UNITS, RATE, stream);
    let step = 0;
    const result = conformance(() => {
      if (step++ % 10 !== 1) last = poissonSample(UNITS, RATE, stream);
      return last;
    });
    expect(result.repeats).toBeLessThan(REJECT);
  });

  it('is right for many units too, in ascending order without repeats, over chunks', () => {
    const units = 1_000_000;
    const batch = poissonSample(units, 0.01, seededStream('many'));
    expect(Math.abs(batch.length - 10_000)).toBeLessThan(4 * Math.sqrt(9_900));
    expect(batch.every((unit, i) => i === 0 || unit > batch[i - 1]!)).toBe(true);
    expect(batch.at(-1)).toBeLessThan(units);
    const thousandths = new Float64Array(100);
    for (const unit of batch) thousandths[Math.floor(unit / 10_000)]! += 1;
    expect(goodnessOfFit(thousandths, new Float64Array(100).fill(0.01), batch.length)).toBeGreaterThan(
      ACCEPT,
    );
  });

  it('G16: gives empty batches as often as (1 - q)^n says, and takes no units or all', () => {
    const stream = seededStream('empty');
    const trials = 20_000;
    let empty = 0;
    for (let i = 0; i < trials; i++) if (poissonSample(20, 0.05, stream).length === 0) empty += 1;
    const mean = 0.95 ** 20;
    expect(twoSided((empty / trials - mean) / Math.sqrt((mean * (1 - mean)) / trials))).toBeGreaterThan(
      ACCEPT,
    );
    expect(poissonSample(0, 0.5, stream)).toHaveLength(0);
    expect(poissonSample(100, 0, stream)).toHaveLength(0);
    expect([...poissonSample(4, 1, stream)]).toEqual([0, 1, 2, 3]);
  });

  it('refuses rates and sizes outside their domain', () => {
    const stream = seededStream('domain');
    for (const rate of [-0.1, 1.01, Number.NaN]) {
      expect(() => poissonSample(10, rate, stream)).toThrow(`samplingRate=${rate}`);
    }
    for (const units of [-1, 1.5, 2 ** 33])
      expect(() => poissonSample(units, 0.1, stream)).toThrow(`units=${units}`);
  });
});
