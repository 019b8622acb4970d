import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createAverage } from '../../src/train/average.ts';
import { createSchedule, type ScheduleOptions } from '../../src/train/schedules.ts';

type Settings = Parameters<typeof createSchedule>[0];

const golden = JSON.parse(
  readFileSync(new URL('../golden/train/schedules.json', import.meta.url), 'utf8'),
) as {
  readonly shapes: readonly {
    readonly kind: 'constant' | 'linear' | 'cosine';
    readonly steps: number;
    readonly warmup: number;
    readonly learningRate: number;
    readonly rates: readonly number[];
  }[];
  readonly plateaus: readonly {
    readonly factor: number;
    readonly patience: number;
    readonly scores: readonly number[];
    readonly rates: readonly number[];
  }[];
  readonly averages: readonly {
    readonly decay: number;
    readonly path: readonly (readonly number[])[];
    readonly values: readonly (readonly number[])[];
  }[];
};

const constant: Settings = { kind: 'constant', warmup: 0, factor: 0.5, patience: 2 };

async function ratesOf(settings: Settings, { steps, learningRate }: ScheduleOptions): Promise<number[]> {
  const schedule = await createSchedule(settings, { steps, learningRate });
  return Array.from({ length: steps }, (_, step) => schedule.rate(step));
}

/** Largest difference, relative to the largest of the expected. */
function worstError(found: readonly number[], expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(found[i]! - value))) / scale;
}

describe('schedules', () => {
  it.each(golden.shapes)('$kind over $steps steps, warm-up $warmup: as torch', async (given) => {
    const found = await ratesOf({ ...constant, kind: given.kind, warmup: given.warmup }, given);
    expect(found).toHaveLength(given.rates.length);
    expect(worstError(found, given.rates)).toBeLessThan(1e-12);
  });

  it('the reference rates tell another shape, warm-up or length', async () => {
    const given = golden.shapes.find(({ kind, warmup }) => kind === 'cosine' && warmup === 0.1)!;
    const near: readonly [Settings['kind'], number, number][] = [
      ['linear', given.warmup, given.steps],
      ['cosine', 0.08, given.steps],
      ['cosine', given.warmup, given.steps + 1],
    ];
    for (const [kind, warmup, steps] of near) {
      const found = await ratesOf({ ...constant, kind, warmup }, { ...given, steps });
      expect(worstError(found, given.rates)).toBeGreaterThan(0.003);
    }
  });

  it('never reach 0 or exceed the peak before the last step, whatever the warm-up', async () => {
    for (const kind of ['constant', 'linear', 'cosine'] as const) {
      for (const warmup of [0, 0.01, 0.5, 0.99, 1]) {
        for (const steps of [1, 2, 3, 100]) {
          const rates = await ratesOf({ ...constant, kind, warmup }, { steps, learningRate: 0.1 });
          expect(Math.min(...rates)).toBeGreaterThan(0);
          expect(Math.max(...rates)).toBeLessThanOrEqual(0.1);
        }
      }
    }
  });

  it.each(golden.plateaus)(
    'plateau (factor $factor, patience $patience): as torch, also through checkpoints',
    async (given) => {
      const settings: Settings = {
        ...constant,
        kind: 'plateau',
        factor: given.factor,
        patience: given.patience,
      };
      const options = { steps: 100, learningRate: 0.5 };
      const whole = await createSchedule(settings, options);
      let resumed = await createSchedule(settings, options);
      const [found, throughCheckpoints]: [number[], number[]] = [[], []];
      for (const score of given.scores) {
        whole.observe(score);
        found.push(whole.rate(50));
        resumed.observe(score);
        const saved: unknown = JSON.parse(JSON.stringify(resumed.state()));
        resumed = await createSchedule(settings, { ...options, saved });
        throughCheckpoints.push(resumed.rate(50));
      }
      expect(worstError(found, given.rates)).toBeLessThan(1e-12);
      expect(throughCheckpoints).toEqual(found);
      expect(new Set(found).size).toBeGreaterThan(2);
    },
  );

  it.each([NaN, -Infinity])('plateau takes a score of %d for no progress, first or later', async (score) => {
    const schedule = await createSchedule({ ...constant, kind: 'plateau' }, { steps: 10, learningRate: 1 });
    schedule.observe(score);
    schedule.observe(score);
    expect(schedule.rate(0)).toBe(0.5);
    schedule.observe(0.1);
    schedule.observe(score);
    expect(schedule.state()).toEqual({ factor: 0.5, best: 0.1, waited: 1 });
    expect(JSON.parse(JSON.stringify(schedule.state()))).toEqual(schedule.state());
  });

  it('other schedules do not listen to scores', async () => {
    const schedule = await createSchedule({ ...constant, patience: 1 }, { steps: 10, learningRate: 1 });
    for (const score of [3, 2, 1]) schedule.observe(score);
    expect(schedule.rate(5)).toBe(1);
  });

  it('an expression in step and steps is the factor on the rate, after the warm-up', async () => {
    const settings: Settings = {
      ...constant,
      kind: 'expression',
      expression: 'step < 6 ? 1 : (steps - step)/steps',
    };
    const rates = await ratesOf({ ...settings, warmup: 0.2 }, { steps: 10, learningRate: 2 });
    const expected = [2 / 3, 4 / 3, 2, 2, 2, 2, 0.8, 0.6, 0.4, 0.2];
    expect(worstError(rates, expected)).toBeLessThan(1e-12);
  });

  it.each([
    ['1 - step/5', /gives -0\.1999\d* at step=6, steps=10/],
    ['1/(step - 7)', /gives -0\.14\d* at step=0/],
    ['1/abs(step - 7)', /gives Infinity at step=7, steps=10/],
    ['sqrt(5 - step)', /step=6/],
  ])('the expression %s is refused before any step', async (expression, message) => {
    const settings: Settings = { ...constant, kind: 'expression', expression };
    await expect(createSchedule(settings, { steps: 10, learningRate: 1 })).rejects.toThrow(message);
  });
});

describe('averages of parameters', () => {
  const start = () => Float32Array.from(golden.averages[0]!.path[0]!);
  const paths = golden.averages.map(({ decay, path, values }) => {
    return { decay, updates: path.slice(1).map((latest) => Float32Array.from(latest)), values };
  });

  it.each(paths)(
    'decay $decay: as torch, and bit for bit the same through a checkpoint',
    ({ decay, updates, values }) => {
      const whole = createAverage(start(), decay);
      let resumed = createAverage(start(), decay);
      for (const [step, latest] of updates.entries()) {
        whole.add(latest);
        resumed.add(latest);
        resumed = createAverage(latest, decay, { values: resumed.values.slice(), steps: step + 1 });
        expect(worstError([...whole.values], values[step]!)).toBeLessThan(3e-6);
        expect(resumed.values).toEqual(whole.values);
      }
    },
  );

  it('the reference tells a forgotten step count and another decay', () => {
    const { decay, updates, values } = paths[1]!;
    const wrong: readonly [number, number][] = [
      [0.79, 0],
      [decay, 1],
    ];
    for (const [otherDecay, steps] of wrong) {
      const average = createAverage(start(), otherDecay, { values: start(), steps });
      const errors = updates.map((latest, step) => {
        average.add(latest);
        return worstError([...average.values], values[step]!);
      });
      expect(Math.max(...errors)).toBeGreaterThan(1e-3);
    }
  });

  it('without decay are the parameters themselves, and with it never change them', () => {
    const parameters = start();
    expect(createAverage(parameters, 0).values).toBe(parameters);
    const saved = { values: Float32Array.of(1, 2, 3), steps: 5 };
    createAverage(parameters, 0.5, saved).add(Float32Array.of(9, 9, 9));
    expect(parameters).toEqual(start());
    expect(saved.values).toEqual(Float32Array.of(1, 2, 3));
  });
});
