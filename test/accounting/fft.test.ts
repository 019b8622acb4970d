import seedrandom from 'seedrandom';
import { expect, test } from 'vitest';
import { compose } from '../../privacy/accounting/convolution.ts';
import { fftErrorPerLevel, fftOf } from '../../privacy/accounting/fft.ts';

function reversed(p: number, bits: number): number {
  let k = 0;
  for (let b = 0; b < bits; b++) if ((p >> b) & 1) k |= 1 << (bits - 1 - b);
  return k;
}

test.each([8, 16, 32, 64, 128, 512])(
  'length %i: every frequency is within its error bound of the definition',
  (n) => {
    const random = seedrandom(`fft ${n}`);
    const re = Float64Array.from({ length: n }, () => random() - 0.5);
    const im = Float64Array.from({ length: n }, () => random() - 0.5);
    const [x, y] = [re.slice(), im.slice()];
    const size = x.reduce((sum, v, k) => sum + Math.hypot(v, y[k]!), 0);
    const bound = fftErrorPerLevel * 2 ** -53 * Math.log2(n) * size;
    fftOf(n).forward(re, im);
    for (let p = 0; p < n; p++) {
      const k = reversed(p, Math.log2(n));
      let [sumRe, sumIm] = [0, 0];
      for (let j = 0; j < n; j++) {
        const angle = (-2 * Math.PI * ((j * k) % n)) / n;
        sumRe += x[j]! * Math.cos(angle) - y[j]! * Math.sin(angle);
        sumIm += x[j]! * Math.sin(angle) + y[j]! * Math.cos(angle);
      }
      // The definition's own rounding is n u.
      expect(Math.hypot(re[p]! - sumRe, im[p]! - sumIm)).toBeLessThan(bound + n * 2 ** -53);
    }
    fftOf(n).inverse(re, im);
    for (let k = 0; k < n; k++) expect(Math.hypot(re[k]! - x[k]!, im[k]! - y[k]!)).toBeLessThan(2 * bound);
  },
);

/** Exact powers of a two-point distribution: binomial probabilities in integer arithmetic. */
function binomial(count: number, share: number): number[] {
  let mass = [1];
  for (let n = 0; n < count; n++) {
    mass = Array.from(
      { length: mass.length + 1 },
      (_, k) => (mass[k] ?? 0) * (1 - share) + (mass[k - 1] ?? 0) * share,
    );
  }
  return mass;
}

test.each([
  [1, 0.3],
  [2, 0.5],
  [57, 0.2],
  [100, 0.01],
] as const)('a power of %i is the binomial distribution to within the stated point error', (count, share) => {
  const two = { first: 0, mass: Float64Array.of(1 - share, share) };
  const other = { first: -1, mass: Float64Array.of(share, 1 - share) };
  const result = compose([{ upper: two, lower: other, upperCount: count, lowerCount: count }], -128, 256);
  expect(result.pointError).toBeLessThan(5e-14);
  const exact = binomial(count, share);
  for (let k = 0; k <= count; k++) {
    const slack = result.pointError + 1e-15;
    expect(Math.abs(result.upper.mass[128 + k]! - exact[k]!)).toBeLessThan(slack);
    expect(Math.abs(result.lower.mass[128 - k]! - exact[k]!)).toBeLessThan(slack);
  }
});

test('a huge power of a distribution that is almost all at 0 keeps its precision', () => {
  // (1 - 1e-9) at 0, 1e-9 at 1, 10^9 times: Poisson(1) up to 5e-10.
  const rare = { first: 0, mass: Float64Array.of(1 - 1e-9, 1e-9) };
  const result = compose([{ upper: rare, lower: rare, upperCount: 1e9, lowerCount: 1e9 }], 0, 64);
  expect(result.pointError).toBeLessThan(1e-13);
  let poisson = Math.exp(-1);
  for (let k = 0; k < 8; k++) {
    expect(Math.abs(result.upper.mass[k]! / poisson - 1)).toBeLessThan(1e-7);
    poisson /= k + 1;
  }
});
