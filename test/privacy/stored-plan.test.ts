import { describe, expect, it } from 'vitest';
import {
  DriftError,
  canonicalHash,
  diffPlans,
  epsilonOf,
  makePlan,
  planFromJson,
  requireSamePlan,
} from '../../privacy/index.ts';
import type { Plan, PlanSettings } from '../../privacy/index.ts';

const settings: PlanSettings = {
  unit: { kind: 'user', maxRecords: 4 },
  relation: 'add-or-remove-one',
  publicSize: 5000,
  delta: 1e-5,
  epsilon: 4,
  phases: [
    // Sampling everyone each step keeps the accountant to its closed form, which is fast.
    { name: 'head', expectedBatch: 5000, epochs: 50, clipping: { kind: 'flat', norm: 1 } },
    {
      name: 'lora',
      expectedBatch: 5000,
      steps: 40,
      clipping: { kind: 'automatic', norm: 0.1, gamma: 0.01 },
    },
  ],
  reads: [{ name: 'loss', purpose: 'private log', disposition: 'private' }],
  bindings: { data: 'sha256:aa', weights: 'sha256:bb', code: 'v1' },
};
const plan = makePlan(settings);
type Draft = { -readonly [K in keyof Plan]: Plan[K] };
const copy = (): Draft => JSON.parse(JSON.stringify(plan)) as Draft;

/** The file with a change, and with a hash that fits the changed content: what a careful cheat would write. */
function rehashed(change: (file: Draft) => void): Draft {
  const file = copy();
  change(file);
  const { hash: _, ...body } = file;
  return { ...file, hash: canonicalHash(body) };
}

/** The file with an epsilon by some version of the accountant. */
function claim(version: string, epsilon: number): Draft {
  return rehashed((file) => Object.assign(file, { epsilon, accountant: { ...file.accountant, version } }));
}

/** What `planFromJson` throws. */
function refusal(file: unknown): unknown {
  try {
    planFromJson(file);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('plan from a file', () => {
  it('comes back the same', () => {
    const back = planFromJson(copy());
    expect(back).toEqual(plan);
    expect(Object.isFrozen(back.phases[1]!.clipping)).toBe(true);
    expect(diffPlans(plan, back)).toEqual([]);
  });

  it('G26: refuses any changed leaf, whether or not the hash was made to fit', () => {
    const changes: [string, (file: Draft) => void][] = [
      ['epsilon', (file) => Object.assign(file.phases[0]!, { steps: 51 })],
      ['phases[0].samplingRate', (file) => Object.assign(file.phases[0]!, { samplingRate: 0.05 })],
      ['phases[0].divisor', (file) => Object.assign(file.phases[0]!, { divisor: 499 })],
      [
        'phases[1].noiseStandardDeviation',
        (file) => Object.assign(file.phases[1]!, { noiseStandardDeviation: 0.01 }),
      ],
      ['phases[1].latticeSpacing', (file) => Object.assign(file.phases[1]!, { latticeSpacing: 2 ** -40 })],
      ['phases[1].clipThreshold', (file) => Object.assign(file.phases[1]!, { clipThreshold: 10 })],
      ['phases[0].sampler', (file) => Object.assign(file.phases[0]!, { sampler: 'shuffle' })],
      ['epsilon', (file) => Object.assign(file, { epsilon: 1 })],
      ['epsilon', (file) => Object.assign(file, { epsilon: 4.5 })],
      ['epsilon', (file) => Object.assign(file, { epsilon: null })],
      ['event.events[0].count', (file) => Object.assign(file.phases[0]!, { steps: 51 })],
      ['mechanism', (file) => Object.assign(file, { mechanism: '0' })],
      ['version', (file) => Object.assign(file, { version: 2 })],
      ['threads', (file) => Object.assign(file, { threads: 8 })],
      ['phases[0].note', (file) => Object.assign(file.phases[0]!, { note: 'x' })],
      ['delta', (file) => Object.assign(file, { delta: 0.5 })],
      ['unit', (file) => Object.assign(file, { unit: 'record' })],
      ['bindings', (file) => Object.assign(file, { bindings: null })],
      ['accountant.note', (file) => Object.assign(file.accountant, { note: 'x' })],
    ];
    for (const [field, change] of changes) {
      const raw = copy();
      change(raw);
      for (const file of [raw, rehashed(change)]) {
        const refused = refusal(file);
        expect(refused).toBeInstanceOf(DriftError);
        expect((refused as Error).message).toContain(field);
      }
    }
  });

  it('refuses a plan whose independent numbers were changed under the old hash', () => {
    const file = copy();
    file.bindings = { ...file.bindings, data: 'sha256:cc' };
    expect(() => planFromJson(file)).toThrow(`hash=${plan.hash}`);
  });

  it('accepts an epsilon above today’s bound and within the target, never one below', () => {
    const looser = rehashed((file) => Object.assign(file, { epsilon: (plan.epsilon + 4) / 2 }));
    expect(planFromJson(looser).epsilon).toBe((plan.epsilon + 4) / 2);
    const tighter = rehashed((file) => Object.assign(file, { epsilon: plan.epsilon * (1 - 1e-9) }));
    expect(() => planFromJson(tighter)).toThrow('epsilon');
  });

  it('accepts from another accountant what today’s interval does not refute', () => {
    const { lower, upper } = epsilonOf(plan.event, plan).epsilon;
    expect(lower).toBeLessThan(upper);
    expect(planFromJson(claim('0', lower)).epsilon).toBe(lower);
    expect(() => planFromJson(claim(plan.accountant.version, lower))).toThrow('epsilon');
    expect(() => planFromJson(claim('0', lower * (1 - 1e-12)))).toThrow('epsilon');
  });

  it('refuses what is no plan at all', () => {
    for (const wrong of [null, 1, 'x', [], {}, { phases: [] }])
      expect(() => planFromJson(wrong)).toThrow(DriftError);
  });
});

describe('difference of plans', () => {
  it('G26: names every field of a changed job', () => {
    const other = makePlan({
      ...settings,
      unit: { kind: 'record' },
      epsilon: 5,
      phases: [{ ...settings.phases[0]!, clipping: { kind: 'flat', norm: 2 } }, settings.phases[1]!],
      bindings: { ...settings.bindings, data: 'sha256:cc', weights: 'sha256:dd', code: 'v2' },
    });
    const fields = diffPlans(plan, other).map(({ field }) => field);
    const expected =
      'unit.kind unit.maxRecords target.epsilon epsilon phases[0].clipping.norm phases[0].noiseMultiplier ' +
      'phases[1].noiseMultiplier bindings.data bindings.weights bindings.code ' +
      'event.events[0].event.event.noiseMultiplier';
    for (const field of expected.split(' ')) expect(fields).toContain(field);
    for (const field of ['hash', 'delta', 'phases[0].steps', 'publicSize'])
      expect(fields).not.toContain(field);
    expect(() => requireSamePlan(plan, other)).toThrow('bindings.data: "sha256:aa" -> "sha256:cc"');
    expect(() => requireSamePlan(plan, other)).toThrow('unit.maxRecords: 4 -> nothing');
  });

  it('is empty for the same plan', () => {
    requireSamePlan(plan, makePlan(structuredClone(settings)));
    expect(diffPlans(plan, planFromJson(copy()))).toEqual([]);
  });
});
