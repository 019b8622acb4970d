import { expect, test } from 'vitest';
import { createTfjsEngine } from '../../src/engines/index.ts';

test('engines may be created at once, before any backend was started', async () => {
  const backends = ['wasm', 'cpu', 'wasm'] as const;
  const engines = await Promise.all(backends.map((backend) => createTfjsEngine({ backend })));
  expect(engines.map(({ device }) => device)).toEqual([
    expect.stringContaining('wasm'),
    expect.stringContaining('plain JavaScript'),
    expect.stringContaining('wasm'),
  ]);
  await Promise.all(engines.map((engine) => engine.dispose()));
});
