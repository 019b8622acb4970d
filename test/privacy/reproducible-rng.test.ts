import { describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import type { ReproducibleRng } from '../../privacy/index.ts';
import { ACCEPT, REJECT, goodnessOfFit, kolmogorovP, normalCdf } from './statistics.ts';

const draws = (rng: ReproducibleRng, count = 5) => Array.from({ length: count }, () => rng.uniform());

/** p-value that a shuffle gives all 24 orders of four items alike. */
function orderFit(shuffle: (items: number[]) => number[]): number {
  const counts = new Map<string, number>();
  for (let i = 0; i < 48_000; i++) {
    const order = shuffle([0, 1, 2, 3]).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  return goodnessOfFit([...counts.values()], new Float64Array(24).fill(1 / 24), 48_000);
}

describe('reproducible generator', () => {
  it('repeats for a seed and differs for another', () => {
    expect(draws(reproducibleRng('a'))).toEqual(draws(reproducibleRng('a')));
    expect(draws(reproducibleRng('a'))).not.toEqual(draws(reproducibleRng('b')));
    expect(draws(reproducibleRng(1))).toEqual(draws(reproducibleRng('1')));
  });

  it('forks by label only, whatever was drawn before, and unlike its parent and siblings', () => {
    const used = reproducibleRng('a');
    draws(used, 100);
    expect(draws(used.fork('x'))).toEqual(draws(reproducibleRng('a').fork('x')));
    const streams = [
      reproducibleRng('a'),
      used.fork('x'),
      used.fork('y'),
      used.fork('x').fork('x'),
      used.fork(1),
    ];
    expect(new Set(streams.map((stream) => draws(stream).join())).size).toBe(streams.length);
  });

  it('has uniform and normal distributions (Kolmogorov-Smirnov); 2 % more spread is rejected', () => {
    const rng = reproducibleRng('distribution');
    const uniform = Float64Array.from({ length: 100_000 }, () => rng.uniform());
    expect(kolmogorovP(uniform, (x) => x)).toBeGreaterThan(ACCEPT);
    const normal = Float64Array.from({ length: 1_000_000 }, () => rng.normal());
    expect(kolmogorovP(normal, normalCdf)).toBeGreaterThan(ACCEPT);
    expect(kolmogorovP(normal, (x) => normalCdf(x / 1.02))).toBeLessThan(REJECT);
  });

  it('has integers without modulo bias', () => {
    const rng = reproducibleRng('integer');
    // Drawn modulo from 2^53, the lower third of this range would come up twice as often.
    const bound = 3 * 2 ** 51;
    const thirds = [0, 0, 0];
    for (let i = 0; i < 30_000; i++) thirds[Math.floor(rng.integer(bound) / 2 ** 51)]! += 1;
    expect(goodnessOfFit(thirds, [1 / 3, 1 / 3, 1 / 3], 30_000)).toBeGreaterThan(ACCEPT);
    expect(goodnessOfFit(thirds, [0.5, 0.25, 0.25], 30_000)).toBeLessThan(REJECT);
    for (const wrong of [0, -1, 1.5, 2 ** 54]) expect(() => rng.integer(wrong)).toThrow(`bound=${wrong}`);
  });

  it('shuffles into every order alike; the naive shuffle is rejected', () => {
    const rng = reproducibleRng('shuffle');
    const naive = (items: number[]) => {
      for (let i = 0; i < items.length; i++) {
        const other = rng.integer(items.length);
        [items[i], items[other]] = [items[other]!, items[i]!];
      }
      return items;
    };
    expect(orderFit((items) => rng.shuffle(items))).toBeGreaterThan(ACCEPT);
    expect(orderFit(naive)).toBeLessThan(REJECT);
  });
});
