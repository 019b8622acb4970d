import { describe, expect, it } from 'vitest';
import {
  epsilonOf,
  makePlan,
  mechanismOf,
  nonPrivateMechanismOf,
  poissonSample,
  reproducibleRng,
  secureStream,
  seededStream,
} from '../../privacy/index.ts';
import type { Mechanism, Phase } from '../../privacy/index.ts';
import { ACCEPT, REJECT, deviationP } from './statistics.ts';

const UNITS = 1000;
const plan = makePlan({
  unit: { kind: 'record' },
  relation: 'add-or-remove-one',
  publicSize: UNITS,
  delta: 1e-4,
  noiseMultiplier: 0.8,
  phases: [{ name: 'head', expectedBatch: 64.5, steps: 6, clipping: { kind: 'flat', norm: 0.5 } }],
});
const phase = plan.phases[0]!;
const zeros = (size = 4) => ({ w: new Float32Array(size) });

async function takeSteps(mechanism: Mechanism, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    mechanism.sample(UNITS);
    await mechanism.release(zeros());
  }
}

function epsilonAt(noiseMultiplier: number): number {
  const event = {
    kind: 'poisson-sampled',
    rate: 64.5 / UNITS,
    event: { kind: 'gaussian', noiseMultiplier },
  } as const;
  const answer = epsilonOf(
    { kind: 'self-composed', count: 6, event },
    { delta: 1e-4, relation: 'add-or-remove-one' },
  );
  return answer.epsilon.upper;
}

describe('private mechanism', () => {
  it('emits the event that the plan is accounted with', () => {
    const mechanism = mechanismOf(phase, seededStream(1));
    expect(mechanism.eventOf(mechanism.steps)).toEqual(plan.event);
  });

  it('G15: samples by the Poisson sampler at the phase’s rate, whatever the batch’s size', () => {
    for (let seed = 0; seed < 50; seed++) {
      const batch = mechanismOf(phase, seededStream(seed)).sample(UNITS);
      expect(batch).toEqual(poissonSample(UNITS, 64.5 / UNITS, seededStream(seed)));
    }
  });

  it('G9, G10: the update on zero gradients has deviation sigma C / divisor, whatever the batch', async () => {
    for (const units of [0, 10, UNITS, 5 * UNITS]) {
      const mechanism = mechanismOf(phase, seededStream(units));
      mechanism.sample(units);
      const update = zeros(300_000);
      await mechanism.release(update);
      const expected = (0.8 * 0.5) / 64.5;
      expect(deviationP(update.w, expected)).toBeGreaterThan(ACCEPT);
      expect(deviationP(update.w, 0.98 * expected)).toBeLessThan(REJECT);
      // Divided by floor(q n).
      expect(deviationP(update.w, (0.8 * 0.5) / 64)).toBeLessThan(REJECT);
    }
  });

  it('G25: sigma measured from the noise of a run gives the epsilon of the plan', async () => {
    const mechanism = mechanismOf(phase, secureStream());
    let square = 0;
    const size = 500_000;
    for (let step = 0; step < 4; step++) {
      mechanism.sample(UNITS);
      const update = zeros(size);
      await mechanism.release(update);
      square += update.w.reduce((sum, x) => sum + x * x, 0);
    }
    const sigma = (Math.sqrt(square / (4 * size)) * 64.5) / 0.5;
    // Five standard errors of the measured sigma are 0.25 %.
    expect(epsilonAt(sigma * 1.0025)).toBeLessThan(plan.epsilon);
    expect(epsilonAt(sigma / 1.0025)).toBeGreaterThan(plan.epsilon);
    expect(epsilonAt(sigma * 0.98)).toBeGreaterThan(plan.epsilon * 1.005);
  });

  it('G16: an empty batch draws noise and takes a step', async () => {
    const rare = { ...phase, expectedBatch: 1e-9, divisor: 1e-9, samplingRate: 1e-12 };
    const mechanism = mechanismOf(rare, seededStream(1));
    expect(mechanism.sample(UNITS)).toHaveLength(0);
    const update = zeros(1000);
    await mechanism.release(update);
    expect(update.w.filter((x) => x !== 0).length).toBeGreaterThan(900);
    expect(mechanism.taken).toBe(1);
  });

  it('G23: takes step T and refuses step T+1, after a resume too', async () => {
    const mechanism = mechanismOf(phase, seededStream(1));
    await takeSteps(mechanism, phase.steps);
    expect(mechanism.taken).toBe(phase.steps);
    expect(() => mechanism.sample(UNITS)).toThrow('step=7: phase head of the plan has 6 steps');
    const resumed = mechanismOf(phase, seededStream(2), 4);
    await takeSteps(resumed, 2);
    expect(() => resumed.sample(UNITS)).toThrow('step=7');
    expect(() => mechanismOf(phase, seededStream(3), phase.steps).sample(UNITS)).toThrow('step=7');
    expect(() => mechanismOf(phase, seededStream(3), 7)).toThrow('taken=7');
  });

  it('G9: one batch and one draw of noise make a step', async () => {
    const mechanism = mechanismOf(phase, seededStream(1));
    await expect(mechanism.release(zeros())).rejects.toThrow('call=release');
    mechanism.sample(UNITS);
    expect(() => mechanism.sample(UNITS)).toThrow('call=sample');
    await mechanism.release(zeros());
    await expect(mechanism.release(zeros())).rejects.toThrow('call=release');
    expect(mechanism.taken).toBe(1);
  });

  it('G11: says whether its stream was secure', () => {
    expect(mechanismOf(phase, secureStream()).secure).toBe(true);
    expect(mechanismOf(phase, seededStream(1)).secure).toBe(false);
  });

  it('refuses a phase whose numbers contradict each other', () => {
    const wrong: Partial<Phase>[] = [
      { noiseStandardDeviation: 0.3 },
      { noiseMultiplier: 0.1 },
      { divisor: 64 },
      { latticeSpacing: 2 ** -30 },
      { clipThreshold: 1 },
      { steps: 2.5 },
      { samplingRate: 1.5 },
      { clipping: { kind: 'flat', norm: 5 } },
    ];
    for (const change of wrong) {
      expect(() => mechanismOf({ ...phase, ...change }, seededStream(1))).toThrow('phase=head');
    }
  });
});

describe('non-private twin', () => {
  it('G17: claims nothing', () => {
    const mechanism = nonPrivateMechanismOf(phase, reproducibleRng(1));
    expect(mechanism.eventOf(1)).toEqual({ kind: 'non-private' });
    expect(mechanism.secure).toBe(false);
    const query = { delta: 1e-4, relation: plan.relation };
    expect(epsilonOf(mechanism.eventOf(1), query).epsilon.upper).toBe(Infinity);
  });

  it('takes every unit once an epoch, in batches of the expected size, in a new order each epoch', async () => {
    const mechanism = nonPrivateMechanismOf({ ...phase, steps: 100 }, reproducibleRng(1));
    const epochs = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      const seen: number[] = [];
      for (let i = 0; i < 16; i++) {
        const batch = mechanism.sample(UNITS);
        expect(batch).toHaveLength(i < 15 ? 65 : UNITS - 15 * 65);
        seen.push(...batch);
        await mechanism.release(zeros());
      }
      epochs.push(seen);
      expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: UNITS }, (_, unit) => unit));
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  it('goes on in the same order after a resume, and stops after the last step', async () => {
    const whole = nonPrivateMechanismOf(phase, reproducibleRng(1));
    await takeSteps(whole, 4);
    const resumed = nonPrivateMechanismOf(phase, reproducibleRng(1), 4);
    expect(resumed.sample(UNITS)).toEqual(whole.sample(UNITS));
    await resumed.release(zeros());
    await takeSteps(resumed, 1);
    expect(() => resumed.sample(UNITS)).toThrow('step=7');
  });

  it('divides by the batch and adds nothing', async () => {
    const mechanism = nonPrivateMechanismOf(phase, reproducibleRng(1));
    expect(mechanism.sample(10)).toHaveLength(10);
    const sums = { w: Float32Array.of(10, -5) };
    await mechanism.release(sums);
    expect([...sums.w]).toEqual([1, -0.5]);
    expect(mechanism.sample(0)).toHaveLength(0);
  });
});
