import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { initOptimizer, updateParameters } from '../../src/train/optimizers.ts';
import type { OptimizerSettings, OptimizerState, Range } from '../../src/train/optimizers.ts';

interface Golden {
  readonly start: number[];
  readonly gradients: number[][];
  readonly rates: number[];
  readonly decayed: Range[];
  readonly cases: readonly { readonly settings: OptimizerSettings; readonly path: number[][] }[];
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/train/optimizers.json', import.meta.url), 'utf8'),
) as Golden;

const adamw: OptimizerSettings = { kind: 'adamw', betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 };

/** Largest error along the path, relative to 1 (parameters are of order 1). */
function worstError(settings: OptimizerSettings, path: readonly number[][]): number {
  const state = initOptimizer(golden.start.length, settings);
  const params = Float32Array.from(golden.start);
  let worst = 0;
  for (const [step, gradient] of golden.gradients.entries()) {
    updateParameters(state, params, Float32Array.from(gradient), golden.rates[step]!);
    for (const [i, x] of path[step]!.entries()) worst = Math.max(worst, Math.abs(params[i]! - x));
  }
  return worst;
}

describe('optimizers', () => {
  it.each(golden.cases)('$settings.kind follows the reference path ($settings)', ({ settings, path }) => {
    expect(worstError({ ...settings, decayed: golden.decayed }, path)).toBeLessThan(3e-6);
  });

  it('the reference paths tell a wrong rule from the right one', () => {
    const [, sgd, adam, , decoupled, corrected] = golden.cases.map(({ settings, path }) => {
      return { settings: { ...settings, decayed: golden.decayed }, path };
    });
    const wrong: [{ path: number[][] }, OptimizerSettings][] = [
      [sgd!, { kind: 'sgd', momentum: 0.89, weightDecay: 0.1 }],
      [adam!, { ...adam!.settings, kind: 'adamw' } as OptimizerSettings],
      [decoupled!, { ...decoupled!.settings, kind: 'adam' } as OptimizerSettings],
      [decoupled!, { ...decoupled!.settings, decayed: [[0, 12]] }],
      [corrected!, { ...corrected!.settings, noiseStandardDeviation: 0.049 } as OptimizerSettings],
    ];
    for (const [{ path }, settings] of wrong) expect(worstError(settings, path)).toBeGreaterThan(3e-5);
  });

  it('goes on alike from a state that was written out and read back', () => {
    const params = Float32Array.of(1, -2, 3);
    const state = initOptimizer(3, { ...adamw, weightDecay: 0.01 });
    updateParameters(state, params, Float32Array.of(0.1, 0.2, -0.3), 0.1);
    const { settings, step } = JSON.parse(JSON.stringify(state)) as OptimizerState;
    const arrays = Object.entries(state.moments).map(([name, moment]) => [name, moment.slice()] as const);
    const restored: OptimizerState = { settings, step, moments: Object.fromEntries(arrays) };
    const again = params.slice();
    updateParameters(state, params, Float32Array.of(1, 1, 1), 0.1);
    updateParameters(restored, again, Float32Array.of(1, 1, 1), 0.1);
    expect(again).toEqual(params);
    expect(restored).toEqual(state);
    expect(state.step).toBe(2);
  });

  it('refuses settings outside their domain and arrays of another length', () => {
    const wrong: [OptimizerSettings, string][] = [
      [{ kind: 'sgd', momentum: 1, weightDecay: 0 }, 'momentum=1'],
      [{ ...adamw, betas: [0.9, 1] }, 'beta=1'],
      [{ ...adamw, epsilon: 0 }, 'epsilon=0'],
      [{ ...adamw, weightDecay: -0.1 }, 'weightDecay=-0.1'],
      [{ ...adamw, decayed: [[0, 5]] }, 'decayed=0'],
      [
        {
          ...adamw,
          decayed: [
            [2, 3],
            [1, 2],
          ],
        },
        'decayed=1',
      ],
      [
        { kind: 'dp-adam-bc', betas: [0.9, 0.999], floor: 0, noiseStandardDeviation: 1, weightDecay: 0 },
        'floor=0',
      ],
    ];
    for (const [settings, message] of wrong) expect(() => initOptimizer(4, settings)).toThrow(message);
    const state = initOptimizer(3, adamw);
    expect(() => updateParameters(state, new Float32Array(3), new Float32Array(2), 1)).toThrow('length=2');
    expect(() => updateParameters(state, new Float32Array(2), new Float32Array(2), 1)).toThrow('length=3');
  });
});
