import { expect, test } from 'vitest';
import { overlapFigures, syntheticFigures } from '../../src/evaluate/index.ts';

test('figures of written texts', () => {
  const found = syntheticFigures(['a b', 'a b', 'a b c d', '']);
  expect(found).toEqual({
    texts: 4,
    duplicates: 0.25,
    empty: 1,
    words: { mean: 2, p10: 0, median: 2, p90: 4 },
    distinct1: 4 / 8,
    distinct2: 3 / 5,
  });
  expect(syntheticFigures([])).toMatchObject({ texts: 0, duplicates: 0, distinct1: 0 });
});

async function* all(...texts: string[]) {
  yield* texts;
}

test('overlap counts whole copies and runs of eight words, whatever their case and spacing', async () => {
  const secret = 'one two three four five six seven eight nine';
  const written = [
    'ONE two  three four five six seven eight nine',
    `zero ${secret.replace('nine', 'ten')}`,
    'short',
  ];
  const found = await overlapFigures(written, all('something else', secret, 'short of words'));
  // Four different runs were written, and two of them are the private text's.
  expect(found).toEqual({ copies: 1, shared: 2 / 4, length: 8 });
  expect(await overlapFigures(['short'], all('short'))).toEqual({ copies: 1, shared: 0, length: 8 });
  expect(await overlapFigures(written, all())).toMatchObject({ copies: 0, shared: 0 });
});
