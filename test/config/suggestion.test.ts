import { expect, test } from 'vitest';
import { suggestionFor } from '../../src/config/index.ts';

const known = [
  'epsilon',
  'delta',
  'noiseMultiplier',
  'unit',
  'maxRecordsPerUser',
  'batchSize',
  'learningRate',
  'per-layer',
  'adam',
  'adamw',
];

test.each([
  ['epsilom', 'epsilon'],
  ['target_epsilom', 'epsilon'],
  ['batch-size', 'batchSize'],
  ['BATCHSIZE', 'batchSize'],
  ['learning_rate', 'learningRate'],
  ['lr', undefined],
  ['noise', 'noiseMultiplier'],
  ['noisemultipler', 'noiseMultiplier'],
  ['perlayer', 'per-layer'],
  ['dleta', 'delta'],
  ['adamw2', 'adamw'],
  ['maxRecords', 'maxRecordsPerUser'],
  ['frobnicate', undefined],
  ['', undefined],
  ['x'.repeat(10_000), undefined],
])('%s -> %s', (word, expected) => {
  expect(suggestionFor(word, known)).toBe(expected);
});
