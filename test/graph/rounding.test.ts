import seedrandom from 'seedrandom';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createOnnxEngine } from '../../src/engines/index.ts';
import type { Engine } from '../../src/engines/index.ts';
import { GraphBuilder, privateGradient } from '../../src/graph/index.ts';
import { ruleSizes } from '../support/cases.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await createOnnxEngine();
});
afterAll(() => engine.dispose());

const norm = 0.01;

/** The largest move of one unit, with a linear map [width, width] and inputs x, r of [tokens, width] for each unit. */
async function largestMove(
  rule: keyof typeof ruleSizes,
  [tokens, width]: readonly [number, number],
  units: readonly { readonly x: Float32Array; readonly r: Float32Array }[],
): Promise<number> {
  const b = new GraphBuilder();
  const x = b.input('x', 'f32', ['records', 'tokens', width]);
  const r = b.input('r', 'f32', ['records', 'tokens', width]);
  b.output('loss', b.sum(b.mul(b.linear(x, b.param('w', [width, width]), 'out-in'), r), [1, 2]));
  const clipping = { kind: 'flat', norm } as const;
  const request = { network: b.build(), loss: 'loss', trainable: ['w'], clipping, sizes: ruleSizes[rule] };
  const program = await engine.loadGradient(privateGradient(request));
  await engine.write({ w: { dims: [width, width], data: new Float32Array(width * width) } });
  const dims = [1, tokens, width];
  const moves: number[] = [];
  for (const unit of units) {
    await program.add({ x: { dims, data: unit.x }, r: { dims, data: unit.r } });
    const { sums, norms } = await engine.take();
    expect(Number.isFinite(norms[0]![0])).toBe(true);
    moves.push(Math.sqrt(sums['w']!.reduce((total, g) => total + g * g, 0)));
  }
  return Math.max(...moves);
}

/**
 * Positions that are alike (a common part 300 times what tells them apart) with output gradients that add up to 0, as
 * a key map's do: a ghost norm's terms cancel but for a part in 10^5, and float32 keeps little of it.
 */
it.each(['ghost', 'direct'] as const)('G1 in float32 though all terms cancel, %s', async (rule) => {
  const [tokens, width] = [8, 64];
  const rng = seedrandom('cancel');
  const units = Array.from({ length: 24 }, () => {
    const common = Float64Array.from({ length: width }, () => 6 * rng() - 3);
    const x = Float32Array.from({ length: tokens * width }, (_, i) => common[i % width]! + 0.01 * rng());
    const r = Float32Array.from({ length: tokens * width }, () => rng() - 0.5);
    for (let i = 0; i < width; i++) {
      let total = 0;
      for (let t = 1; t < tokens; t++) total += r[t * width + i]!;
      r[i] = -total;
    }
    return { x, r };
  });
  expect(await largestMove(rule, [tokens, width], units)).toBeLessThanOrEqual(norm * (1 + 1e-6));
});

/** A sum of a million squares, one after the other, loses what is small beside the total. */
it.each(['ghost', 'direct'] as const)('G1 in float32 though the parameter is large, %s', async (rule) => {
  const [tokens, width] = [2, 1024];
  const rng = seedrandom('large');
  const draw = (): Float32Array => Float32Array.from({ length: tokens * width }, () => rng() - 0.5);
  const units = Array.from({ length: 3 }, () => ({ x: draw(), r: draw() }));
  expect(await largestMove(rule, [tokens, width], units)).toBeLessThanOrEqual(norm * (1 + 1e-6));
});
