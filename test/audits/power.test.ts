import { describe, expect, test } from 'vitest';
import {
  asPlanned,
  auditOneRun,
  gaussianFamily,
  oneRunPower,
  planFamily,
  refutesTradeOff,
} from '../../audits/index.ts';
import { muOfEpsilon } from '../../audits/statistics/normal.ts';
import { epsilonOf, readoutsOf, reproducibleRng, type DpEvent } from '../../privacy/index.ts';
import { extremesDesign, gaussianScores } from '../support/audit-worlds.ts';

const level = { delta: 1e-5, significance: 0.05 };

describe('power of a planned audit', () => {
  test('ceilings are those of the reference table', () => {
    // m, r, ceiling for any mechanism at 95 % and delta 1e-5: independent code, see docs/auditing.md.
    for (const [m, r, ceiling] of [
      [1000, 10, 1.015],
      [1000, 100, 3.4654],
      [1000, 1000, 5.7823],
      [100, 100, 3.4902],
    ] as const) {
      expect(oneRunPower({ m, r }, 4, level).ceiling).toBeCloseTo(ceiling, 3);
    }
  });

  test.each([2, 4, 8])('at epsilon %i it is what simulated audits find on average', (epsilon) => {
    const [m, r] = [1000, 200];
    const mu = muOfEpsilon(epsilon, level.delta);
    const rng = reproducibleRng(`power ${epsilon}`);
    const design = extremesDesign([r], { delta: level.delta, confidence: 0.95, methods: ['one-run'] });
    const found = Array.from({ length: 60 }, () => auditOneRun(gaussianScores(m, mu, rng), design));
    const right = found.reduce((sum, { guesses }) => sum + guesses.v / r, 0) / found.length;
    const { accuracy, epsilonLower } = oneRunPower({ m, r }, epsilon, level);
    // Standard error of the mean share: below 0.5 / sqrt(60 * 200).
    expect(Math.abs(right - accuracy)).toBeLessThan(0.015);
    const bound = found.reduce((sum, { bounds }) => sum + bounds[0]!.epsilonLower, 0) / found.length;
    expect(Math.abs(bound - epsilonLower)).toBeLessThan(0.15);
  });
});

describe("the family of the plan's own curves", () => {
  const plan: DpEvent = {
    kind: 'self-composed',
    count: 50,
    event: { kind: 'poisson-sampled', rate: 0.1, event: { kind: 'gaussian', noiseMultiplier: 1 } },
  };
  const relation = 'add-or-remove-one';
  const family = planFamily(plan, relation);

  test('has the plan itself at leakage 1, and nothing at 0', () => {
    const own = epsilonOf(plan, { delta: 1e-5, relation }).epsilon;
    expect(family.epsilon(asPlanned, 1e-5)).toBe(own.lower);
    const readouts = readoutsOf(plan, { relation });
    for (const x of [1e-3, 0.05, 0.4, 0.9]) {
      expect(family.blowUp(asPlanned)(x)).toBe(readouts.falseNegativeRate(1 - x).lower);
      expect(family.blowUp(0)(x)).toBe(x);
    }
    expect(family.epsilon(0, 1e-5)).toBe(0);
    expect(family.epsilon(2, 1e-5)).toBeGreaterThan(2 * own.lower);
  });

  test('is refuted by guesses that its plan could hardly allow, and by no others', () => {
    const refutes = (v: number) => refutesTradeOff(family.blowUp(asPlanned), { m: 400, r: 200, v }, 0.05);
    expect(refutes(120)).toBe(false);
    expect(refutes(200)).toBe(true);
    // The weaker claim of a Gaussian with the same epsilon is near: the plan's curve is close to one.
    const gaussian = muOfEpsilon(family.epsilon(asPlanned, 1e-5), 1e-5);
    const same = (v: number) => refutesTradeOff(gaussianFamily.blowUp(gaussian), { m: 400, r: 200, v }, 0.05);
    expect(Math.abs(least(refutes) - least(same))).toBeLessThanOrEqual(6);
  });
});

function least(refutes: (v: number) => boolean): number {
  return Array.from({ length: 201 }, (_, v) => v).find(refutes)!;
}
