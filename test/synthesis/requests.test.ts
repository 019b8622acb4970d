import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { labelledRequests, labelShares, promptedRequests } from '../../src/synthesis/index.ts';

describe('shares of labels', () => {
  test('are as declared, equal unless weighted', () => {
    expect(labelShares(['bad', 'good'])).toEqual([
      { label: 'bad', share: 0.5 },
      { label: 'good', share: 0.5 },
    ]);
    expect(labelShares(['bad=1', 'good=3']).map(({ share }) => share)).toEqual([0.25, 0.75]);
    expect(labelShares(['a=b', 'x=1=2.5']).map(({ label }) => label)).toEqual(['a=b', 'x=1']);
  });

  test.each([
    [['bad'], 'label=bad: must be two at least'],
    [['bad', 'bad=2'], 'label=bad: occurs twice'],
    [['bad', 'good=0'], 'label=good=0: the weight must be above 0'],
  ])('%j is refused', (given, message) => {
    expect(() => labelShares(given)).toThrow(message);
  });
});

test('labelled requests keep the shares within one text, after any number of them', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 200 }), (given, count) => {
      const shares = labelShares(given.map((weight, at) => `label-${at}=${weight}`));
      const made = new Map(shares.map(({ label }) => [label, 0]));
      let worst = 0;
      for (const [at, { label }] of labelledRequests(count, shares, '{label}').entries()) {
        made.set(label!, made.get(label!)! + 1);
        for (const { label: each, share } of shares)
          worst = Math.max(worst, Math.abs(made.get(each)! - share * (at + 1)));
      }
      expect(worst).toBeLessThan(1 - 1 / (2 * given.length - 2) + 1e-9);
    }),
    { seed: 3 },
  );
});

test('a template holds the label wherever it says so', () => {
  const [first] = labelledRequests(1, labelShares(['$& a', 'b']), 'A {label} text, {label}:');
  expect(first).toEqual({ label: '$& a', prompt: 'A $& a text, $& a:' });
  expect(() => labelledRequests(1, labelShares(['a', 'b']), 'no label')).toThrow(
    'template=no label: must hold',
  );
});

test('prompts are taken in turn; without any there are none', () => {
  expect(promptedRequests(3, ['a', 'b']).map(({ prompt }) => prompt)).toEqual(['a', 'b', 'a']);
  expect(promptedRequests(2, undefined)).toEqual([{}, {}]);
});
