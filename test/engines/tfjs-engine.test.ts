import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Engine, Tensor, Tensors } from '../../src/engines/engine.ts';
import { activate, loadBackend } from '../../src/engines/tfjs/backend.ts';
import { createTfjsEngine } from '../../src/engines/index.ts';
import { evaluate, prepare } from '../../src/engines/tfjs/evaluation.ts';
import { GraphBuilder } from '../../src/graph/index.ts';
import type { GradientGraph } from '../../src/graph/index.ts';
import { backendsHere } from './tfjs-backends.ts';

const floats = (dims: readonly number[], data: readonly number[]): Tensor => ({
  dims,
  data: Float32Array.from(data),
});
const ints = (dims: readonly number[], data: readonly number[]): Tensor => ({
  dims,
  data: Int32Array.from(data),
});

/**
 * Stands in for a private gradient: per record a row of x. Sums: `table` gets x at rows `ids` and, tied, the dense
 * product of all ones with x; `gain` the sum of x; `scale` (a scalar) the sum of all of x. The norm is the sum of squares.
 */
function toyGradient(): GradientGraph {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'f32', ['records', 2]);
  const ids = builder.input('ids', 'i32', ['records']);
  const table = builder.param('table', [3, 2]);
  const gain = builder.param('gain', [2]);
  const scale = builder.param('scale', []);
  const mixed = builder.mul(builder.mul(builder.add(x, builder.embed(ids, table)), gain), scale);
  const ones = builder.constant(Float32Array.of(1, 1, 1), [3, 1]);
  const total = builder.sum(x, [0], true);
  builder.output('dense table', builder.matmul(ones, total));
  builder.output('gain', builder.reshape(total, [2]));
  builder.output('scale', builder.sum(x, [0, 1]));
  builder.output('ids', ids);
  builder.output('rows', x);
  builder.output('norms', builder.sum(builder.mul(x, x), [1]));
  builder.output('losses', builder.sum(mixed, [1]));
  return {
    graph: builder.build(),
    sums: [
      { kind: 'dense', param: 'table', output: 'dense table' },
      { kind: 'rows', param: 'table', ids: 'ids', rows: 'rows' },
      { kind: 'dense', param: 'gain', output: 'gain' },
      { kind: 'dense', param: 'scale', output: 'scale' },
    ],
    norms: 'norms',
    losses: 'losses',
  };
}

const toyParams: Tensors = {
  table: floats([3, 2], [0, 0, 0, 0, 0, 0]),
  gain: floats([2], [1, 1]),
  scale: floats([], [1]),
};
const first = { x: floats([2, 2], [1, 2, 3, 4]), ids: ints([2], [2, 2]) };
const second = { x: floats([1, 2], [10, 20]), ids: ints([1], [0]) };
const poisoned = { x: floats([2, 2], [1, NaN, 3, Infinity]), ids: ints([2], [0, 1]) };
const sumsOfBoth = {
  table: [14 + 10, 26 + 20, 14, 26, 14 + 4, 26 + 6],
  gain: [14, 26],
  scale: [40],
};

const backends = await backendsHere();

function plain(sums: Readonly<Record<string, Float32Array>>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, Array.from(sum)]));
}

describe.each(backends)('tfjs %s', (backend) => {
  let engine: Engine;
  let tensorsBefore: number;
  // Tensors are counted by a backend: there is none before the first engine.
  beforeAll(async () => (await createTfjsEngine({ backend })).dispose());
  beforeEach(async () => {
    tensorsBefore = tf.memory().numTensors;
    engine = await createTfjsEngine({ backend });
  });
  afterEach(async () => {
    await engine.dispose();
    const left = tf.memory().numTensors - tensorsBefore;
    if (left !== 0) throw new Error(`${left} tensors left after dispose`);
  });

  test('says what it runs on', () => {
    expect(engine.name).toBe('tfjs');
    expect(engine.device).toMatch(
      { tensorflow: /TensorFlow \d/, wasm: /wasm/, cpu: /plain JavaScript/ }[backend],
    );
  });

  test('adds micro-batches up, dense and by rows, also into one parameter', async () => {
    await engine.write(toyParams);
    const program = await engine.loadGradient(toyGradient());
    await Promise.all([program.add(first), program.add(second)]); // queued, in order
    const { sums, norms, losses } = await engine.take();
    expect(plain(sums)).toEqual(sumsOfBoth);
    expect(norms.map((n) => Array.from(n))).toEqual([[5, 25], [500]]);
    expect(losses.map((l) => Array.from(l))).toEqual([[3, 7], [30]]);
    expect(await engine.take()).toEqual({ sums: {}, norms: [], losses: [] });
    await program.add(second);
    expect(plain((await engine.take()).sums)['gain']).toEqual([10, 20]);
  });

  test('G3 a micro-batch with a non-finite norm contributes nothing, and the others stay', async () => {
    await engine.write(toyParams);
    const program = await engine.loadGradient(toyGradient());
    for (const inputs of [poisoned, first, poisoned, second, poisoned]) await program.add(inputs);
    const { sums, norms } = await engine.take();
    expect(plain(sums)).toEqual(sumsOfBoth);
    expect(norms.map((n) => n.every(Number.isFinite))).toEqual([false, true, false, true, false]);
    await program.add(poisoned);
    expect(plain((await engine.take()).sums)).toEqual({
      table: [0, 0, 0, 0, 0, 0],
      gain: [0, 0],
      scale: [0],
    });
  });

  test('an empty micro-batch adds zero', async () => {
    await engine.write(toyParams);
    const program = await engine.loadGradient(toyGradient());
    await program.add({ x: floats([0, 2], []), ids: ints([0], []) });
    const { sums, norms } = await engine.take();
    expect(plain(sums)).toEqual({ table: [0, 0, 0, 0, 0, 0], gain: [0, 0], scale: [0] });
    expect(norms).toEqual([new Float32Array(0)]);
  });

  test('one output may serve as norms and as losses', async () => {
    await engine.write(toyParams);
    const program = await engine.loadGradient({ ...toyGradient(), norms: 'losses' });
    await program.add(second);
    const { norms, losses } = await engine.take();
    expect([norms, losses]).toEqual([[Float32Array.of(30)], [Float32Array.of(30)]]);
  });

  test('programs share parameters and accumulators', async () => {
    await engine.write(toyParams);
    const programs = [await engine.loadGradient(toyGradient()), await engine.loadGradient(toyGradient())];
    await programs[0]!.add(first);
    await programs[0]!.dispose();
    await programs[1]!.add(second);
    expect(plain((await engine.take()).sums)).toEqual(sumsOfBoth);
  });

  test('holds as many tensors after every step as after the first', async () => {
    await engine.write(toyParams);
    const program = await engine.loadGradient(toyGradient());
    const counts: number[] = [];
    for (let step = 0; step < 4; step++) {
      for (const inputs of [first, second, poisoned, first]) await program.add(inputs);
      await engine.take();
      await engine.write(toyParams);
      counts.push(tf.memory().numTensors - tensorsBefore);
    }
    const constants = 1;
    expect(counts).toEqual(Array(4).fill(Object.keys(toyParams).length + constants));
  });

  test('frees what an unfinished step holds', async () => {
    await engine.write(toyParams);
    const program = await engine.loadGradient(toyGradient());
    await program.add(first);
    expect(tf.memory().numTensors).toBeGreaterThan(tensorsBefore);
    await engine.dispose();
    expect(tf.memory().numTensors).toBe(tensorsBefore);
  });

  test('frees every value after its last reader', () => {
    const builder = new GraphBuilder();
    let value = builder.input('x', 'f32', ['records', 1024]);
    for (let depth = 0; depth < 40; depth++) value = builder.tanh(builder.affine(value, 1.5, 0.1));
    builder.output('y', value);
    activate(backend);
    const prepared = prepare(builder.build());
    const bytes = 256 * 1024 * 4;
    const before = tf.memory().numBytes;
    let peak = 0;
    tf.tidy(() => {
      const inputs = { x: floats([256, 1024], Array(256 * 1024).fill(0.5)) };
      const runKernel = tf.engine().runKernel.bind(tf.engine());
      tf.engine().runKernel = (...call: Parameters<typeof runKernel>) => {
        const result = runKernel(...call);
        peak = Math.max(peak, tf.memory().numBytes - before);
        return result as never;
      };
      try {
        evaluate(prepared, inputs, new Map());
      } finally {
        tf.engine().runKernel = runKernel;
      }
    });
    expect(peak).toBeGreaterThan(bytes);
    expect(peak).toBeLessThan(5 * bytes);
  });

  test('what is written or returned is a copy', async () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', 'f32', ['records']);
    const w = builder.param('w', [2]);
    const c = builder.constant(Float32Array.of(7), [1]);
    for (const [name, value] of Object.entries({ x, w, c, again: w })) builder.output(name, value);
    const written = floats([2], [1, 2]);
    await engine.write({ w: written });
    written.data[0] = 99;
    const program = await engine.load(builder.build());
    const outputs = await program.run({ x: floats([1], [5]) });
    for (const { data } of Object.values(outputs)) data.fill(-1);
    const { x: gotX, w: gotW, c: gotC, again } = await program.run({ x: floats([1], [5]) });
    expect([gotX, gotW, gotC, again]).toEqual([
      floats([1], [5]),
      floats([2], [1, 2]),
      floats([1], [7]),
      floats([2], [1, 2]),
    ]);
    await engine.write({ w: floats([2], [3, 4]) });
    expect((await program.run({ x: floats([1], [5]) }))['w']).toEqual(floats([2], [3, 4]));
  });

  test('lets other work in between micro-batches', async () => {
    await engine.write(toyParams);
    const program = await engine.loadGradient(toyGradient());
    let turns = 0;
    let running = true;
    const turn = (): void => {
      turns++;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    await Promise.all(Array.from({ length: 5 }, () => program.add(first)));
    running = false;
    expect(turns).toBeGreaterThanOrEqual(4);
    await engine.take();
  });

  test('refuses what it cannot run, and goes on', async () => {
    const program = await engine.loadGradient(toyGradient());
    await expect(program.add(first)).rejects.toThrow('parameter=table: never written');
    await engine.write({ ...toyParams, gain: floats([3], [1, 1, 1]) });
    await expect(program.add(first)).rejects.toThrow('parameter=gain: written as [3]; the graph needs [2]');
    await engine.write(toyParams);
    await expect(program.add({ x: first.x, ids: ints([2], [1, 3]) })).rejects.toThrow(
      'ids=3: outside the embedding table',
    );
    await expect(program.add({ x: first.x, ids: ints([2], [-1, 0]) })).rejects.toThrow(
      'ids=-1: outside the embedding table',
    );
    await expect(program.add({ x: first.x, ids: ints([3], [1, 1, 1]) })).rejects.toThrow('ids.dims');
    await program.add(first);
    await program.add(second);
    const { sums, norms } = await engine.take();
    expect(plain(sums)).toEqual(sumsOfBoth);
    expect(norms).toHaveLength(2);
    const unknown = { ...toyGradient(), sums: [{ kind: 'dense', param: 'other', output: 'gain' } as const] };
    await expect(engine.loadGradient(unknown)).rejects.toThrow('param=other');
  });

  test('refuses to go on where a sum was left half-added, so that nothing is counted twice', async () => {
    await engine.write(toyParams);
    const gradient = toyGradient();
    const broken = {
      ...gradient,
      sums: [...gradient.sums, { kind: 'dense', param: 'gain', output: 'dense table' } as const],
    };
    const program = await engine.loadGradient(broken);
    await expect(program.add(first)).rejects.toThrow(/shape|size/i);
    await expect(engine.take()).rejects.toThrow('an earlier add stopped half-way');
  });

  test('says so when WebAssembly breaks down, and stays closed', async () => {
    await engine.write(toyParams);
    const program = await engine.loadGradient(toyGradient());
    vi.spyOn(tf.engine(), 'runKernel').mockImplementationOnce(() => {
      throw Object.assign(new Error('Aborted()'), { name: 'RuntimeError' });
    });
    await expect(program.add(first)).rejects.toThrow(/broke down \(Aborted\(\)\).*smaller micro-batches/);
    await expect(engine.take()).rejects.toThrow('broke down');
  });

  test('refuses everything after dispose', async () => {
    const program = await engine.loadGradient(toyGradient());
    await engine.dispose();
    await expect(program.add(first)).rejects.toThrow('engine=tfjs: already disposed');
    await expect(engine.take()).rejects.toThrow('engine=tfjs: already disposed');
    await engine.dispose();
  });
});

test('engines on different backends run side by side', async () => {
  const engines = await Promise.all(backends.map((backend) => createTfjsEngine({ backend })));
  const results = await Promise.all(
    engines.map(async (engine) => {
      await engine.write(toyParams);
      const program = await engine.loadGradient(toyGradient());
      await Promise.all([program.add(first), program.add(second)]);
      return plain((await engine.take()).sums);
    }),
  );
  expect(results).toEqual(backends.map(() => sumsOfBoth));
  await Promise.all(engines.map((engine) => engine.dispose()));
});

test('a backend that does not load is named, with the remedy', async () => {
  await expect(loadBackend('webgl' as never)).rejects.toThrow(/backend=webgl does not load.*dptune engines/s);
});

test('never takes another device than the one asked for', async () => {
  await expect(createTfjsEngine({ backend: 'wasm', device: 'cuda' })).rejects.toThrow(
    'backend=wasm does not load: wasm: it cannot use device cuda',
  );
  await expect(createTfjsEngine({ device: 'webgpu' })).rejects.toThrow(
    /tensorflow: it cannot use device webgpu.*cpu: it/,
  );
  const engine = await createTfjsEngine({ backend: 'cpu', device: 'cpu' });
  expect(engine.device).toMatch(/^cpu /);
  await engine.dispose();
});

const gpuIsUsed = backends.includes('tensorflow') && (await loadBackend('tensorflow')).device.includes('GPU');
test.skipIf(gpuIsUsed)('device cuda says what is missing where there is no GPU', async () => {
  await expect(createTfjsEngine({ device: 'cuda' })).rejects.toThrow(
    /tensorflow: .*(no NVIDIA GPU|not built|not installed).*wasm: it cannot use device cuda/s,
  );
});
