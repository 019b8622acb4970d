import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { entityFigures, measureTexts, type WrittenText } from '../../src/evaluate/index.ts';

interface Case {
  name: string;
  texts: string[];
  references: string[][];
  bleu: number;
  chrf: number;
  rouge1: number;
  rouge2: number;
  rougeL: number;
  cider: number;
}
const golden = JSON.parse(readFileSync(new URL('../golden/texts.json', import.meta.url), 'utf8')) as {
  cases: Case[];
  entities: { truth: string[][]; predicted: string[][]; precision: number; recall: number; f1: number }[];
};
const exact = { bootstrap: 0, rng: reproducibleRng(0) };

function written(texts: readonly string[], references: readonly (readonly string[])[]): WrittenText[] {
  return texts.map((text, at) => ({ prompt: '', text, references: references[at]! }));
}

describe('figures of texts equal those of sacrebleu, rouge-score and coco-caption', () => {
  test.each(golden.cases)('$name', async ({ texts, references, ...known }) => {
    const found = await measureTexts(written(texts, references), exact);
    for (const figure of ['bleu', 'chrf', 'rouge1', 'rouge2', 'rougeL', 'cider'] as const)
      expect(found[figure]).toBeCloseTo(known[figure], 9);
  });
});

describe('entity figures equal those of seqeval', () => {
  test.each(golden.entities)('$f1', ({ truth, predicted, ...expected }) => {
    expect(entityFigures(predicted, truth)).toMatchObject({
      precision: expect.closeTo(expected.precision, 12) as number,
      recall: expect.closeTo(expected.recall, 12) as number,
      f1: expect.closeTo(expected.f1, 12) as number,
    });
  });

  test('of no entities are 0, and tags of another length are refused', () => {
    expect(entityFigures([['O']], [['O']])).toEqual({ precision: 0, recall: 0, f1: 0, entities: 0 });
    expect(() => entityFigures([['O']], [['O', 'O']])).toThrow(
      /predicted\[0\].length=1: must be that of truth, 2/,
    );
    expect(() => entityFigures([], [['O']])).toThrow(/predicted.length=0/);
  });
});

test('coverage counts the words of a prompt in any form', async () => {
  const [prompt, references] = ['dog run field', ['the dog ran']];
  const of = async (text: string) => (await measureTexts([{ prompt, text, references }], exact)).coverage;
  expect(await of('The dogs were running across a field.')).toBe(1);
  expect(await of('A dog sleeps.')).toBeCloseTo(1 / 3, 12);
  expect(await of('nothing')).toBe(0);
});

test('distinct words and pairs are shares of all that was written', async () => {
  const found = await measureTexts(written(['a b a', 'A b'], [['a'], ['a']]), exact);
  expect(found.distinct1).toBeCloseTo(2 / 5, 12);
  expect(found.distinct2).toBeCloseTo(2 / 3, 12);
  expect(found.words).toBe(2.5);
});

test('intervals hold the figure, and there are none for distinct words', async () => {
  const { texts, references } = golden.cases[0]!;
  const found = await measureTexts(written(texts, references), { bootstrap: 200, rng: reproducibleRng(1) });
  for (const figure of ['bleu', 'chrf', 'rougeL', 'cider'] as const) {
    const [low, high] = found.intervals[figure]!;
    expect(low).toBeLessThan(found[figure]!);
    expect(high).toBeGreaterThan(found[figure]!);
  }
  expect(found.intervals['distinct1']).toBeUndefined();
  expect(found.reasons['intervals.distinct1']).toBe('resamples repeat texts');
});

test('other scripts have words', async () => {
  const found = await measureTexts(written(['el niño comió'], [['El niño comió.']]), exact);
  expect(found.rougeL).toBe(1);
});

test('nothing written at all', async () => {
  const found = await measureTexts(written([''], [['a dog']]), exact);
  expect(found).toMatchObject({ bleu: 0, chrf: 0, rouge1: 0, cider: 0, distinct1: null, words: 0 });
  await expect(measureTexts(written(['a'], [[]]), exact)).rejects.toThrow(
    /references\[0\]=\[\]: must have one/,
  );
});
