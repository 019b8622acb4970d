import { beforeAll, describe, expect, test } from 'vitest';
import {
  buildReport,
  checkReport,
  renderBom,
  renderCard,
  renderHtml,
  type Evidence,
  type Report,
} from '../../audits/index.ts';
import { epsilonOf, makePlan, type DpEvent, type PlanSettings } from '../../privacy/index.ts';
import { fullEvidence } from './evidence.ts';

const settings: PlanSettings = {
  unit: { kind: 'record' },
  relation: 'add-or-remove-one',
  publicSize: 2000,
  delta: 1e-5,
  noiseMultiplier: 1,
  phases: [
    { name: 'head', expectedBatch: 100, steps: 30, clipping: { kind: 'flat', norm: 0.1 }, bands: 4 },
    { name: 'lora', expectedBatch: 100, steps: 20, clipping: { kind: 'flat', norm: 0.1 } },
  ],
};
const privacy = makePlan(settings);
const evidence: Evidence = { ...fullEvidence, plan: { ...fullEvidence.plan, privacy } };

let report: Report;
beforeAll(() => {
  report = buildReport(evidence);
});

describe('the report of correlated noise', () => {
  test('names the mechanism and its theorem, and which phases have it', async () => {
    const { name, sampler, noise, phases } = report.mechanism;
    expect(name).toMatch(/banded matrix .*arXiv:2306.08153.* in phase head; DP-SGD/);
    expect(sampler).toMatch(/Phase head: Cyclic Poisson: .* Others: Poisson/);
    expect(noise).toContain('the 3 steps before in phase head');
    expect(phases.map(({ bands, samplingRate }) => [bands, samplingRate])).toEqual([
      [4, 0.2],
      [1, 0.05],
    ]);
    expect(await checkReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
    const texts = [await renderHtml(report), renderCard(report), renderBom(report)];
    expect(texts[0]).toContain('Bands of correlated noise');
    expect(texts[1]).toContain('dp-ftrl');
    expect(texts[2]).toContain('dp:phase:head:bands');
  });

  test('says that the turn of a unit follows from the unit alone', () => {
    const text = JSON.stringify(report.accounting);
    expect(text).toContain('its turn follows from the unit alone');
    expect(text).toContain('the noise of earlier steps');
    expect(JSON.stringify(buildReport(fullEvidence).accounting)).not.toContain('its turn');
  });

  test('without amplification, it is as many Gaussians as a unit has turns that it takes', () => {
    const { withoutAmplification } = report.claim as {
      withoutAmplification: { epsilon: number; participations: number };
    };
    // 0.2 of 30 steps in turns of four, and 0.05 of 20 steps: 2 and 1.
    expect(withoutAmplification.participations).toBe(3);
    const gaussians: DpEvent = {
      kind: 'self-composed',
      count: 3,
      event: { kind: 'gaussian', noiseMultiplier: 1 },
    };
    expect(withoutAmplification.epsilon).toBeCloseTo(epsilonOf(gaussians, privacy).epsilon.upper, 6);
  });
});
