import { describe, expect, test } from 'vitest';
import { fillNormals, poissonSample, seededStream, type PrivacyStream } from '../../privacy/index.ts';
import { scaleResolution, testNoise, testUnrelated, type Draw } from '../../src/conformance/noise-tests.ts';
import { rateResolution, testSampler } from '../../src/conformance/sampler-tests.ts';
import { openVerdict, type Verdict } from '../../src/conformance/verdict.ts';

const spans = [
  { name: 'small', start: 0, end: 9 },
  { name: 'large', start: 9, end: 30_000 },
];

function normals(size: number, stream: PrivacyStream, scale = 1): Draw {
  const values = new Float64Array(size);
  fillNormals(values, stream);
  return Float32Array.from(values, (value) => scale * value);
}

function drawsOf(count: number, stream: PrivacyStream, scale = 1): Draw[] {
  return Array.from({ length: count }, () => normals(spans.at(-1)!.end, stream, scale));
}

/** What a verdict complains of; empty where all is right. */
function complaint(fill: (verdict: Verdict) => void): string {
  const verdict = openVerdict('id', 'title');
  fill(verdict);
  const { passed, detail } = verdict.close();
  return passed ? '' : detail;
}

const ofNoise = (draws: readonly Draw[]) => complaint((verdict) => testNoise(verdict, '', draws, spans));

describe('G9, G11: tests of noise', () => {
  const right = drawsOf(9, seededStream('noise'));
  test('accept what is right, for twenty seeds', () => {
    expect(ofNoise(right)).toBe('');
    const failed = Array.from({ length: 20 }, (_, seed) => ofNoise(drawsOf(3, seededStream(seed))));
    expect(failed.filter((text) => text !== '')).toEqual([]);
  });

  test.each([
    ['a scale 2 % off', drawsOf(9, seededStream('2 %'), 1.02), 'noise scale'],
    ['a scale 2 % under', drawsOf(9, seededStream('under'), 0.98), 'noise scale'],
    ['one tensor at half', right.map((draw) => draw.map((x, i) => (i < 9 ? x / 8 : x))), 'scale of small'],
    ['one tensor without', right.map((draw) => draw.map((x, i) => (i < 9 ? 0 : x))), 'reaches every tensor'],
    ['a mean', right.map((draw) => draw.map((x) => x + 0.02)), 'noise mean'],
    ['the same step again', [right[0]!, right[0]!, right[1]!], 'from step to step'],
    ['the first step again', [right[0]!, right[1]!, right[2]!, right[0]!], 'of the first step'],
    ['both halves alike', right.map((draw) => draw.map((_, i) => draw[i % 15_000]!)), 'within a step'],
    [
      'tensors alike',
      right.map((draw) => draw.map((x, i) => (i < 9 ? draw[i + 9]! : x))),
      'tensors share noise',
    ],
    ['coins', right.map((draw) => draw.map((x) => Math.sign(x))), 'noise shape'],
    ['no number', right.map((draw) => draw.map(() => Number.NaN)), 'noise scale'],
  ])('reject %s', (_, draws, found) => {
    expect(ofNoise(draws)).toContain(found);
  });

  test('tell old noise from new after a resume', () => {
    const unrelated = (after: readonly Draw[]) =>
      complaint((verdict) => testUnrelated(verdict, 'repeats', right, after));
    expect(unrelated(drawsOf(2, seededStream('later')))).toBe('');
    expect(unrelated(right.slice(0, 2))).toContain('repeats');
    expect(unrelated(right.slice(-2))).toContain('repeats');
  });

  test('have the resolution that they print', () => {
    const error = scaleResolution(270_000);
    expect(error).toBeLessThan(0.02);
    expect(ofNoise(drawsOf(9, seededStream('edge'), 1 + error))).toContain('noise scale');
  });
});

describe('G15: tests of the sampler', () => {
  const [units, rate, steps] = [400, 0.1, 1700] as const;
  const poisson = (q: number, seed: string | number) => {
    const stream = seededStream(seed);
    return Array.from({ length: steps }, () => poissonSample(units, q, stream));
  };
  const ofSampler = (batches: readonly Uint32Array[], q: number = rate) =>
    complaint((verdict) => testSampler(verdict, '', batches, { units, rate: q }));
  /** All units in a random order. */
  const shuffled = (stream: PrivacyStream) => {
    const keys = Array.from({ length: units }, () => stream.float64());
    return Uint32Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!);
  };

  test('accept Poisson sampling, for twenty seeds, whole and rare batches', () => {
    const failed = Array.from({ length: 20 }, (_, seed) => ofSampler(poisson(rate, seed)));
    expect(failed.filter((text) => text !== '')).toEqual([]);
    expect(ofSampler(poisson(1, 'all'), 1)).toBe('');
    expect(ofSampler(poisson(1e-5, 'rare'), 1e-5)).toBe('');
  });

  test('reject a rate 5 % off, on either side', () => {
    expect(ofSampler(poisson(1.05 * rate, 'more'))).toContain('sampling rate');
    expect(ofSampler(poisson(0.95 * rate, 'less'))).toContain('sampling rate');
    expect(rateResolution(units * steps, rate)).toBeLessThan(0.05);
  });

  test('reject shuffled epochs', () => {
    const stream = seededStream('shuffle');
    const size = units * rate;
    const batches = Array.from({ length: steps / 10 }, () => shuffled(stream)).flatMap((order) =>
      Array.from({ length: 10 }, (_, i) => order.slice(i * size, (i + 1) * size).sort()),
    );
    expect(batches).toHaveLength(steps);
    expect(ofSampler(batches)).toMatch(/spread of batch sizes.*a unit in two batches/);
  });

  test('reject batches of a fixed size', () => {
    const stream = seededStream('fixed');
    const batches = Array.from({ length: steps }, () =>
      shuffled(stream)
        .slice(0, units * rate)
        .sort(),
    );
    expect(ofSampler(batches)).toContain('spread of batch sizes');
    expect(ofSampler(batches)).not.toContain('a unit in two batches');
  });

  test('reject units that come in couples, one batch for two steps, and a part left out', () => {
    const stream = seededStream('couples');
    const couples = Array.from({ length: steps }, () =>
      Uint32Array.from([...poissonSample(units / 2, rate, stream)].flatMap((k) => [2 * k, 2 * k + 1])),
    );
    expect(ofSampler(couples)).toContain('two units in a batch');
    const held = poisson(rate, 'held').map((batch, i, all) => (i % 2 === 1 ? all[i - 1]! : batch));
    expect(ofSampler(held)).toContain('a unit in two batches');
    const part = poisson((rate * 8) / 7, 'part').map((batch) => batch.filter((unit) => unit >= units / 8));
    expect(ofSampler(part)).toContain('each part of the data');
    expect(ofSampler([Uint32Array.of(3, 3), Uint32Array.of(1)])).toContain('sets of units');
  });
});

test('a check that asked nothing has not passed', () => {
  expect(openVerdict('id', 'title').close().passed).toBe(false);
});
