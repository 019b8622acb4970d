import { expect, test } from 'vitest';
import { editSimilarity, extractionCounts } from '../../audits/index.ts';

const tokens = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));

test('edit similarity is one less the Levenshtein distance over the longer length', () => {
  // Levenshtein's own pairs: kitten/sitting 3, flaw/lawn 2.
  expect(editSimilarity(tokens('kitten'), tokens('sitting'))).toBeCloseTo(1 - 3 / 7, 12);
  expect(editSimilarity(tokens('flaw'), tokens('lawn'))).toBeCloseTo(1 - 2 / 4, 12);
  expect(editSimilarity(tokens('abc'), [])).toBe(0);
  expect(editSimilarity([], [])).toBe(1);
});

test('counts what is the same word for word, nearly so, and token by token', () => {
  const actual = tokens('abcdefghij');
  const counts = extractionCounts([
    { actual, written: actual },
    // One token is another: near. One is missing, and all after it stand elsewhere: distance 2, not near.
    { actual, written: tokens('abcdeXghij') },
    { actual, written: tokens('bcdefghijk') },
    { actual, written: tokens('XXXXXXXXXX') },
  ]);
  expect(counts).toMatchObject({ tried: 4, exact: 1, nearExact: 2 });
  expect(counts.agreement).toBeCloseTo((1 + 0.9 + 0 + 0) / 4, 12);
  expect(extractionCounts([])).toEqual({ tried: 0, exact: 0, nearExact: 0, agreement: 0 });
});

test('a part of a continuation is not compared with the whole', () => {
  expect(() => extractionCounts([{ actual: [1, 2], written: [1] }])).toThrow(/written=1/);
});
