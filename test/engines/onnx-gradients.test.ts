import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOnnxEngine } from '../../src/engines/index.ts';
import type { Engine } from '../../src/engines/index.ts';
import { modelCases } from '../support/cases.ts';
import { clipped, describeGradients, errorOf, named, run } from './gradient-conformance.ts';

describeGradients('onnx', () => createOnnxEngine({ threads: 1 }));

let engines: Engine[];
beforeAll(async () => {
  engines = await Promise.all([1, 3].map((threads) => createOnnxEngine({ threads })));
});
afterAll(() => Promise.all(engines.map((engine) => engine.dispose())));

test.each(named(modelCases))('G6 the number of threads gives the same sums: %s', async (_name, golden) => {
  const taken = await Promise.all(
    engines.map((engine) => run(engine, clipped(golden), golden.params, golden.inputs)),
  );
  expect(errorOf(taken[1]!.sums, taken[0]!.sums)).toBeLessThan(2e-6);
});
