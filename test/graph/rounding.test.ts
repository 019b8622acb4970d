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

/**
 * Positions that are alike (a common part 300 times what tells them apart) with output gradients that add up to 0, as
 * a key map's do: a ghost norm's terms cancel but for a part in 10^5, and float32 keeps little of it.
 */
it.each(['ghost', 'direct'] as const)('G1 in float32 though all terms cancel, %s', async (rule) => {
  const [units, tokens, width] = [24, 8, 64];
  const b = new GraphBuilder();
  const x = b.input('x', 'f32', ['records', 'tokens', width]);
  const r = b.input('r', 'f32', ['records', 'tokens', width]);
  b.output('loss', b.sum(b.mul(b.linear(x, b.param('w', [width, width]), 'out-in'), r), [1, 2]));
  const norm = 0.01;
  const clipping = { kind: 'flat', norm } as const;
  const request = { network: b.build(), loss: 'loss', trainable: ['w'], clipping, sizes: ruleSizes[rule] };
  const program = await engine.loadGradient(privateGradient(request));
  await engine.write({ w: { dims: [width, width], data: new Float32Array(width * width) } });

  const rng = seedrandom('cancel');
  const moves: number[] = [];
  for (let unit = 0; unit < units; unit++) {
    const common = Float64Array.from({ length: width }, () => 6 * rng() - 3);
    const data = Float32Array.from({ length: tokens * width }, (_, i) => common[i % width]! + 0.01 * rng());
    const g = Float32Array.from({ length: tokens * width }, () => rng() - 0.5);
    for (let i = 0; i < width; i++) {
      let total = 0;
      for (let t = 1; t < tokens; t++) total += g[t * width + i]!;
      g[i] = -total;
    }
    const dims = [1, tokens, width];
    await program.add({ x: { dims, data }, r: { dims, data: g } });
    const { sums, norms } = await engine.take();
    expect(Number.isFinite(norms[0]![0])).toBe(true);
    moves.push(Math.hypot(...sums['w']!));
  }
  expect(Math.max(...moves)).toBeLessThanOrEqual(norm * (1 + 1e-6));
});
