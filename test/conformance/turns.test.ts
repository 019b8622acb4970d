import { describe, expect, test } from 'vitest';
import {
  fillNormals,
  makePlan,
  mechanismOf,
  poissonSample,
  seededStream,
  type Phase,
} from '../../privacy/index.ts';
import { testNoise, type Draw } from '../../src/conformance/noise-tests.ts';
import { cycleOf, testBatches, whitened } from '../../src/conformance/turns.ts';
import { openVerdict, type Verdict } from '../../src/conformance/verdict.ts';

const units = 600;
const phase = makePlan({
  unit: { kind: 'record' },
  relation: 'add-or-remove-one',
  publicSize: units,
  delta: 1e-4,
  noiseMultiplier: 1,
  phases: [{ name: 'head', expectedBatch: 30, steps: 1200, clipping: { kind: 'flat', norm: 1 }, bands: 4 }],
}).phases[0]!;

function complaint(fill: (verdict: Verdict) => void): string {
  const verdict = openVerdict('id', 'title');
  fill(verdict);
  const { passed, detail } = verdict.close();
  return passed ? '' : detail;
}

/** Noise of consecutive steps as a mechanism of this phase draws it, in planned deviations. */
async function noiseOf(of: Phase, steps = 8): Promise<Draw[]> {
  const mechanism = mechanismOf(of, seededStream('noise'));
  const draws: Draw[] = [];
  for (let step = 0; step < steps; step++) {
    const w = new Float32Array(30_000);
    mechanism.sample(0);
    await mechanism.release({ w });
    draws.push(w.map((value) => (value * of.divisor) / of.noiseStandardDeviation));
  }
  return draws;
}
const judged = (draws: readonly Draw[]) =>
  complaint((verdict) => testNoise(verdict, '', whitened(draws, phase), []));

describe('G9: noise that is correlated as planned', () => {
  test('passes, and nothing else does', async () => {
    const right = await noiseOf(phase);
    expect(judged(right)).toBe('');
    expect(judged(right.map((draw) => draw.map((value) => 0.98 * value)))).toContain('noise scale');
    // Independent noise, under the claim that it is correlated: too little for the sums.
    const { strategy: _, ...plain } = { ...phase, sampler: 'poisson' as const };
    expect(judged(await noiseOf(plain))).toContain('noise');
    // Another strategy of the same number of bands: more correlated than is paid for.
    const other = [0.5, 0.5, 0.5, 0.4];
    expect(judged(await noiseOf({ ...phase, strategy: other }))).toContain('noise');
    // The past of a run that began anew in the middle.
    expect(judged([...right.slice(0, 4), ...(await noiseOf(phase, 4))])).toContain('noise');
  });

  test('is looked at as it is where there is no strategy', async () => {
    const { strategy: _, ...plain } = { ...phase, sampler: 'poisson' as const };
    const draws = await noiseOf(plain);
    expect(whitened(draws, plain)).toBe(draws);
    expect(cycleOf(plain)).toBe(1);
  });
});

describe('G15: turns', () => {
  const turns = Uint32Array.from({ length: units }, (_, unit) => (11 * unit) % 4);
  const batchesOf = (of: Phase, subsets: Uint32Array) => {
    const mechanism = mechanismOf(of, seededStream('turns'), 0, subsets);
    return Array.from({ length: of.steps }, () => {
      const batch = mechanism.sample(units);
      void mechanism.release({});
      return batch;
    });
  };
  const found = (batches: readonly Uint32Array[]) =>
    complaint((verdict) => testBatches(verdict, '', batches, phase, units));
  const right = batchesOf(phase, turns);

  test('pass where each unit has its own, with the rate', () => {
    expect(found(right)).toBe('');
  });

  test('are missed by Poisson sampling of everybody, whatever its rate', () => {
    for (const rate of [phase.samplingRate, phase.samplingRate / 4]) {
      const stream = seededStream(rate);
      const everybody = Array.from({ length: 1200 }, () => poissonSample(units, rate, stream));
      expect(found(everybody)).toContain('out of turn');
    }
  });

  test('fail where subsets are dealt anew, the rate is off, or batches have a fixed size', () => {
    const dealt = [
      ...right.slice(0, 600),
      ...batchesOf(
        phase,
        turns.map((turn) => (turn + 1) % 4),
      ).slice(600),
    ];
    expect(found(dealt)).toContain('out of turn');
    expect(found(batchesOf({ ...phase, samplingRate: 1.05 * phase.samplingRate }, turns))).toContain(
      'sampling rate',
    );
    const fixed = right.map((_, step) =>
      Uint32Array.from([...turns.keys()].filter((unit) => turns[unit] === step % 4)).slice(0, 30),
    );
    expect(found(fixed)).not.toBe('');
  });
});

test('normals that are no noise of a mechanism pass only where no correlation is claimed', () => {
  const draws = Array.from({ length: 6 }, (_, seed) => {
    const values = new Float64Array(30_000);
    fillNormals(values, seededStream(seed));
    return Float32Array.from(values);
  });
  expect(complaint((verdict) => testNoise(verdict, '', draws, []))).toBe('');
  expect(judged(draws)).toContain('noise');
});
