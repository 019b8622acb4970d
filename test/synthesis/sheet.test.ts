import { expect, test } from 'vitest';
import { syntheticFigures } from '../../src/evaluate/index.ts';
import { greedy } from '../../src/generate/index.ts';
import { sheetOf, type Making, type Source } from '../../src/synthesis/index.ts';
import { sheetPage } from '../../src/synthesis/sheet.ts';

const plan = {
  model: { reference: 'small' },
  privacy: {
    epsilon: 2.00001,
    delta: 1e-5,
    relation: 'add-or-remove-one',
    unit: { kind: 'record' },
    hash: 'abc',
  },
} as unknown as Source['plan'];
const source: Source = { path: 'run', plan, isPrivate: true, inside: undefined };
const making: Making = {
  settings: { ...greedy, maxNewTokens: 8, endIds: [2] },
  template: 'Of {label}:',
  shares: [
    { label: 'a|b', share: 0.25 },
    { label: 'c', share: 0.75 },
  ],
  prompts: 0,
};
const quality = { figures: syntheticFigures(['one two', 'one two', 'three']) };
const measured = (accuracy: number) => ({
  records: 50,
  accuracy,
  intervals: { accuracy: [0.1, 0.9] },
  reasons: {},
});

test('the sheet says what the texts cost and how they were made', () => {
  expect(sheetOf(source, making, quality)).toMatchObject({
    format: 'dptune-sheet/1',
    statement: expect.stringContaining('no further budget') as string,
    guarantee: { epsilon: 2.00001, plan: 'abc' },
    base: 'small',
    made: { template: 'Of {label}:', labels: { 'a|b': 0.25, c: 0.75 }, maxNewTokens: 8, seed: 0 },
    figures: { texts: 3 },
  });
});

test('G30: the model of a search costs what the whole search does', () => {
  const search = { epsilon: 7.5 } as NonNullable<Source['plan']['search']>;
  const { guarantee } = sheetOf({ ...source, plan: { ...plan, search } }, making, quality);
  expect(guarantee!.epsilon).toBe(7.5);
});

test('what a model without privacy wrote carries no guarantee', () => {
  const sheet = sheetOf({ ...source, isPrivate: false }, making, quality);
  expect(sheet).toMatchObject({
    guarantee: null,
    statement: expect.stringContaining('NOT PRIVATE') as string,
  });
  expect(sheetPage(sheet)).not.toContain('Guarantee');
});

test('the page has a row a figure, and rounds epsilon up', () => {
  const page = sheetPage(
    sheetOf(source, making, {
      ...quality,
      downstream: { classifier: measured(0.75), majority: measured(0.5) },
      likeness: {
        encoder: 'reader',
        mauve: 0.5,
        smoothed: 0.61,
        clusters: 2,
        texts: { reference: 20, written: 20 },
        caution: 'Few.',
      },
    }),
  );
  expect(page).toContain('epsilon 2.001 at delta 0.00001, for every single record (add-or-remove-one)');
  expect(page).toContain('| texts | 3 |');
  expect(page).toContain('| label a\\|b, as declared | 25.0 % |');
  expect(page).toContain('| a classifier trained on these texts | 0.750 (0.100-0.900) |');
  expect(page).toContain('| always the commonest class of the test file | 0.500 (0.100-0.900) |');
  expect(page).toContain('| MAUVE (1: alike) | 0.500 |');
  expect(page).toContain('by features of reader, 2 clusters. Few.');
});
