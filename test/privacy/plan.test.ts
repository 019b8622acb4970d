import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStepGuard, epsilonOf, makePlan, stepsOf } from '../../privacy/index.ts';
import type { Clipping, PerformanceSettings, PhaseSettings, PlanSettings } from '../../privacy/index.ts';
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
const noiseGiven = (noiseMultiplier: number, phases: PhaseSettings[] = [head]): PlanSettings => {
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
    for (const epsilon of [0.5, 3, 8]) {
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
    expect(makePlan(noiseGiven(noise))).toMatchObject({
      epsilon: plan.epsilon,
      target: { kind: 'noise-multiplier', noiseMultiplier: noise },
    });
    expect(() => makePlan({ ...settings, noiseMultiplier: 1 })).toThrow('exactly one must be given');
    const { epsilon: _, ...neither } = settings;
    expect(() => makePlan(neither)).toThrow('epsilon=undefined, noiseMultiplier=undefined');
  });

  it('is frozen to the leaves and does not freeze what it was made from', () => {
    const own = { ...settings, phases: [{ ...head, clipping: { ...clipping } }], bindings: { data: 'a' } };
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
    const given = noiseGiven(1);
    const { hash } = makePlan(given);
    expect(makePlan(structuredClone(given)).hash).toBe(hash);
    const changed: Partial<PlanSettings>[] = [
      { unit: { kind: 'user', maxRecords: 3 } },
      { relation: 'zero-out' },
      { publicSize: 9597 },
      { delta: 1.1e-5 },
      { noiseMultiplier: 1.1 },
      { bindings: { data: 'sha256:00' } },
      { reads: [{ name: 'loss', purpose: 'log', disposition: 'private' }] },
      ...[
        { name: 'x' },
        { expectedBatch: 513 },
        { epochs: 11 },
        { clipping: { kind: 'flat' as const, norm: 0.2 } },
      ].map((change) => ({ phases: [{ ...head, ...change }] })),
      { phases: [{ ...head, clipping: { kind: 'per-layer', norm: 0.1 } }] },
      { phases: [{ ...head, clipping: { kind: 'automatic', norm: 0.1, gamma: 0.01 } }] },
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
    expect(makePlan({ ...settings, delta: 0.99 / 9596 }).delta).toBe(0.99 / 9596);
  });

  it('G8: the relation changes the accountant’s answer, never the noise that one multiplier means', () => {
    const full: PhaseSettings = { name: 'all', expectedBatch: 9596, steps: 10, clipping };
    const added = makePlan(noiseGiven(8, [full]));
    const replaced = makePlan({ ...noiseGiven(8, [full]), relation: 'replace-one' });
    expect(replaced.phases).toEqual(added.phases);
    // Replacing one moves the sum by 2 C: the same as half of the noise.
    expect(replaced.epsilon).toBeCloseTo(makePlan(noiseGiven(4, [full])).epsilon, 9);
    expect(replaced.epsilon).toBeGreaterThan(1.9 * added.epsilon);
  });

  it('names the value, the constraint and the remedy of each wrong number', () => {
    const wrong: [Record<string, unknown>, string][] = [
      [{ publicSize: 0 }, 'publicSize=0'],
      [{ publicSize: 10.5 }, 'publicSize=10.5'],
      [{ epsilon: -1 }, 'epsilon=-1'],
      [{ epsilon: '3' }, 'epsilon="3"'],
      [{ relation: 'add' }, 'relation="add": must be one of add-or-remove-one'],
      [{ unit: { kind: 'user' } }, 'unit.maxRecords=undefined'],
      [{ unit: { kind: 'record', maxRecords: 2 } }, 'unit.maxRecords'],
      [{ phases: [] }, 'phases=[]'],
      [{ phases: [head, head] }, 'phase=head: occurs twice'],
      [{ phases: [{ ...head, expectedBatch: 9597 }] }, 'expectedBatch=9597'],
      [{ phases: [{ ...head, expectedBatch: 0 }] }, 'expectedBatch=0'],
      [{ phases: [{ ...head, epochs: 0.01 }] }, 'epochs=0.01: gives no step'],
      [{ phases: [{ ...head, steps: 5 }] }, 'epochs=10, steps=5'],
      [{ phases: [{ ...head, clipping: { kind: 'flat', norm: 0 } }] }, 'clipping.norm=0'],
      [{ phases: [{ ...head, clipping: { kind: 'none', norm: 1 } }] }, 'clipping.kind="none"'],
      [{ phases: [{ ...head, clipping: { kind: 'flat', norm: 1, gamma: 1 } }] }, 'clipping.gamma=1'],
      [{ phases: [{ ...head, clipping: { kind: 'automatic', norm: 1 } }] }, 'clipping.gamma=undefined'],
      [{ phases: [{ ...head, noiseScale: -1 }] }, 'noiseScale=-1'],
      [{ target_epsilom: 3 }, 'settings.target_epsilom'],
    ];
    for (const [change, message] of wrong) {
      expect(() => makePlan({ ...settings, ...change })).toThrow(message);
    }
  });

  it('clips below the norm by a margin for float32 rounding', () => {
    const { clipThreshold } = plan.phases[0]!;
    expect(clipThreshold).toBeLessThan(0.1 * (1 - 1e-6));
    expect(clipThreshold).toBeGreaterThan(0.1 * 0.999);
  });
});

describe('phases', () => {
  const lora: PhaseSettings = { name: 'lora', expectedBatch: 256, epochs: 20, clipping };

  it('share one calibrated factor, in the proportion of their noise scales', () => {
    const phases = [
      { ...head, noiseScale: 3 },
      { ...lora, noiseScale: 1.5 },
    ];
    const plan = makePlan({ ...settings, phases });
    expect(plan.phases[0]!.noiseMultiplier / plan.phases[1]!.noiseMultiplier).toBeCloseTo(2, 5);
    expect(plan.epsilon).toBeLessThanOrEqual(3);
    expect(plan.epsilon).toBeGreaterThan(2.997);
    expect(plan.event).toMatchObject({ kind: 'composed', events: [{ count: 187 }, { count: 749 }] });
  });

  it('split the budget by shares: alone, each costs about the epsilon of its part of mu squared', () => {
    const plan = makePlan({
      ...settings,
      phases: [
        { ...head, share: 0.8 },
        { ...lora, share: 0.2 },
      ],
    });
    expect(plan.epsilon).toBeLessThanOrEqual(3);
    expect(plan.epsilon).toBeGreaterThan(2.997);
    const alone = plan.phases.map((phase) => {
      return epsilonOf(phaseEventOf(phase), { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon.upper;
    });
    // Epsilon grows about with mu, so with the root of the share.
    expect(alone[0]! / alone[1]!).toBeGreaterThan(1.6);
    expect(alone[0]! / alone[1]!).toBeLessThan(2.6);
    const even = makePlan({
      ...settings,
      phases: [
        { ...head, share: 1 },
        { ...lora, share: 1 },
      ],
    });
    expect(even.phases[0]!.noiseMultiplier).toBeGreaterThan(plan.phases[0]!.noiseMultiplier);
    expect(even.phases[1]!.noiseMultiplier).toBeLessThan(plan.phases[1]!.noiseMultiplier);
  });

  it('refuse shares for some only, along with scales, or without a target', () => {
    expect(() => makePlan({ ...settings, phases: [{ ...head, share: 1 }, lora] })).toThrow('share=undefined');
    expect(() => makePlan({ ...settings, phases: [{ ...head, share: 1, noiseScale: 1 }] })).toThrow(
      'noiseScale=1',
    );
    expect(() => makePlan(noiseGiven(1, [{ ...head, share: 1 }]))).toThrow('share=1');
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
