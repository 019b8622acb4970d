import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addNoise, latticeSpacing, seededStream } from '../../privacy/index.ts';
import { ACCEPT, REJECT, correlationP, deviationP, sameBits } from './statistics.ts';

const DEVIATION = 0.07;
const settings = { standardDeviation: DEVIATION, latticeSpacing: latticeSpacing(DEVIATION) };

async function noised(values: Float32Array, seed: string): Promise<Float32Array> {
  const sum = values.slice();
  await addNoise({ sum }, settings, seededStream(seed));
  return sum;
}

/** The values within one deviation of 0.1 that the noise carries `x` to. */
async function reached(x: number): Promise<number[]> {
  const values = new Set(await noised(new Float32Array(300_000).fill(x), 'reach'));
  return [...values].filter((value) => Math.abs(value - 0.1) < DEVIATION).toSorted((a, b) => a - b);
}

const scaled = (values: Float32Array) => values.map((x) => x / DEVIATION);

const onLattice = (values: Float32Array) =>
  values.every((x) => Number.isInteger(x / settings.latticeSpacing));

describe('lattice spacing', () => {
  it('is a power of two, between a 1024th and a 2048th of the deviation', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-15, max: 1e15, noNaN: true }), (deviation) => {
        const spacing = latticeSpacing(deviation);
        const ratio = deviation / spacing;
        expect(ratio).toBeGreaterThanOrEqual(1024);
        expect(ratio).toBeLessThan(2048);
        expect(Number.isInteger(Math.log2(spacing))).toBe(true);
      }),
    );
    expect(latticeSpacing(1)).toBe(2 ** -10);
    expect(latticeSpacing(2 - 2 ** -52)).toBe(2 ** -10);
    expect(latticeSpacing(1 - 2 ** -53)).toBe(2 ** -11);
  });

  it('refuses deviations that float64 cannot add', () => {
    for (const wrong of [0, -1, 1e-30, 1e30, Number.NaN, Infinity]) {
      expect(() => latticeSpacing(wrong)).toThrow(`noiseStandardDeviation=${wrong}`);
    }
  });
});

describe('noisy sum', () => {
  it('G9: on zero gradients has standard deviation sigma C; 2 % more or less is rejected', async () => {
    const noise = await noised(new Float32Array(400_000), 'G9');
    expect(deviationP(noise, DEVIATION)).toBeGreaterThan(ACCEPT);
    expect(deviationP(noise, 0.98 * DEVIATION)).toBeLessThan(REJECT);
    expect(deviationP(noise, 1.02 * DEVIATION)).toBeLessThan(REJECT);
    // Variance passed for standard deviation.
    expect(deviationP(noise, DEVIATION ** 2)).toBeLessThan(REJECT);
  });

  it('is unbiased: noise is added to the sum, and rounding moves no mean', async () => {
    const values = new Float32Array(400_000).fill(1.0001 * settings.latticeSpacing * 0.4);
    const noisy = await noised(values, 'bias');
    const mean = noisy.reduce((sum, x) => sum + x, 0) / noisy.length;
    expect(Math.abs(mean - values[0]!)).toBeLessThan((4 * DEVIATION) / Math.sqrt(noisy.length));
    const shift = (
      await noised(
        values.map((x) => x + 1),
        'bias',
      )
    ).map((x, i) => x - noisy[i]!);
    expect(shift.every((x) => Math.abs(x - 1) <= settings.latticeSpacing)).toBe(true);
  });

  it('G12: rounds to the nearest point of the lattice', async () => {
    const sum = Float32Array.of(0.4, 0.6, -0.4, -0.6, 7.49, -7.51, 0);
    await addNoise({ sum }, { standardDeviation: 1e-6, latticeSpacing: 1 }, seededStream('nearest'));
    expect([...sum]).toEqual([0, 1, 0, -1, 7, -8, 0]);
  });

  it('G12: lies on the public lattice; plain float32 noise does not', async () => {
    const values = Float32Array.from({ length: 100_000 }, (_, i) => Math.sin(i) * 10 ** ((i % 9) - 4));
    expect(onLattice(await noised(values, 'G12'))).toBe(true);
    const plain = values.map((x, i) => x + DEVIATION * Math.cos(i));
    expect(plain.filter((x) => Number.isInteger(x / settings.latticeSpacing)).length).toBeLessThan(50_000);
  });

  it('G12: tells nothing below the lattice: sums that differ in low bits reach the same set of values', async () => {
    const [a, b] = [await reached(0.1), await reached(Math.fround(0.1) + 2 ** -27)];
    expect(a.length).toBeGreaterThan(2000);
    expect(a).toEqual(b);
  });

  it('G12: a zero has no sign', async () => {
    const zeros = (await noised(new Float32Array(200_000), 'zero')).filter((x) => x === 0);
    expect(zeros.length).toBeGreaterThan(20);
    expect(zeros.every((x) => Object.is(x, 0))).toBe(true);
  });

  it('G12: stays on the lattice where float32 is coarser than it', async () => {
    const far = new Float32Array(1000).fill(12_345_678.9);
    expect(onLattice(await noised(far, 'far'))).toBe(true);
  });

  it('G9: draws once for every coordinate of all arrays together, in the order of names', async () => {
    const [a, b] = [new Float32Array(100_000), new Float32Array(100_000)];
    await addNoise({ a, b }, settings, seededStream('names'));
    expect(correlationP(scaled(a), scaled(b))).toBeGreaterThan(ACCEPT);
    expect(correlationP(scaled(a), scaled(a))).toBeLessThan(REJECT);
    const [a2, b2] = [new Float32Array(100_000), new Float32Array(100_000)];
    await addNoise({ b: b2, a: a2 }, settings, seededStream('names'));
    expect(sameBits(a2, a) && sameBits(b2, b)).toBe(true);
    expect(sameBits(a, b)).toBe(false);
  });

  it('G3: stops at a sum that is not finite, wherever it is', async () => {
    for (const wrong of [Number.NaN, Infinity, -Infinity]) {
      const sum = new Float32Array(200_000);
      sum[150_000] = wrong;
      await expect(addNoise({ layer: sum }, settings, seededStream(1))).rejects.toThrow(
        'sum of layer: not finite',
      );
    }
  });

  it('lets the event loop run between chunks, which changes no value, and reaches every coordinate', async () => {
    let pauses = 0;
    const sum = new Float32Array(2_500_000);
    await addNoise({ sum }, settings, seededStream('pause'), async () => {
      pauses += 1;
    });
    expect(pauses).toBe(2);
    expect(sameBits(await noised(new Float32Array(2_500_000), 'pause'), sum)).toBe(true);
    // About one draw in 3,500 rounds to 0; a chunk left out would be 65,536 zeros.
    expect(sum.filter((x) => x === 0).length).toBeLessThan(2_000);
  });
});
