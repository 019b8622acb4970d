import { describe, expect, test } from 'vitest';
import {
  auditOneRun,
  auditTwoWorlds,
  gaussianFamily,
  oneRunPValue,
  type AuditDesign,
} from '../../audits/index.ts';
import { binomialTail } from '../../audits/statistics/binomial.ts';
import { errorsOf, guessesOf } from '../../audits/statistics/tally.ts';
import { gaussianTwoWorldMu } from '../../audits/statistics/two-worlds.ts';
import { reproducibleRng } from '../../privacy/index.ts';
import {
  extremesDesign,
  gaussianScores,
  halved,
  randomisedResponse,
  thresholdDesign,
} from '../support/audit-worlds.ts';

const runs = 1000;
const confidence = 0.95;

/** Most false alarms that 1,000 runs of a bound right at its level may show: more have probability 1e-4. */
const most = Array.from({ length: runs }, (_, k) => k).find((k) => binomialTail(k + 1, runs, 0.05) < 1e-4)!;

function alarmsIn(epsilon: number, boundOf: (run: number) => number): number {
  return Array.from({ length: runs }, (_, run) => boundOf(run)).filter((bound) => bound > epsilon).length;
}

describe('G35 false alarms of the printed bounds, where the claim is exactly true', () => {
  test('the limit of the test itself', () => {
    expect(most).toBeGreaterThan(65);
    expect(most).toBeLessThan(85);
  });

  const designs: readonly [
    string,
    (level: Pick<AuditDesign, 'delta' | 'confidence' | 'methods'>) => AuditDesign,
  ][] = [
    ['one rule', (level) => extremesDesign([60], level)],
    ['four rules, corrected', (level) => extremesDesign([10, 20, 40, 80], level)],
    ['chosen on the other half', (level) => extremesDesign([10, 20, 40], level, 'held-out')],
  ];
  test.each(designs)('one run, any mechanism: %s', (name, designOf) => {
    const [epsilon, delta] = [1, 1e-4];
    const rng = reproducibleRng(`one run ${name}`);
    const design = designOf({ delta, confidence, methods: ['one-run'] });
    const alarms = alarmsIn(epsilon, () => {
      const canaries = halved(randomisedResponse(100, epsilon, delta, rng));
      return auditOneRun(canaries, design).bounds[0]!.epsilonLower;
    });
    expect(alarms).toBeLessThanOrEqual(most);
  });

  test('one run, a family of curves: the claimed one is exactly true', () => {
    const [mu, delta] = [1.2, 1e-5];
    const rng = reproducibleRng('gaussian');
    const design = extremesDesign([40], { delta, confidence, methods: ['one-run'] });
    const refuted = (claimed: number): number =>
      Array.from({ length: runs }, () =>
        auditOneRun(gaussianScores(100, mu, rng), design, gaussianFamily, claimed),
      ).filter(({ claim }) => claim!.refuted).length;
    expect(refuted(mu)).toBeLessThanOrEqual(most);
    // The bound that is printed is the largest curve that the same test refutes.
    const { bounds } = auditOneRun(gaussianScores(100, 3, rng), { ...design, methods: ['one-run-f-dp'] });
    expect(bounds[0]!.epsilonLower).toBeGreaterThan(1);
  });

  test('independent trials: any mechanism, and the Gaussian family', () => {
    const rng = reproducibleRng('two worlds');
    const design = thresholdDesign([0], { delta: 0, confidence, methods: ['clopper-pearson'] });
    const pure = alarmsIn(
      1,
      () => auditTwoWorlds(randomisedResponse(300, 1, 0, rng), design).bounds[0]!.epsilonLower,
    );
    expect(pure).toBeLessThanOrEqual(most);
    const [rule] = thresholdDesign([0.5], { delta: 0, confidence, methods: ['gaussian'] }).candidates;
    const places = Array.from({ length: 300 }, (_, k) => k);
    const conditional = alarmsIn(1, () =>
      gaussianTwoWorldMu(errorsOf(gaussianScores(300, 1, rng), rule!, places), 1 - confidence),
    );
    expect(conditional).toBeLessThanOrEqual(most);
  });

  test('the best of many rules without correction, as in published code, is found out', () => {
    const rng = reproducibleRng('trap');
    const rules = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
    const { candidates } = extremesDesign(rules, { delta: 0, confidence, methods: ['one-run'] });
    const places = Array.from({ length: 200 }, (_, k) => k);
    let alarms = 0;
    for (let run = 0; run < runs; run++) {
      const canaries = randomisedResponse(200, 0, 0, rng);
      const p = candidates.map((rule) => oneRunPValue(guessesOf(canaries, rule, places), 0, 0));
      if (Math.min(...p) < 0.05) alarms += 1;
    }
    expect(alarms).toBeGreaterThan(most);
  });
});
