import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalDim, evaluateDim, productDim, quotientDim } from '../../src/graph/index.ts';
import { broadcastShapes, substituteDim, sumDim } from '../../src/graph/dims.ts';

const sizes = { a: 2, b: 3, c: 5 };
const dims = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }))
  .map(([factor, names]) => productDim([factor, ...names]));

it('computes as numbers do', () => {
  fc.assert(
    fc.property(dims, dims, (x, y) => {
      const [p, q] = [evaluateDim(x, sizes), evaluateDim(y, sizes)];
      expect(evaluateDim(productDim([x, y]), sizes)).toBe(p * q);
      expect(quotientDim(productDim([x, y]), y)).toBe(x);
      expect(evaluateDim(sumDim(x, productDim([3, x]))!, sizes)).toBe(4 * p);
      expect(canonicalDim(x)).toBe(x);
      expect(evaluateDim(substituteDim(x, { a: 'b*c' }), sizes)).toBe(evaluateDim(x, { ...sizes, a: 15 }));
    }),
    { seed: 1 },
  );
});

it('is canonical', () => {
  expect(canonicalDim('2*tokens*records')).toBe('2*records*tokens');
  expect(productDim(['tokens', 2, 'records', 3])).toBe('6*records*tokens');
  expect(productDim(['records', 0])).toBe(0);
  expect(quotientDim('records', 'tokens')).toBeUndefined();
  expect(quotientDim('3*records', 2)).toBeUndefined();
  expect(sumDim('tokens', 1)).toBeUndefined();
  expect(sumDim('tokens', 'tokens')).toBe('2*tokens');
  expect(sumDim('tokens', 'tokens', -1)).toBe(0);
  expect(sumDim(1, 2, -1)).toBeUndefined();
  expect(broadcastShapes(['records', 1], ['tokens'])).toEqual(['records', 'tokens']);
  expect(broadcastShapes(['records'], ['tokens'])).toBeUndefined();
});

it.each([-1, 1.5, NaN, 'a-b', '2*', '', '*a'])('refuses dimension %s', (dim) => {
  expect(() => canonicalDim(dim)).toThrow(`dimension=${dim}`);
});

it('names the symbol without a size', () => {
  expect(() => evaluateDim('2*tokens', {})).toThrow('sizes.tokens=undefined');
});
