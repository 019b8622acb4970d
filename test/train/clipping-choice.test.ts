import { describe, expect, test } from 'vitest';
import { clippingFor } from '../../src/train/clipping-choice.ts';

type Asked = Parameters<typeof clippingFor>[0]['clipping'];

const asked = (changes: Partial<Asked> = {}): { clipping: Asked } => ({
  clipping: { kind: 'auto', norm: 'auto', gamma: 0.01, ...changes },
});
const job = (task: string, labels: 'auto' | string[]) =>
  ({ task, data: { labels } }) as Parameters<typeof clippingFor>[2];
const four = ['a', 'b', 'c', 'd'];
/** As the recipe leaves it: its own norm, or the job's. */
const choose = (clipping: Partial<Asked>, task: string, labels: 'auto' | string[]) => {
  const norm = clipping.norm ?? 'auto';
  return clippingFor(asked(clipping), { clipNorm: norm === 'auto' ? 1 : norm }, job(task, labels));
};

describe('clipping of a phase', () => {
  test('divides the norm of the recipe by the labels that the loss of a multi-label record is a mean over', () => {
    expect(choose({}, 'multi-label', four)).toEqual({
      clipping: { kind: 'flat', norm: 0.25 },
      reasons: [expect.stringContaining('clipping norm 1 / 4')],
    });
    expect(choose({ kind: 'per-layer' }, 'multi-label', four).clipping).toEqual({
      kind: 'per-layer',
      norm: 0.25,
    });
    expect(choose({}, 'classification', four)).toEqual({ clipping: { kind: 'flat', norm: 1 }, reasons: [] });
  });

  test('is automatic where the number of labels is not public', () => {
    expect(choose({}, 'multi-label', 'auto')).toEqual({
      clipping: { kind: 'automatic', norm: 1, gamma: 0.01 },
      reasons: [expect.stringContaining('not declared')],
    });
  });

  test.each(['auto' as const, four])('is what the job says, labels %j', (labels) => {
    expect(choose({ norm: 0.5 }, 'multi-label', labels)).toEqual({
      clipping: { kind: 'flat', norm: 0.5 },
      reasons: [],
    });
    expect(choose({ kind: 'automatic', gamma: 0.1 }, 'multi-label', labels)).toEqual({
      clipping: { kind: 'automatic', norm: 1, gamma: 0.1 },
      reasons: [],
    });
  });
});
