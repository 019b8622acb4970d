import { expect, test } from 'vitest';
import type { GradientProgram, Taken } from '../../src/engines/index.ts';
import { sumGradients } from '../../src/train/gradient.ts';

/** A source of micro-batches of `size` units whose gradient is 1 each; what a micro-batch adds is withheld if one of it is not finite. */
function fakeSource(size: number, broken: ReadonlySet<number>) {
  const asked: number[] = [];
  let waiting: Uint32Array[] = [];
  let next = new Uint32Array();
  const program: GradientProgram = {
    add: () => {
      waiting.push(next);
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  };
  function* batches(units: Uint32Array) {
    asked.push(units.length);
    for (let start = 0; start < units.length; start += size) {
      next = units.slice(start, start + size);
      yield { inputs: {}, units: next, program };
    }
  }
  const take = (): Promise<Taken> => {
    const whole = waiting.filter((batch) => !batch.some((unit) => broken.has(unit)));
    const sum = whole.reduce((total, batch) => total + batch.length, 0);
    const taken = {
      sums: { weight: Float32Array.of(sum) },
      norms: waiting.map((batch) => Float32Array.from(batch, (unit) => (broken.has(unit) ? NaN : 1))),
      losses: waiting.map((batch) => new Float32Array(batch.length)),
    };
    waiting = [];
    return Promise.resolve(taken as Taken);
  };
  return { source: { batches, take }, asked };
}

test('G3: of a micro-batch with units that are not finite the others count, once', async () => {
  const { source, asked } = fakeSource(4, new Set([5, 6, 30]));
  const sums = { weight: new Float32Array(1) };
  const units = Uint32Array.from({ length: 40 }, (_, unit) => unit);
  const { dropped, norms } = await sumGradients(units, source, sums);
  expect(sums.weight[0]).toBe(37);
  expect(dropped).toBe(3);
  expect(norms).toHaveLength(37);
  // Two micro-batches of four were withheld; of their units five are asked for again.
  expect(asked).toEqual([40, 5]);
});

test('a micro-batch may have more units than a call has arguments', async () => {
  const count = 300_000;
  const { source } = fakeSource(count, new Set([7]));
  const sums = { weight: new Float32Array(1) };
  const { norms } = await sumGradients(
    Uint32Array.from({ length: count }, (_, unit) => unit),
    source,
    sums,
  );
  expect(norms).toHaveLength(count - 1);
  expect(sums.weight[0]).toBe(count - 1);
});

test('G16: no units give zeros, and nothing is computed', async () => {
  const { source, asked } = fakeSource(4, new Set());
  const sums = { weight: Float32Array.of(9) };
  expect(await sumGradients(new Uint32Array(), source, sums)).toEqual({ norms: [], losses: [], dropped: 0 });
  expect(sums.weight[0]).toBe(0);
  expect(asked).toEqual([]);
});
