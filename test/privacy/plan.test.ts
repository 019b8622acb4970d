import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStepGuard, epsilonOf, makePlan, stepsOf } from '../../privacy/index.ts';
import type {
  Clipping,
  PerformanceSettings,
  PhaseSettings,
  Plan,
  PlanSettings,
} from '../../privacy/index.ts';
import { phaseEventOf, phaseOf } from '../../privacy/plan/phase.ts';

const clipping: Clipping = { kind: 'flat', norm: 0.1 };
const head: PhaseSettings = { name: 'head', expectedBatch: 512, epochs: 10, clipping };
const settings = {
  unit: { kind: 'record' },
  relation: 'add-or-remove-one',
  publicSize: 9596,
  delta: 1e-5,
  epsilon: 3,
  phases: [head],
} as const satisfies PlanSettings;
/** Everyone in each step: the accountant then has a closed form, which is fast. */
const full: PhaseSettings = { name: 'full', expectedBatch: 9596, epochs: 10, clipping };
const noiseGiven = (noiseMultiplier: number, phases: PhaseSettings[] = [full]): PlanSettings => {
  const { epsilon: _, ...rest } = settings;
  return { ...rest, phases, noiseMultiplier };
};

describe('plan', () => {
  const plan = makePlan(settings);

  it('holds every number that a step needs, as a public constant', () => {
    const phase = plan.phases[0]!;
    expect(phase).toMatchObject({
      sampler: 'poisson',
      steps: 187,
      expectedBatch: 512,
      divisor: 512,
      clipping,
    });
    expect(phase.samplingRate).toBe(512 / 9596);
    expect(phase.noiseStandardDeviation).toBe(phase.noiseMultiplier * 0.1);
    expect(plan.event).toEqual({
      kind: 'self-composed',
      count: 187,
      event: {
        kind: 'poisson-sampled',
        rate: 512 / 9596,
        event: { kind: 'gaussian', noiseMultiplier: phase.noiseMultiplier },
      },
    });
  });

  it('G22: a calibrated noise costs at most the target, and within 0.1 % of it', () => {
    for (const epsilon of [0.5, 8]) {
      const calibrated = makePlan({ ...settings, epsilon });
      expect(calibrated.epsilon).toBeLessThanOrEqual(epsilon);
      expect(calibrated.epsilon).toBeGreaterThan(0.999 * epsilon);
      expect(calibrated.epsilon).toBe(
        epsilonOf(calibrated.event, { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon.upper,
      );
    }
  });

  it('reports the epsilon of a given noise multiplier, and needs exactly one of the two', () => {
    const noise = plan.phases[0]!.noiseMultiplier;
    expect(makePlan(noiseGiven(noise, [head]))).toMatchObject({
      epsilon: plan.epsilon,
      target: { kind: 'noise-multiplier', noiseMultiplier: noise },
    });
    expect(() => makePlan({ ...settings, noiseMultiplier: 1 })).toThrow('exactly one must be given');
    const { epsilon: _, ...neither } = settings;
    expect(() => makePlan(neither)).toThrow('epsilon=undefined, noiseMultiplier=undefined');
  });

  it('is frozen to the leaves and does not freeze what it was made from', () => {
    const own = {
      ...noiseGiven(9),
      phases: [{ ...full, clipping: { ...clipping } }],
      bindings: { data: 'a' },
    };
    const frozen = makePlan(own);
    const leaves = [
      frozen,
      frozen.phases,
      frozen.phases[0]!,
      frozen.phases[0]!.clipping,
      frozen.event,
      frozen.bindings,
    ];
    for (const part of leaves) expect(Object.isFrozen(part)).toBe(true);
    expect(Object.isFrozen(own.phases[0]!.clipping) || Object.isFrozen(own.bindings)).toBe(false);
  });

  it('has a hash that depends on every setting, and on nothing else', () => {
    const given = noiseGiven(10);
    const { hash } = makePlan(given);
    expect(makePlan(structuredClone(given)).hash).toBe(hash);
    const changed: Partial<PlanSettings>[] = [
      { unit: { kind: 'user', maxRecords: 3 } },
      { relation: 'zero-out' },
      { publicSize: 9597 },
      { delta: 1.1e-5 },
      { noiseMultiplier: 11 },
      { bindings: { data: 'sha256:00' } },
      { reads: [{ name: 'loss', purpose: 'log', disposition: 'private' }] },
      ...[
        { name: 'x' },
        { expectedBatch: 9595.5 },
        { epochs: 11 },
        { clipping: { kind: 'flat' as const, norm: 0.2 } },
      ].map((change) => ({ phases: [{ ...full, ...change }] })),
      { phases: [{ ...full, clipping: { kind: 'per-layer', norm: 0.1 } }] },
      { phases: [{ ...full, clipping: { kind: 'automatic', norm: 0.1, gamma: 0.01 } }] },
    ];
    const hashes = new Set(changed.map((change) => makePlan({ ...given, ...change }).hash));
    hashes.add(hash);
    expect(hashes.size).toBe(changed.length + 1);
  });

  it('G6: no performance setting can enter a plan', () => {
    const performance: Required<PerformanceSettings> = {
      engine: 'onnx',
      device: 'cpu',
      threads: 2,
      microBatchTokens: 4096,
      cache: true,
    };
    type Shared = keyof PerformanceSettings & (keyof PlanSettings | keyof PhaseSettings);
    const nothingShared: [Shared] extends [never] ? true : false = true;
    expect(nothingShared).toBe(true);
    for (const [name, value] of Object.entries(performance)) {
      expect(() => makePlan({ ...settings, [name]: value })).toThrow(
        `settings.${name}: is not part of a plan`,
      );
      expect(() => makePlan({ ...settings, phases: [{ ...head, [name]: value }] })).toThrow(`phase.${name}`);
    }
  });

  it('G24: refuses a delta of 1/units or more', () => {
    for (const delta of [1 / 9596, 1e-3, 1, 0, -1, Number.NaN]) {
      expect(() => makePlan({ ...settings, delta })).toThrow(`delta=${delta}`);
    }
    expect(makePlan({ ...noiseGiven(9), delta: 0.99 / 9596 }).delta).toBe(0.99 / 9596);
  });

  it('G8: the relation changes the accountant’s answer, never the noise that one multiplier means', () => {
    const added = makePlan(noiseGiven(8));
    const replaced = makePlan({ ...noiseGiven(8), relation: 'replace-one' });
    expect(replaced.phases).toEqual(added.phases);
    // Replacing one moves the sum by 2 C: the same as half of the noise.
    expect(replaced.epsilon).toBeCloseTo(makePlan(noiseGiven(4)).epsilon, 9);
    expect(replaced.epsilon).toBeGreaterThan(1.9 * added.epsilon);
  });

  it('names the value, the constraint and the remedy of each wrong number', () => {
    const wrong: [Record<string, unknown>, string][] = [
      [{ publicSize: 0 }, 'publicSize=0'],
      [{ publicSize: 10.5 }, 'publicSize=10.5'],
      [{ noiseMultiplier: -1 }, 'noiseMultiplier=-1'],
      [{ noiseMultiplier: '3' }, 'noiseMultiplier="3"'],
      [{ epsilon: -1, noiseMultiplier: undefined }, 'epsilon=-1'],
      [{ relation: 'add' }, 'relation="add": must be one of add-or-remove-one'],
      [{ unit: { kind: 'user' } }, 'unit.maxRecords=undefined'],
      [{ unit: { kind: 'record', maxRecords: 2 } }, 'unit.maxRecords'],
      [{ phases: [] }, 'phases=[]'],
      [{ phases: [full, full] }, 'phase=full: occurs twice'],
      [{ phases: [{ ...full, expectedBatch: 9597 }] }, 'expectedBatch=9597'],
      [{ phases: [{ ...full, expectedBatch: 0 }] }, 'expectedBatch=0'],
      [{ phases: [{ ...full, epochs: 0.01 }] }, 'epochs=0.01: gives no step'],
      [{ phases: [{ ...full, steps: 5 }] }, 'epochs=10, steps=5'],
      [{ phases: [{ ...full, clipping: { kind: 'flat', norm: 0 } }] }, 'clipping.norm=0'],
      [{ phases: [{ ...full, clipping: { kind: 'none', norm: 1 } }] }, 'clipping.kind="none"'],
      [{ phases: [{ ...full, clipping: { kind: 'flat', norm: 1, gamma: 1 } }] }, 'clipping.gamma=1'],
      [{ phases: [{ ...full, clipping: { kind: 'automatic', norm: 1 } }] }, 'clipping.gamma=undefined'],
      [{ phases: [{ ...full, noiseScale: -1 }] }, 'noiseScale=-1'],
      [{ target_epsilom: 3 }, 'settings.target_epsilom'],
    ];
    for (const [change, message] of wrong) {
      expect(() => makePlan({ ...noiseGiven(9), ...change })).toThrow(message);
    }
  });

  it('clips below the norm by a margin for float32 rounding', () => {
    const { clipThreshold } = plan.phases[0]!;
    expect(clipThreshold).toBeLessThan(0.1 * (1 - 1e-6));
    expect(clipThreshold).toBeGreaterThan(0.1 * 0.999);
  });
});

/** mu^2 of each phase of T full-batch steps: T / sigma^2. */
function squares(plan: Plan): number[] {
  return plan.phases.map(({ steps, noiseMultiplier }) => steps / noiseMultiplier ** 2);
}

describe('phases', () => {
  const second: PhaseSettings = { ...full, name: 'second', epochs: 40 };
  it('share one calibrated factor, in the proportion of their noise scales', () => {
    const plan = makePlan({
      ...settings,
      phases: [
        { ...full, noiseScale: 3 },
        { ...second, noiseScale: 1.5 },
      ],
    });
    expect(plan.phases[0]!.noiseMultiplier / plan.phases[1]!.noiseMultiplier).toBeCloseTo(2, 5);
    expect(plan.epsilon).toBeLessThanOrEqual(3);
    expect(plan.epsilon).toBeGreaterThan(2.997);
    expect(plan.event).toMatchObject({ kind: 'composed', events: [{ count: 10 }, { count: 40 }] });
  });

  it('split the budget by shares: mu squared of each is its part of the whole', () => {
    for (const [share, other] of [
      [0.8, 0.2],
      [3, 3],
    ] as const) {
      const plan = makePlan({
        ...settings,
        phases: [
          { ...full, share },
          { ...second, share: other },
        ],
      });
      const [a, b] = squares(plan);
      expect(a! / (a! + b!)).toBeCloseTo(share / (share + other), 2);
      expect(plan.epsilon).toBeLessThanOrEqual(3);
      expect(plan.epsilon).toBeGreaterThan(2.997);
    }
  });

  it('split the budget of sampled phases about by shares, within the target', () => {
    const plan = makePlan({
      ...settings,
      phases: [
        { ...head, share: 0.8 },
        { ...head, name: 'b', share: 0.2 },
      ],
    });
    expect(plan.epsilon).toBeLessThanOrEqual(3);
    expect(plan.epsilon).toBeGreaterThan(2.997);
    const [a, b] = plan.phases.map((phase) => {
      return epsilonOf(phaseEventOf(phase), { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon.upper;
    });
    // Epsilon grows about with mu, so with the root of the share; equal noise would give 1, linear shares 4.
    expect(a! / b!).toBeGreaterThan(1.6);
    expect(a! / b!).toBeLessThan(2.6);
  });

  it('refuse shares for some only, along with scales, or without a target', () => {
    expect(() => makePlan({ ...settings, phases: [{ ...full, share: 1 }, second] })).toThrow(
      'share=undefined',
    );
    expect(() => makePlan({ ...settings, phases: [{ ...full, share: 1, noiseScale: 1 }] })).toThrow(
      'noiseScale=1',
    );
    expect(() => makePlan(noiseGiven(1, [{ ...full, share: 1 }]))).toThrow('share=1');
  });
});

describe('steps', () => {
  it('are floor(epochs n / batch), rounding aside', () => {
    expect(stepsOf({ publicSize: 1000, expectedBatch: 128, epochs: 1 })).toBe(7);
    expect(stepsOf({ publicSize: 100, expectedBatch: 1, epochs: 0.29 })).toBe(29);
    expect(stepsOf({ publicSize: 3, expectedBatch: 3, epochs: 1 })).toBe(1);
  });

  it('G18: calibration, plan, event and a loop that runs until refused agree for 20,000 (n, batch, epochs)', () => {
    let checked = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e6 }),
        fc.double({ min: 1e-3, max: 1, noNaN: true }),
        fc.oneof(fc.integer({ min: 1, max: 20 }), fc.double({ min: 0.1, max: 20, noNaN: true })),
        fc.boolean(),
        (publicSize, share, epochs, whole) => {
          const expectedBatch = whole ? Math.max(1, Math.round(share * publicSize)) : share * publicSize;
          fc.pre((epochs * publicSize) / expectedBatch >= 1);
          const steps = stepsOf({ publicSize, expectedBatch, epochs });
          const phase = phaseOf(
            { name: 'p', expectedBatch, steps, clipping, noiseMultiplier: 1 },
            publicSize,
          );
          const event = phaseEventOf(phase);
          const guard = createStepGuard('p', phase.steps);
          let ran = 0;
          try {
            for (;;) {
              guard.take();
              ran += 1;
            }
          } catch {
            checked += 1;
          }
          const agreed = event.kind === 'self-composed' && event.count === steps && phase.steps === steps;
          if (!agreed || ran !== steps) throw new Error(`${steps} steps planned, ${ran} run`);
          // The number of steps is that of the exact quotient, which 224 and 225 for one job cannot both be.
          const quotient = (epochs * publicSize) / expectedBatch;
          if (steps > quotient + 1e-6 || steps < quotient - 1 - 1e-6)
            throw new Error(`${steps} for ${quotient}`);
        },
      ),
      { numRuns: 20_000, seed: 18 },
    );
    expect(checked).toBeGreaterThanOrEqual(20_000);
  });
});
