import { describe, expect, it } from 'vitest';
import { createReadRegistry, makePlan } from '../../privacy/index.ts';
import type { DeclaredRead, Plan } from '../../privacy/index.ts';

const count: DeclaredRead = {
  name: 'clipped-count',
  purpose: 'adaptive clipping norm',
  disposition: 'charged',
  event: { kind: 'gaussian', noiseMultiplier: 20 },
  uses: 3,
};
const loss: DeclaredRead = {
  name: 'loss',
  purpose: 'training loss for the private log',
  disposition: 'private',
};

function planWith(reads: DeclaredRead[]): Plan {
  return makePlan({
    unit: { kind: 'record' },
    relation: 'add-or-remove-one',
    publicSize: 1000,
    delta: 1e-5,
    noiseMultiplier: 20,
    phases: [{ name: 'all', expectedBatch: 1000, steps: 100, clipping: { kind: 'flat', norm: 1 } }],
    reads,
  });
}

describe('read registry', () => {
  it('G13: lets through what is declared, as often as it is paid for', () => {
    const registry = createReadRegistry([count, loss]);
    for (let i = 0; i < 3; i++) expect(registry.use('clipped-count')).toEqual(count);
    expect(() => registry.use('clipped-count')).toThrow('read=clipped-count: the plan pays for 3 uses');
    for (let i = 0; i < 10; i++) expect(registry.use('loss').disposition).toBe('private');
    expect(registry.counts()).toEqual({ 'clipped-count': 3, loss: 10 });
  });

  it('G13: refuses a read that nobody declared', () => {
    expect(() => createReadRegistry([loss]).use('gradient-norm')).toThrow('read=gradient-norm: not declared');
    expect(() => createReadRegistry([]).use('toString')).toThrow('not declared');
  });

  it('G13: goes on counting after a resume', () => {
    const resumed = createReadRegistry([count], { 'clipped-count': 2 });
    resumed.use('clipped-count');
    expect(() => resumed.use('clipped-count')).toThrow('all are spent');
  });

  it('refuses two reads of one name', () => {
    expect(() => createReadRegistry([loss, loss])).toThrow('reads:');
  });

  it('G13: charged reads are part of the plan: more of them cost more, private ones nothing', () => {
    const none = planWith([]);
    expect(planWith([loss]).epsilon).toBe(none.epsilon);
    const charged = planWith([{ ...count, uses: 100 }]);
    expect(charged.epsilon).toBeGreaterThan(1.3 * none.epsilon);
    expect(charged.event).toEqual({
      kind: 'composed',
      events: [none.event, { kind: 'self-composed', count: 100, event: count.event }],
    });
    for (const uses of [0, 1.5, -1])
      expect(() => planWith([{ ...count, uses }])).toThrow(`read.uses=${uses}`);
  });
});
