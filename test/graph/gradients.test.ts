import { describe, expect, it } from 'vitest';
import { plainGradient, privateGradient, ruleKey } from '../../src/graph/index.ts';
import { gradientCases, modelCases, ruleSizes, type GradientCase } from '../support/cases.ts';
import { relativeError, runGradient } from '../support/sums.ts';

const tolerance = 1e-5;

/** Some gradients are 0 but for rounding (a key's bias): they count against the whole. */
function expectSums(actual: Readonly<Record<string, readonly number[]>>, wanted: typeof actual): void {
  const scale = Math.hypot(...Object.values(wanted).flat());
  const wrong = Object.entries(wanted).filter(
    ([name, sum]) => !(relativeError(actual[name] ?? [], sum, 1e-3 * scale) < tolerance),
  );
  expect(wrong.map(([name]) => name)).toEqual([]);
  expect(Object.keys(actual).sort()).toEqual(Object.keys(wanted).sort());
}

describe.each(gradientCases.map((c) => [c.name, c] as const))('PyTorch gradients: %s', (_name, golden) => {
  const { request, inputs, params, expected } = golden;

  it('plain sums', () => {
    const actual = runGradient(plainGradient(request), inputs, params);
    expect(relativeError(actual.losses, expected.losses)).toBeLessThan(tolerance);
    expectSums(actual.sums, expected.sums);
  });

  it.each(Object.keys(ruleSizes) as (keyof typeof ruleSizes)[])(
    'G2 G7 norms and clipped sums, %s',
    (rule) => {
      for (const [kind, clipped] of Object.entries(expected.clipped)) {
        const clipping = { kind: kind as 'flat', norm: expected.clipNorm, gamma: 0.01 };
        const gradient = privateGradient({ ...request, clipping, sizes: ruleSizes[rule] });
        const actual = runGradient(gradient, inputs, params);
        expect(relativeError(actual.losses, expected.losses)).toBeLessThan(tolerance);
        for (const [i, norm] of actual.norms.entries()) {
          expect(Math.abs(norm / expected.norms[i]! - 1)).toBeLessThan(tolerance);
        }
        expectSums(actual.sums, clipped);
      }
    },
  );
});

function paramNormErrors({ request, inputs, params, expected }: GradientCase): number[] {
  return request.trainable.map((name) => {
    const clipping = { kind: 'flat', norm: 1 } as const;
    const alone = { ...request, trainable: [name], clipping, sizes: ruleSizes.ghost };
    const { norms } = runGradient(privateGradient(alone), inputs, params);
    // A key's gradient nearly cancels: its norm may be larger by the bound of rounding, which the whole's hardly is.
    const wanted = expected.paramNorms[name]!;
    return Math.max(
      ...norms.map((norm, i) => relativeError([norm], [wanted[i]!], 0.01 * expected.norms[i]!)),
    );
  });
}

it.each(gradientCases.map((c) => [c.name, c] as const))(
  'G2 norm of each parameter alone: %s',
  (_name, golden) => {
    expect(Math.max(...paramNormErrors(golden))).toBeLessThan(tolerance);
  },
);

it('forces either rule by the sizes', () => {
  for (const { request } of modelCases) {
    expect(ruleKey({ ...request, sizes: ruleSizes.ghost })).not.toContain('direct');
    expect(ruleKey({ ...request, sizes: ruleSizes.direct })).toContain('direct');
  }
});
