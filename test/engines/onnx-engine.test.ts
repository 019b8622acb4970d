import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createOnnxEngine } from '../../src/engines/index.ts';
import type { Engine, Tensors } from '../../src/engines/index.ts';
import { GraphBuilder } from '../../src/graph/index.ts';
import type { GradientGraph } from '../../src/graph/index.ts';

let engine: Engine;
beforeEach(async () => {
  engine = await createOnnxEngine({ threads: 1 });
});
afterEach(() => engine.dispose());

/**
 * A gradient graph made by hand. Record r contributes x[r] to `w` [2], and `rows` adds x[r] to row ids[r] of `table`
 * [4, 2] as does the dense sum, once more, to row 0. Its norm is x[r][0], its loss x[r][1].
 */
function handMade(): GradientGraph {
  const g = new GraphBuilder();
  const x = g.input('x', 'f32', ['records', 2]);
  const ids = g.input('ids', 'i32', ['records']);
  g.param('w', [2]);
  g.param('again', [2]);
  g.param('table', [4, 2]);
  const sum = g.sum(x, [0]);
  g.output('w sum', sum);
  g.output('table sum', g.pad(g.reshape(sum, [1, 2]), 0, 0, 4));
  g.output('ids', ids);
  g.output('rows', x);
  g.output('norms', g.reshape(g.slice(x, 1, 0, 1), ['records']));
  g.output('losses', g.reshape(g.slice(x, 1, 1, 2), ['records']));
  return {
    graph: g.build(),
    sums: [
      { kind: 'dense', param: 'w', output: 'w sum' },
      { kind: 'dense', param: 'table', output: 'table sum' },
      { kind: 'rows', param: 'table', ids: 'ids', rows: 'rows' },
    ],
    norms: 'norms',
    losses: 'losses',
  };
}

const params: Tensors = {
  w: { dims: [2], data: new Float32Array(2) },
  again: { dims: [2], data: new Float32Array(2) },
  table: { dims: [4, 2], data: new Float32Array(8) },
};

function batch(...records: readonly (readonly [id: number, norm: number, loss: number])[]): Tensors {
  return {
    x: { dims: [records.length, 2], data: Float32Array.from(records.flatMap(([, a, b]) => [a, b])) },
    ids: { dims: [records.length], data: Int32Array.from(records, ([id]) => id) },
  };
}

describe('accumulators', () => {
  test('sum micro-batches by parameter, dense and rows, across programs, until taken', async () => {
    await engine.write(params);
    const first = await engine.loadGradient(handMade());
    const second = await engine.loadGradient(handMade());
    await Promise.all([
      first.add(batch([1, 1, 2], [3, 10, 20])),
      second.add(batch([1, 100, 200])),
      first.add(batch([2, 1000, 2000])),
    ]);
    const { sums, norms, losses } = await engine.take();
    expect(sums).toEqual({
      w: Float32Array.of(1111, 2222),
      table: Float32Array.of(1111, 2222, 101, 202, 1000, 2000, 10, 20),
    });
    expect(norms).toEqual([Float32Array.of(1, 10), Float32Array.of(100), Float32Array.of(1000)]);
    expect(losses).toEqual([Float32Array.of(2, 20), Float32Array.of(200), Float32Array.of(2000)]);

    expect(await engine.take()).toEqual({ sums: {}, norms: [], losses: [] });
    await first.add(batch([0, 1, 2]));
    expect((await engine.take()).sums['w']).toEqual(Float32Array.of(1, 2));
  });

  test('stay apart where one output serves two parameters, or norms and losses', async () => {
    const { graph } = handMade();
    await engine.write(params);
    const program = await engine.loadGradient({
      graph,
      sums: [
        { kind: 'dense', param: 'w', output: 'w sum' },
        { kind: 'dense', param: 'again', output: 'w sum' },
      ],
      norms: 'norms',
      losses: 'norms',
    });
    await program.add(batch([1, 1, 2]));
    await program.add(batch([1, 1, 2]));
    const { sums, norms, losses } = await engine.take();
    expect(sums).toEqual({ w: Float32Array.of(2, 4), again: Float32Array.of(2, 4) });
    expect(losses).toEqual(norms);
  });

  test('G3: a micro-batch with a non-finite norm adds nothing and leaves the others as they were', async () => {
    await engine.write(params);
    const program = await engine.loadGradient(handMade());
    await program.add(batch([1, 1, 2]));
    await program.add(batch([1, 5, 6], [2, Number.NaN, 1]));
    await program.add(batch([2, Number.POSITIVE_INFINITY, 1]));
    await program.add(batch([3, 3, 4]));
    const { sums, norms } = await engine.take();
    expect(sums['w']).toEqual(Float32Array.of(4, 6));
    expect(sums['table']).toEqual(Float32Array.of(4, 6, 1, 2, 0, 0, 3, 4));
    expect(norms).toEqual([
      Float32Array.of(1),
      Float32Array.of(5, Number.NaN),
      Float32Array.of(Number.POSITIVE_INFINITY),
      Float32Array.of(3),
    ]);
  });

  test('a micro-batch of no records adds nothing and keeps its place', async () => {
    await engine.write(params);
    const program = await engine.loadGradient(handMade());
    await program.add(batch());
    await program.add(batch([1, 1, 2]));
    const { sums, norms, losses } = await engine.take();
    expect(sums['w']).toEqual(Float32Array.of(1, 2));
    expect(norms).toEqual([new Float32Array(0), Float32Array.of(1)]);
    expect(losses).toEqual([new Float32Array(0), Float32Array.of(2)]);
  });

  test('an embedding row that does not exist is an error, and the engine lives on', async () => {
    await engine.write(params);
    const program = await engine.loadGradient(handMade());
    for (const id of [-1, 4]) {
      await expect(program.add(batch([id, 1, 2]))).rejects.toThrow(`id=${id}: must be from 0 to 3`);
    }
    await engine.take();
    await program.add(batch([3, 1, 2]));
    expect((await engine.take()).sums['w']).toEqual(Float32Array.of(1, 2));
  });
});

function scale(): GraphBuilder {
  const g = new GraphBuilder();
  g.output('y', g.mul(g.input('x', 'f32', ['records', 2]), g.param('w', [2])));
  return g;
}

describe('inputs and parameters', () => {
  const x = { dims: [1, 2], data: Float32Array.of(1, 2) };

  test('are copied: the caller keeps its arrays, and may change them at once', async () => {
    const program = await engine.load(scale().build());
    const shared = new Float32Array(6).fill(3);
    const w = { dims: [2], data: shared.subarray(2, 4) };
    const written = engine.write({ w });
    shared.fill(7);
    const input = { dims: [1, 2], data: Float32Array.of(1, 2) };
    const result = program.run({ x: input });
    input.data.fill(9);
    await written;
    expect((await result)['y']).toEqual({ dims: [1, 2], data: Float32Array.of(3, 6) });
    expect(shared).toEqual(new Float32Array(6).fill(7));
    await engine.write({ w });
    expect((await program.run({ x }))['y']!.data).toEqual(Float32Array.of(7, 14));
  });

  test('that do not fit the graph are named before anything runs', async () => {
    const program = await engine.load(scale().build());
    await expect(program.run({ x })).rejects.toThrow('param=w: was never written');
    await engine.write({ w: { dims: [3], data: new Float32Array(3) } });
    await expect(program.run({ x })).rejects.toThrow('w.dims=[3]: the graph needs [2]');
    await expect(engine.write({ w: { dims: [3], data: new Float32Array(2) } })).rejects.toThrow(
      'w.dims=[3]: 2 numbers given',
    );
    await engine.write({ w: { dims: [2], data: new Float32Array(2) } });
    await expect(program.run({})).rejects.toThrow('input=x: missing');
    await expect(program.run({ x, z: x })).rejects.toThrow('input=z: the graph has no such input');
    await expect(program.run({ x: { dims: [1, 2], data: new Int32Array(2) } })).rejects.toThrow('x=i32');
    await expect(program.run({ x: { dims: [2], data: new Float32Array(2) } })).rejects.toThrow('x.dims=[2]');
    await expect(program.run({ x: { dims: [1, 3], data: new Float32Array(3) } })).rejects.toThrow(
      'x.dims=[1, 3]',
    );
    await expect(program.run({ x: { dims: [3, 2], data: new Float32Array(4) } })).rejects.toThrow(
      '4 numbers given',
    );
  });

  test('must agree on every symbol', async () => {
    const g = new GraphBuilder();
    g.output('y', g.add(g.input('a', 'f32', ['records']), g.input('b', 'f32', ['records'])));
    const program = await engine.load(g.build());
    const a = { dims: [2], data: new Float32Array(2) };
    const b = { dims: [1], data: new Float32Array(1) };
    await expect(program.run({ a, b })).rejects.toThrow(
      "b.dims=[1]: the graph's input is [records] with records=2",
    );
  });
});

describe('life and death', () => {
  test('what onnxruntime refuses comes back with its message, and the engine lives on', async () => {
    const g = new GraphBuilder();
    g.output('y', g.embed(g.input('ids', 'i32', ['records']), g.param('table', [2, 1])));
    await engine.write({ table: { dims: [2, 1], data: Float32Array.of(5, 6) } });
    const program = await engine.load(g.build());
    await expect(program.run({ ids: { dims: [1], data: Int32Array.of(2) } })).rejects.toThrow(
      /onnxruntime: .*indices/,
    );
    const { y } = await program.run({ ids: { dims: [1], data: Int32Array.of(1) } });
    expect(y!.data).toEqual(Float32Array.of(6));
  });

  test('a disposed program says so; the others go on', async () => {
    await engine.write(params);
    const first = await engine.loadGradient(handMade());
    const second = await engine.loadGradient(handMade());
    await first.dispose();
    await expect(first.add(batch([0, 1, 2]))).rejects.toThrow('was disposed');
    await second.add(batch([0, 1, 2]));
    expect((await engine.take()).norms).toHaveLength(1);
  });

  test('dispose rejects what is under way and what comes after', async () => {
    await engine.write(params);
    const program = await engine.loadGradient(handMade());
    const underWay = program.add(batch([0, 1, 2])).catch((error: Error) => error.message);
    await engine.dispose();
    expect(await underWay).toMatch('was disposed');
    await expect(engine.take()).rejects.toThrow('was disposed');
    await engine.dispose();
  });

  test('a crash of the worker rejects what is under way and what comes after', async () => {
    const post = vi.spyOn(Worker.prototype, 'postMessage');
    await engine.write(params);
    const worker = post.mock.contexts[0] as Worker;
    post.mockRestore();
    // A message that is no call: nothing in the worker expects it.
    // oxlint-disable-next-line require-post-message-target-origin -- a worker thread has no origin
    worker.postMessage(null);
    await expect(engine.take()).rejects.toThrow('engine worker failed');
    await expect(engine.write(params)).rejects.toThrow('engine worker failed');
  });

  test('options outside their domain are refused', async () => {
    for (const threads of [0, 1.5, Number.NaN]) {
      await expect(createOnnxEngine({ threads })).rejects.toThrow(`threads=${threads}`);
    }
    expect(engine.device).toMatch(/^cpu \(onnxruntime \d+\.\d+\.\d+, 1 thread\)$/);
  });
});
