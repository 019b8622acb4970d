import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { layersOf, logDecay } from '../../privacy/accounting/decay.ts';
import { rotation } from '../../privacy/accounting/elementary.ts';
import { mixtureOf, noCut } from '../../privacy/accounting/mixture.ts';
import type { Cut } from '../../privacy/accounting/mixture.ts';
import { normalTail } from '../../privacy/accounting/normal.ts';
import { lossAt } from '../../privacy/accounting/pairs.ts';
import type { LossPair } from '../../privacy/accounting/pairs.ts';
import { poissonGaussian } from '../../privacy/accounting/sampled-pairs.ts';
import { gaussianMixture, swapped } from '../../privacy/accounting/smooth-pairs.ts';
import { logQuadratureError } from '../../privacy/accounting/strip.ts';

const relation = 'add-or-remove-one';
const golden = JSON.parse(
  readFileSync(new URL('../golden/accounting/contour.json', import.meta.url), 'utf8'),
) as { rotations: [number, number, number][] };

const mixtures: readonly [string, LossPair, number, Cut][] = [
  ['a Gaussian', gaussianMixture([[1, 0.5]], [[1, 0]]), 3, noCut],
  ['sampled', poissonGaussian(0.01, 1, relation), 4, noCut],
  ['sampled, added', swapped(poissonGaussian(0.05, 1, relation)), 4, noCut],
  ['replaced', poissonGaussian(0.2, 1, 'replace-one'), 1.5, noCut],
  ['sampled and cut', poissonGaussian(0.001, 1, relation), 9, { at: 4, width: 0.25 }],
];

describe('parts of the certificate, against plain sums over a fine grid', () => {
  test.each(mixtures)('%s: no frequency from the cutoff on exceeds the bound', (_, one, tilt, cut) => {
    const { losses, weights, logMoment } = tilted(one, tilt, 1 / 64, cut);
    const layers = layersOf({ ...mixtureOf(one)!, cut }, tilt, logMoment, -6, 14);
    const spread = Math.sqrt(
      weights.reduce((sum, w, k) => sum + w * losses[k]! ** 2, 0) -
        weights.reduce((sum, w, k) => sum + w * losses[k]!, 0) ** 2,
    );
    for (const from of [0.3, 1, 3]) {
      const bound = logDecay(layers, from / spread);
      let largest = 0;
      for (let omega = from / spread; omega < 40 / spread; omega *= 1.02) {
        let re = 0;
        let im = 0;
        weights.forEach((w, k) => {
          re += w * Math.cos(omega * losses[k]!);
          im += w * Math.sin(omega * losses[k]!);
        });
        largest = Math.max(largest, Math.hypot(re, im));
      }
      expect(Math.log(largest)).toBeLessThanOrEqual(bound);
      // And it is of use: a tenth of the fall at least.
      expect(bound).toBeLessThan(0.1 * Math.log(largest));
    }
  });

  test.each(mixtures)('%s: quadrature errs by less than its bound', (_, one, tilt, cut) => {
    const spacing = cut === noCut ? 1 : 1 / 4;
    const { logMoment } = tilted(one, tilt, 1 / 64, cut);
    const { logMoment: coarse } = tilted(one, tilt, spacing, cut);
    const error = Math.abs(Math.expm1(coarse - logMoment)) * Math.exp(logMoment);
    const bound = Math.exp(logQuadratureError({ ...mixtureOf(one)!, cut }, spacing, tilt, 0));
    expect(error).toBeLessThanOrEqual(bound + 1e-13);
    // Finer nodes err less, higher frequencies more.
    const at = (apart: number, frequency: number): number =>
      logQuadratureError({ ...mixtureOf(one)!, cut }, apart, tilt, frequency);
    expect(at(0.25, 10)).toBeLessThan(at(0.5, 10));
    expect(at(0.25, 10)).toBeLessThan(at(0.25, 40));
    expect(at(1 / 16, 20)).toBeLessThan(-30);
  });
});

/** The tilted loss on evenly spaced x, by plain sums. */
function tilted(
  one: LossPair,
  tilt: number,
  spacing: number,
  cut: Cut,
): {
  readonly losses: number[];
  readonly weights: number[];
  readonly logMoment: number;
} {
  const piece = one.pieces[0]!;
  const losses: number[] = [];
  const weights: number[] = [];
  for (let x = -16; x <= 24; x += spacing) {
    const loss = lossAt(piece, x);
    const density = piece.p.reduce((sum, term) => sum + Math.exp(term.log + term.rate * x - (x * x) / 2), 0);
    losses.push(loss);
    weights.push(spacing * density * Math.exp(tilt * loss) * normalTail((x - cut.at) / cut.width));
  }
  const total = weights.reduce((sum, w) => sum + w, 0);
  return { losses, weights: weights.map((w) => w / total), logMoment: Math.log(total) };
}

test('rotations are within 2^-52 of the lesser of 2 and |x|, or of themselves, of 30-digit values', () => {
  expect(golden.rotations.length).toBeGreaterThan(200);
  for (const [x, cosine, sine] of golden.rotations) {
    const { re, im } = rotation(x);
    const allowed = 2 ** -52 * Math.min(2, Math.abs(x));
    expect(Math.abs(re - cosine)).toBeLessThanOrEqual(Math.max(2 ** -52 * Math.abs(cosine), allowed));
    expect(Math.abs(im - sine)).toBeLessThanOrEqual(allowed);
  }
  expect(rotation(2e6).re).toBeNaN();
});
