import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lowerGraph } from '../../src/engines/onnx/lowering.ts';
import {
  createOnnxEngine,
  createTfjsEngine,
  type Engine,
  type ParamTensors,
} from '../../src/engines/index.ts';
import { GraphBuilder, privateGradient, type GradientGraph } from '../../src/graph/index.ts';

const WIDTH = 8;
const LAYERS = 5;

/** Frozen maps in 8 bits with a trained bias below and between them. */
function chain(): GradientGraph {
  const g = new GraphBuilder();
  let x = g.input('x', 'f32', ['records', 'tokens', WIDTH]);
  const trainable: string[] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = `b${layer}`;
    trainable.push(name);
    x = g.tanh(g.bias(x, g.param(name, [WIDTH])));
    const q = g.param(`w${layer}`, [WIDTH, WIDTH], 'i8');
    x = g.linearInt8(x, q, g.param(`w${layer}.scale`, [WIDTH]), 'out-in');
  }
  g.output('loss', g.sum(x, [1, 2]));
  const clipping = { kind: 'flat', norm: 1 } as const;
  return privateGradient({ network: g.build(), loss: 'loss', trainable, clipping, sizes: { tokens: 4 } });
}

const params: ParamTensors = Object.fromEntries(
  Array.from({ length: LAYERS }, (_, layer) => [
    [`b${layer}`, { dims: [WIDTH], data: new Float32Array(WIDTH).fill(0.1) }],
    [
      `w${layer}`,
      { dims: [WIDTH, WIDTH], data: Int8Array.from({ length: WIDTH ** 2 }, (__, i) => (i % 9) - 4) },
    ],
    [`w${layer}.scale`, { dims: [WIDTH], data: new Float32Array(WIDTH).fill(0.05) }],
  ]).flat(),
);

let engine: Engine;
let directory: string;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
  directory = mkdtempSync(join(tmpdir(), 'dptune-int8-'));
});
afterAll(async () => {
  await engine.dispose();
  rmSync(directory, { recursive: true });
});

/** Ops in the order in which onnxruntime runs them, after its own optimisation. */
async function opsAsRun({ graph }: GradientGraph): Promise<string[]> {
  const { model, inputs, params: fed } = lowerGraph(graph);
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: 'all',
    enableProfiling: true,
    profileFilePrefix: join(directory, 'profile'),
  });
  const feeds: Record<string, ort.Tensor> = {
    [inputs['x']!]: new ort.Tensor('float32', new Float32Array(2 * 4 * WIDTH).fill(0.2), [2, 4, WIDTH]),
  };
  for (const [name, feed] of Object.entries(fed)) {
    const { data, dims } = params[name]!;
    feeds[feed] =
      data instanceof Int8Array
        ? new ort.Tensor('int8', data, dims)
        : new ort.Tensor('float32', data as Float32Array, dims);
  }
  await session.run(feeds);
  session.endProfiling();
  await session.release();
  const [file] = readdirSync(directory);
  const events = JSON.parse(readFileSync(join(directory, file!), 'utf8')) as {
    cat: string;
    name: string;
    ts: number;
    args: { op_name?: string };
  }[];
  return events
    .filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'))
    .toSorted((a, b) => a.ts - b.ts)
    .map(({ args }) => args.op_name!);
}

test('a weight of 8 bits is restored anew for each product, and only one at a time', async () => {
  const ops = (await opsAsRun(chain())).filter((op) => op === 'DequantizeLinear' || op.endsWith('MatMul'));
  const next = ops.filter((_, at) => ops[at - 1] === 'DequantizeLinear');
  expect(next).toEqual(Array.from({ length: 2 * LAYERS }, () => expect.stringMatching(/MatMul$/) as string));
});

test('parameters of the wrong type are named before anything runs', async () => {
  const g = new GraphBuilder();
  const x = g.input('x', 'f32', ['records', 2]);
  g.output('y', g.linearInt8(x, g.param('q', [3, 2], 'i8'), g.param('s', [3]), 'out-in'));
  const program = await engine.load(g.build());
  const given = { x: { dims: [1, 2], data: Float32Array.of(1, 10) } };
  const s = { dims: [3], data: Float32Array.of(1, 2, 0.5) };
  await engine.write({ q: { dims: [3, 2], data: new Float32Array(6) }, s });
  await expect(program.run(given)).rejects.toThrow('q=f32: the graph needs i8; write that type');
  await engine.write({ q: { dims: [3, 2], data: Int8Array.of(1, 2, 3, 4, 127, -128) } });
  expect((await program.run(given))['y']!.data).toEqual(Float32Array.of(21, 86, -576.5));
  await engine.drop(['q', 'absent']);
  await expect(program.run(given)).rejects.toThrow('param=q: was never written');
});

test('TensorFlow.js refuses 8 bits: nothing would be saved', async () => {
  const tfjs = await createTfjsEngine({ backend: 'cpu' });
  await expect(tfjs.write({ q: { dims: [1], data: Int8Array.of(1) } })).rejects.toThrow(
    'engine=tfjs: has no weights of 8 bits; use engine onnx, or train.frozenWeights: float32',
  );
  await tfjs.write({ w: { dims: [1], data: Float32Array.of(1) } });
  await tfjs.drop(['w', 'absent']);
  const g = new GraphBuilder();
  g.output('y', g.mul(g.input('x', 'f32', ['records', 1]), g.param('w', [1])));
  const program = await tfjs.load(g.build());
  await expect(program.run({ x: { dims: [1, 1], data: Float32Array.of(1) } })).rejects.toThrow(
    'never written',
  );
  await tfjs.dispose();
});
