import type { Phase } from '../../privacy/index.ts';
import type { Draw } from './noise-tests.ts';
import { testSampler } from './sampler-tests.ts';
import type { Verdict } from './verdict.ts';

/** Steps of which each unit has one turn: as many as the noise has bands. */
export function cycleOf({ strategy }: Phase): number {
  return strategy?.length ?? 1;
}

/**
 * C times the noise of consecutive steps from the first one on, which is what the guarantee is about: independent standard
 * normals, if the noise is correlated as planned. Without a strategy the noise itself.
 */
export function whitened(draws: readonly Draw[], { strategy }: Phase): readonly Draw[] {
  if (!strategy) return draws;
  return draws.map((draw, step) => {
    const white = new Float64Array(draw.length);
    for (let lag = 0; lag < strategy.length && lag <= step; lag++) {
      const [earlier, weight] = [draws[step - lag]!, strategy[lag]!];
      for (let i = 0; i < white.length; i++) white[i]! += weight * earlier[i]!;
    }
    return Float32Array.from(white);
  });
}

/**
 * Tests the batches of consecutive steps from the first one on. Where units have turns, the batches of a cycle together are a
 * Poisson sample of all units, and no unit is ever drawn out of turn.
 */
export function testBatches(
  verdict: Verdict,
  where: string,
  batches: readonly Uint32Array[],
  phase: Phase,
  units: number,
): void {
  const cycle = cycleOf(phase);
  const rate = phase.samplingRate;
  if (cycle === 1) return testSampler(verdict, where, batches, { units, rate });
  verdict.must(`no unit is drawn out of turn ${where}`, keepTurns(batches, cycle, units));
  const whole = Array.from({ length: Math.floor(batches.length / cycle) }, (_, k) =>
    union(batches.slice(k * cycle, (k + 1) * cycle)),
  );
  testSampler(verdict, where, whole, { units, rate });
}

/** Whether each unit that is ever drawn has one place in the cycle. */
function keepTurns(batches: readonly Uint32Array[], cycle: number, units: number): boolean {
  const turns = new Int32Array(units).fill(-1);
  return batches.every((batch, step) => {
    const turn = step % cycle;
    return batch.every((unit) => {
      if (turns[unit] === -1) turns[unit] = turn;
      return turns[unit] === turn;
    });
  });
}

/** All members, ascending; twice those that are in two batches. */
function union(batches: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(batches.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const batch of batches) {
    all.set(batch, filled);
    filled += batch.length;
  }
  return all.sort();
}
