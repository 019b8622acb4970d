import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  bandedStrategy,
  costOf,
  demandOf,
  epsilonCurve,
  epsilonOf,
  makePlan,
  mechanismOf,
  planFromJson,
  poissonSample,
  prefixWeights,
  scopeOf,
  secureStream,
  seededStream,
  strategyError,
} from '../../privacy/index.ts';
import type { DpEvent, Phase, PlanSettings } from '../../privacy/index.ts';
import { correlationOf } from '../../privacy/mechanism/correlation.ts';
import { phaseOf } from '../../privacy/plan/phase.ts';
import { ACCEPT, REJECT, deviationP, twoSided } from './statistics.ts';

interface Golden {
  readonly strategies: { steps: number; bands: number; column: number[]; error: number }[];
  readonly columns: { steps: number; column: number[]; error: number }[];
  readonly inverses: { column: number[]; z: number[][]; noise: number[][] }[];
  readonly epsilons: {
    units: number;
    batch: number;
    steps: number;
    bands: number;
    noiseMultiplier: number;
    delta: number;
    epsilon: number;
  }[];
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/privacy/banded-matrix.json', import.meta.url), 'utf8'),
) as Golden;

const UNITS = 1200;
const BANDS = 4;
const relation = 'add-or-remove-one';
const settings = {
  unit: { kind: 'record' },
  relation,
  publicSize: UNITS,
  delta: 1e-4,
  noiseMultiplier: 0.8,
  phases: [
    { name: 'head', expectedBatch: 60, steps: 10, clipping: { kind: 'flat', norm: 0.5 }, bands: BANDS },
  ],
} as const satisfies PlanSettings;
const plan = makePlan(settings);
const phase = plan.phases[0]!;
const column = phase.strategy!;
const turns = Uint32Array.from({ length: UNITS }, (_, unit) => (7 * unit) % BANDS);
const squareOf = (values: readonly number[]) => values.reduce((sum, x) => sum + x * x, 0);
/** Sums of a phase's steps on zero gradients, in units of the planned deviation; and C times them. */
async function noiseOf(of: Phase, steps: number, size: number, seed: number, taken = 0) {
  const mechanism = mechanismOf({ ...of, steps: taken + steps }, seededStream(seed), taken);
  const raw: Float32Array[] = [];
  for (let step = 0; step < steps; step++) {
    const w = new Float32Array(size);
    mechanism.sample(0);
    await mechanism.release({ w });
    raw.push(w.map((value) => (value * of.divisor) / of.noiseStandardDeviation));
  }
  const white = raw.map((_, step) =>
    raw[0]!.map((__, i) => of.strategy!.reduce((sum, c, lag) => sum + c * (raw[step - lag]?.[i] ?? 0), 0)),
  );
  return { raw, white };
}
function correlationP(a: Float32Array, b: Float32Array): number {
  let [product, square] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    square += a[i]! * a[i]!;
  }
  return twoSided(product / Math.sqrt(square));
}

describe('strategy', () => {
  it('has as little error as that of JAX Privacy, and a column norm just below 1', () => {
    for (const { steps, bands, column: theirs, error } of golden.strategies) {
      const ours = bandedStrategy(bands, steps);
      expect(strategyError(theirs, steps) / error).toBeCloseTo(1, 12);
      expect(strategyError(ours, steps) / error).toBeLessThan(1 + 1e-9);
      expect(squareOf(ours)).toBeLessThanOrEqual(1 - 2 ** -40);
      expect(squareOf(ours)).toBeGreaterThan(1 - 1e-9);
      // A nearby column of norm 1 is worse.
      const other = ours.map((c, i) => c + (i === 1 ? 0.02 : 0));
      const norm = squareOf(other);
      expect(strategyError(other, steps) * norm).toBeGreaterThan(1.0001 * error);
    }
  });

  it('has the error that the matrices themselves have, whatever the column', () => {
    for (const { steps, column: any, error } of golden.columns) {
      expect(strategyError(any, steps) / error).toBeCloseTo(1, 12);
    }
    expect(strategyError([1], 9)).toBe(5);
    expect([...prefixWeights([1], 3)]).toEqual([1, 1, 1]);
  });

  it('is refused with more bands than steps, or one', () => {
    expect(() => bandedStrategy(11, 10)).toThrow("bands=11: must be at most the phase's 10 steps");
    expect(() => bandedStrategy(1, 10)).toThrow('bands=1');
  });

  it('G8: whatever turns a unit takes, the sums move by no more than one Gaussian a turn', () => {
    const matrix = Array.from({ length: phase.steps }, (_, row) =>
      Array.from({ length: phase.steps }, (__, col) => column[row - col] ?? 0),
    );
    /** Largest |C x|^2 over signs of unit contributions x at these steps. */
    const moved = (steps: readonly number[]): number => {
      let most = 0;
      for (let signs = 0; signs < 2 ** steps.length; signs++) {
        const rows = matrix.map((row) =>
          steps.reduce((sum, step, k) => sum + ((signs >> k) & 1 ? -1 : 1) * row[step]!, 0),
        );
        most = Math.max(most, squareOf(rows));
      }
      return most;
    };
    let patterns = 0;
    for (let turn = 0; turn < BANDS; turn++) {
      const own = Array.from({ length: phase.steps }, (_, step) => step).filter((s) => s % BANDS === turn);
      expect(own.length).toBeLessThanOrEqual(Math.ceil(phase.steps / BANDS));
      for (let taken = 0; taken < 2 ** own.length; taken++) {
        const steps = own.filter((_, k) => (taken >> k) & 1);
        expect(moved(steps)).toBeLessThanOrEqual(steps.length);
        patterns += 1;
      }
    }
    expect(patterns).toBe(8 + 8 + 4 + 4);
    // What no turn allows: the same columns overlap, and the noise would not cover it.
    expect(moved([0, 1])).toBeGreaterThan(2.5);
    expect(moved([0, BANDS - 1])).toBeGreaterThan(2.1);
  });
});

describe('plan with a strategy', () => {
  it('says what runs: cyclic Poisson sampling at bands times the rate, and its own event', () => {
    expect(phase).toMatchObject({
      sampler: 'cyclic-poisson',
      samplingRate: (BANDS * 60) / UNITS,
      divisor: 60,
    });
    expect(plan.event).toEqual({
      kind: 'banded-matrix',
      noiseMultiplier: 0.8,
      iterations: 10,
      bands: BANDS,
      rate: (BANDS * 60) / UNITS,
    });
    expect(mechanismOf(phase, seededStream(1)).eventOf(phase.steps)).toEqual(plan.event);
    expect(planFromJson(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  });

  it('costs what JAX Privacy and dp_accounting say', () => {
    for (const { units, batch, steps, bands, noiseMultiplier, delta, epsilon } of golden.epsilons) {
      const made = makePlan({
        ...settings,
        publicSize: units,
        delta,
        noiseMultiplier,
        phases: [{ ...settings.phases[0], expectedBatch: batch, steps, bands }],
      });
      expect(made.epsilon / epsilon).toBeGreaterThan(0.998);
      expect(made.epsilon / epsilon).toBeLessThan(1.0005);
    }
  });

  it('G17: neither sampler can be accounted as the other', () => {
    const refused = 'its numbers contradict each other';
    const { strategy: _, ...poisson } = phase;
    for (const wrong of [{ ...phase, sampler: 'poisson' as const }, poisson]) {
      expect(() => mechanismOf(wrong, seededStream(1))).toThrow(refused);
    }
    const { bands: __, ...plain } = settings.phases[0];
    const gaussian = makePlan({ ...settings, phases: [plain] }).phases[0]!;
    expect(() => mechanismOf({ ...gaussian, strategy: column }, seededStream(1))).toThrow(refused);
    expect(() => mechanismOf({ ...gaussian, sampler: 'cyclic-poisson' }, seededStream(1))).toThrow(refused);
    const swapped = JSON.parse(JSON.stringify(plan)) as { phases: { sampler: string }[] };
    swapped.phases[0]!.sampler = 'poisson';
    expect(() => planFromJson(swapped)).toThrow('phases[0].sampler');
  });

  it('G8: refuses columns of norm above 1, whoever made them', () => {
    const numbers = { ...phase, strategy: column.map((c) => c * 1.001) };
    expect(() => phaseOf(numbers, UNITS)).toThrow('squares add up to less than 1');
    expect(() => mechanismOf(numbers, seededStream(1))).toThrow('squares add up to less than 1');
    const edited = JSON.parse(JSON.stringify(plan)) as { phases: { strategy: number[] }[] };
    edited.phases[0]!.strategy[0]! += 0.01;
    expect(() => planFromJson(edited)).toThrow('strategy=[');
    for (const bad of [[1], [0, 0.5], [0.5, NaN], 'x']) {
      expect(() => phaseOf({ ...phase, strategy: bad as number[] }, UNITS)).toThrow('strategy=[');
    }
  });

  it('G8: refuses replaced units, whose subset may change, and more bands than there is room for', () => {
    expect(() => makePlan({ ...settings, relation: 'replace-one' })).toThrow('relation=replace-one');
    const few = { ...settings, phases: [{ ...settings.phases[0], expectedBatch: 400 }] };
    expect(() => makePlan(few)).toThrow('Choose at most 3 bands');
  });

  it('G22: calibrated noise costs at most the target, and within 0.1 % of it', () => {
    const { noiseMultiplier: _, ...rest } = settings;
    const two = [settings.phases[0], { ...settings.phases[0], name: 'rest', bands: 2 }];
    for (const phases of [settings.phases, two.map((one) => ({ ...one, share: 0.5 }))]) {
      const made = makePlan({ ...rest, epsilon: 4, phases });
      expect(made.epsilon).toBeLessThanOrEqual(4);
      expect(made.epsilon).toBeGreaterThan(3.996);
    }
  });

  it('G18, G21: epsilon grows with the first step of each cycle and with no other', () => {
    const curve = epsilonCurve(plan.event, [0, 1, 4, 5, 8, 9, 10], plan).map(({ epsilon }) => epsilon.upper);
    expect(curve[0]).toBe(0);
    expect(curve[1]).toBe(curve[2]);
    expect(curve[3]).toBe(curve[4]);
    expect(curve[3]).toBeGreaterThan(1.1 * curve[2]!);
    expect(curve[6]).toBe(plan.epsilon);
    const event: DpEvent = {
      kind: 'poisson-sampled',
      rate: 0.2,
      event: { kind: 'gaussian', noiseMultiplier: 0.8 },
    };
    const three: DpEvent = { kind: 'self-composed', count: 3, event };
    expect(plan.epsilon).toBe(epsilonOf(three, plan).epsilon.upper);
  });

  it('G33: a ledger charges a participation with the first step of each cycle', () => {
    const demand = demandOf(plan);
    for (const budget of [{ epsilon: 9 }, { rho: 9 }]) {
      const given = {
        name: 's',
        description: 'people',
        unit: 'record',
        relation,
        delta: 1e-4,
        budget,
      } as const;
      const scope = scopeOf(given);
      const at = (steps: number) => costOf(scope, demand, { head: steps });
      expect(at(0).every((amount) => amount === 0)).toBe(true);
      expect(at(1)).toEqual(at(4));
      expect(at(5)).toEqual(at(8));
      expect(at(9)).toEqual(at(10));
      expect(at(10)).toEqual(costOf(scope, { phases: [], once: [plan.event] }));
    }
  });
});

describe('correlated noise', () => {
  it('is C^-1 z, in however many parts it is drawn', () => {
    for (const { column: any, z, noise } of golden.inverses) {
      const correlation = correlationOf(any);
      for (const [step, row] of z.entries()) {
        correlation.begin(3);
        const parts = [Float64Array.from(row.slice(0, 2)), Float64Array.from(row.slice(2))];
        correlation.apply(parts[0]!, 0);
        correlation.apply(parts[1]!, 2);
        [...parts[0]!, ...parts[1]!].forEach((value, i) => expect(value).toBeCloseTo(noise[step]![i]!, 12));
      }
      expect(() => correlation.begin(4)).toThrow('size=4');
    }
  });

  it('G9: C times it has deviation sigma C, row by row, and no row has anything of another', async () => {
    const { raw, white } = await noiseOf(phase, 9, 60_000, 11);
    for (const row of white) {
      expect(deviationP(row, 1)).toBeGreaterThan(ACCEPT);
      expect(deviationP(row, 0.98)).toBeLessThan(REJECT);
    }
    const pairs = white.slice(1).map((row, step) => correlationP(white[step]!, row));
    expect(Math.min(...pairs)).toBeGreaterThan(ACCEPT);
    // The noise itself is neither: it takes back what the last step had.
    expect(correlationP(raw[4]!, raw[5]!)).toBeLessThan(REJECT);
    expect(deviationP(raw[5]!, 1)).toBeLessThan(REJECT);
  });

  it('leaves the error on running sums that was minimised', async () => {
    const { raw } = await noiseOf(phase, 10, 60_000, 12);
    const total = new Float64Array(60_000);
    let error = 0;
    for (const row of raw) {
      for (let i = 0; i < total.length; i++) error += (total[i]! += row[i]!) ** 2;
    }
    const measured = error / total.length / raw.length;
    expect(measured / strategyError(column, 10)).toBeCloseTo(1, 1);
    expect(measured).toBeLessThan(0.6 * strategyError([1], 10));
  });

  it('G12: noisy sums lie on the lattice', async () => {
    const mechanism = mechanismOf({ ...phase, divisor: 60 }, seededStream(3));
    for (let step = 0; step < 6; step++) {
      const w = new Float32Array(1000).fill(0.123);
      mechanism.sample(0);
      await mechanism.release({ w });
      for (const value of w) {
        const points = (value * 60) / phase.latticeSpacing;
        expect(Math.abs(points - Math.round(points))).toBeLessThan(1e-2);
      }
    }
  });

  it('G25: a unit in every one of its turns is told apart as well as its Gaussians say, and no better', async () => {
    const size = 40_000;
    const mechanism = mechanismOf(phase, secureStream());
    const present = Uint8Array.from({ length: size }, (_, i) => i % 2);
    const seen: Float32Array[] = [];
    for (let step = 0; step < phase.steps; step++) {
      const w = new Float32Array(size);
      if (step % BANDS === 1) present.forEach((is, i) => (w[i] = is * phase.clipping.norm));
      mechanism.sample(0);
      await mechanism.release({ w });
      seen.push(w.map((value) => (value * phase.divisor) / phase.noiseStandardDeviation));
    }
    const expected = seen.map((_, row) =>
      [1, 5, 9].reduce((sum, step) => sum + (column[row - step] ?? 0), 0),
    );
    const scores = Float64Array.from({ length: size }, (_, i) =>
      seen.reduce((sum, __, row) => {
        const white = column.reduce((part, c, lag) => part + c * (seen[row - lag]?.[i] ?? 0), 0);
        return sum + expected[row]! * white;
      }, 0),
    );
    const means = [0, 0];
    scores.forEach((score, i) => (means[present[i]!]! += (2 * score) / size));
    let square = 0;
    scores.forEach((score, i) => (square += (score - means[present[i]!]!) ** 2 / size));
    const distance = (means[1]! - means[0]!) / Math.sqrt(square);
    // The last turn's column is cut off by the end: sqrt(2 + its first two numbers' squares) / sigma.
    const exact = Math.sqrt(2 + column[0]! ** 2) / 0.8;
    // Five standard errors of a distance of two means.
    expect(Math.abs(distance - exact)).toBeLessThan(5 * Math.sqrt((4 + exact ** 2 / 2) / size));
    expect(distance).toBeLessThan(Math.sqrt(3) / 0.8);
  });
});

describe('cyclic Poisson sampler', () => {
  it('G15: draws from the subset whose turn it is, each unit with the rate', () => {
    const rate = phase.samplingRate;
    const counts = new Uint32Array(UNITS);
    const steps = 2000;
    const mechanism = mechanismOf({ ...phase, steps }, seededStream(5), 0, turns);
    for (let step = 0; step < steps; step++) {
      const batch = mechanism.sample(UNITS);
      expect(
        [...batch].every((unit, k) => turns[unit] === step % BANDS && (k === 0 || batch[k - 1]! < unit)),
      ).toBe(true);
      for (const unit of batch) counts[unit]! += 1;
      void mechanism.release({});
    }
    const total = counts.reduce((sum, count) => sum + count, 0);
    const trials = (steps * UNITS) / BANDS;
    const z = (p: number) => (total - p * trials) / Math.sqrt(p * (1 - p) * trials);
    expect(twoSided(z(rate))).toBeGreaterThan(ACCEPT);
    expect(twoSided(z(rate * 1.02))).toBeLessThan(REJECT);
    const first = mechanismOf(phase, seededStream(9), 0, turns).sample(UNITS);
    const members = [...turns.keys()].filter((unit) => turns[unit] === 0);
    expect([...first]).toEqual(
      [...poissonSample(members.length, rate, seededStream(9))].map((k) => members[k]),
    );
  });

  it('refuses units without a subset, or with one that has no turn', () => {
    expect(() => mechanismOf(phase, seededStream(1)).sample(UNITS)).toThrow('units=1200: 0 of them');
    expect(() => mechanismOf(phase, seededStream(1), 0, turns.slice(1)).sample(UNITS)).toThrow('units=1200');
    expect(() => mechanismOf(phase, seededStream(1), 0, Uint32Array.of(BANDS))).toThrow('subset=4');
  });
});

describe('after a resume', () => {
  it('G23, G36: turns go on where the charges ended, with noise that has no past and no repetition', async () => {
    const resumed = mechanismOf(phase, seededStream(1), 6, turns);
    expect(resumed.taken).toBe(6);
    expect([...resumed.sample(UNITS)].every((unit) => turns[unit] === 6 % BANDS)).toBe(true);
    const [before, after] = [await noiseOf(phase, 6, 50_000, 21), await noiseOf(phase, 4, 50_000, 22, 6)];
    for (const row of after.white) {
      expect(deviationP(row, 1)).toBeGreaterThan(ACCEPT);
      for (const old of before.raw) expect(correlationP(old, row)).toBeGreaterThan(ACCEPT);
    }
    // A first row of its own: C is block-diagonal, and no column reaches from one block into the next.
    expect(deviationP(after.raw[0]!, 1 / column[0]!)).toBeGreaterThan(ACCEPT);
    const last = mechanismOf(phase, seededStream(1), phase.steps, turns);
    expect(() => last.sample(UNITS)).toThrow('step=11');
  });
});
