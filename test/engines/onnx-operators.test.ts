import seedrandom from 'seedrandom';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOnnxEngine } from '../../src/engines/index.ts';
import type { Engine, ParamTensors, Tensor } from '../../src/engines/index.ts';
import { evaluateDim, GraphBuilder } from '../../src/graph/index.ts';
import type { Graph, Op, Shape, Value } from '../../src/graph/index.ts';
import { interpret } from '../support/interpreter.ts';

/** Sizes that differ from one another and from the fixed dims, so that a wrong axis shows. */
const SIZES = { records: 3, tokens: 5 };
const NO_RECORDS = { ...SIZES, records: 0 };

type Build = (
  g: GraphBuilder,
  /** A random input. */
  x: (...shape: Shape) => Value,
  /** A random i32 input, from 0 to limit - 1. */
  ids: (limit: number, ...shape: Shape) => Value,
  /** A random i32 input, from -1 (no label) to 6. */
  labels: (...shape: Shape) => Value,
) => Value | Value[];

/** Every op, in the forms that lower differently. */
const cases: { readonly [O in Op]: Readonly<Record<string, Build>> } = {
  linear: {
    'out-in': (g, x) => g.linear(x('records', 'tokens', 4), g.param('w', [6, 4]), 'out-in'),
    'in-out': (g, x) => g.linear(x('records', 4), g.param('w', [4, 6]), 'in-out'),
  },
  bias: { rows: (g, x) => g.bias(x('records', 'tokens', 4), g.param('b', [4])) },
  embed: { table: (g, _x, ids) => g.embed(ids(7, 'records', 'tokens'), g.param('table', [7, 4])) },
  layerNorm: {
    'with statistics': (g, x) =>
      Object.values(
        g.layerNorm(x('records', 'tokens', 6), g.param('gain', [6]), g.param('offset', [6]), 1e-5),
      ),
    'without statistics': (g, x) =>
      g.layerNorm(x('records', 6), g.param('gain', [6]), g.param('offset', [6]), 1e-12).y,
    'inverse only': (g, x) =>
      g.layerNorm(x('records', 6), g.param('gain', [6]), g.param('offset', [6]), 1e-12).inverse,
  },
  rmsNorm: {
    'with statistics': (g, x) =>
      Object.values(g.rmsNorm(x('records', 'tokens', 6), g.param('gain', [6]), 1e-6)),
  },
  linearInt8: {
    'out-in': (g, x) =>
      g.linearInt8(x('records', 'tokens', 4), g.param('q', [6, 4], 'i8'), g.param('s', [6]), 'out-in'),
    'in-out': (g, x) =>
      g.linearInt8(x('records', 4), g.param('q', [4, 6], 'i8'), g.param('s', [4]), 'in-out'),
  },
  matmul: {
    plain: (g, x) => g.matmul(x('records', 4, 6), x('records', 6, 3)),
    'a transposed': (g, x) =>
      g.matmul(x('records', 'tokens', 6), x('records', 'tokens', 3), { transposeA: true }),
    'b transposed': (g, x) =>
      g.matmul(x('records', 2, 'tokens', 6), x('records', 2, 'tokens', 6), { transposeB: true }),
    'both transposed': (g, x) =>
      g.matmul(x('records*tokens', 6), x(3, 'records*tokens'), { transposeA: true, transposeB: true }),
  },
  add: { broadcast: (g, x) => g.add(x('records', 'tokens', 4), x('records', 1, 4)) },
  sub: { broadcast: (g, x) => g.sub(x(4), x('records', 'tokens', 4)) },
  mul: { broadcast: (g, x) => g.mul(x('records', 'tokens', 1), x('tokens', 4)) },
  div: { broadcast: (g, x) => g.div(x('records', 4), g.affine(g.sigmoid(x('records', 1)), 1, 1)) },
  minimum: { scalar: (g, x) => g.minimum(x('records', 4), g.scalar(0.1)) },
  maximum: { pair: (g, x) => g.maximum(x('records', 4), x('records', 4)) },
  affine: {
    both: (g, x) => g.affine(x('records', 4), -2.5, 0.75),
    factor: (g, x) => g.affine(x('records', 4), 3),
    offset: (g, x) => g.affine(x('records', 4), 1, -7),
    neither: (g, x) => g.affine(x('records', 4), 1, 0),
  },
  equal: {
    i32: (g, _x, ids) => g.equal(ids(3, 'records', 'tokens', 1), ids(3, 'records', 1, 'tokens')),
    f32: (g, x) => g.equal(g.relu(x('records', 4)), g.scalar(0)),
  },
  gelu: { wide: (g, x) => g.gelu(g.affine(x('records', 'tokens'), 3)) },
  geluTanh: { wide: (g, x) => g.geluTanh(g.affine(x('records', 'tokens'), 3)) },
  silu: { wide: (g, x) => g.silu(g.affine(x('records', 'tokens'), 3)) },
  relu: { plain: (g, x) => g.relu(x('records', 'tokens')) },
  tanh: { plain: (g, x) => g.tanh(x('records', 'tokens')) },
  sigmoid: { wide: (g, x) => g.sigmoid(g.affine(x('records', 'tokens'), 9)) },
  softplus: { wide: (g, x) => g.softplus(g.affine(x('records', 'tokens'), 30)) },
  erf: { plain: (g, x) => g.erf(x('records', 'tokens')) },
  exp: { plain: (g, x) => g.exp(x('records', 'tokens')) },
  log: { positive: (g, x) => g.log(g.exp(x('records', 'tokens'))) },
  sqrt: { positive: (g, x) => g.sqrt(g.exp(x('records', 'tokens'))) },
  softmax: { wide: (g, x) => g.softmax(g.affine(x('records', 'tokens', 7), 40)) },
  sum: {
    'one axis': (g, x) => g.sum(x('records', 'tokens', 4), [1]),
    'kept dims': (g, x) => g.sum(x('records', 'tokens', 4), [0, 2], true),
    'all axes': (g, x) => g.sum(x('records', 'tokens', 4), [0, 1, 2]),
    'no axis': (g, x) => g.sum(x('records', 4), []),
  },
  crossEntropy: {
    'absent labels': (g, x, _ids, labels) =>
      Object.values(g.crossEntropy(x('records', 'tokens', 7), labels('records', 'tokens'))),
    'logits far apart': (g, x, ids) => g.crossEntropy(g.affine(x('records', 7), 400), ids(7, 'records')).loss,
  },
  crossEntropyGrad: {
    'absent labels': (g, x, _ids, labels) =>
      g.crossEntropyGrad(
        g.softmax(x('records', 'tokens', 7)),
        labels('records', 'tokens'),
        x('records', 'tokens'),
      ),
  },
  gatherLast: {
    plain: (g, x, ids) => g.gatherLast(x('records', 'tokens', 7), ids(7, 'records', 'tokens', 3)),
  },
  reshape: {
    'split a fixed axis': (g, x) => g.reshape(x('records', 'tokens', 6), ['records', 'tokens', 2, 3]),
    'join symbols': (g, x) => g.reshape(x('records', 'tokens', 6), ['records*tokens', 6]),
    'part symbols': (g, x) => g.reshape(x('records*tokens', 6), ['records', 'tokens', 3, 2]),
    'move a symbol': (g, x) => g.reshape(x('records', 6), [2, 'records', 3]),
    'join beside a copied axis': (g, x) => g.reshape(x('records', 'tokens', 6), ['records', '6*tokens']),
    'all fixed': (g, x) => g.reshape(x(6), [2, 3]),
    ids: (g, _x, ids) =>
      g.equal(g.reshape(ids(4, 'records', 'tokens'), ['records*tokens']), g.constant(Int32Array.of(2), [])),
  },
  transpose: { heads: (g, x) => g.transpose(x('records', 'tokens', 2, 3), [0, 2, 1, 3]) },
  expand: {
    'kept axes': (g, x) => g.expand(x('records', 1, 4), ['records', 'tokens', 4]),
    'new axes': (g, x) => g.expand(x(4), ['records', 'tokens', 4]),
    'fixed axes': (g, x) => g.expand(x('records', 1), ['records', 5]),
    'a product': (g, x) => g.expand(x(1, 2), ['2*records*tokens', 2]),
  },
  concat: {
    symbolic: (g, x) => g.concat([x('records', 'tokens', 2), x('records', 'tokens', 2)], 1),
    fixed: (g, x) => g.concat([x('records', 2), x('records', 3), x('records', 1)], 1),
  },
  slice: {
    fixed: (g, x) => g.slice(x('records', 'tokens', 6), 2, 1, 4),
    'first token': (g, x) => g.slice(x('records', 'tokens', 6), 1, 0, 1),
    'to a symbolic end': (g, x) => g.slice(x('records', '2*tokens', 3), 1, 0, 'tokens'),
    'whole symbolic axis': (g, x) => g.slice(x('records', 'tokens', 3), 1, 0, 'tokens'),
  },
  pad: {
    'a symbolic axis to a fixed one': (g, x) => g.pad(x('records', 'tokens', 2), 1, 1, 9),
    fixed: (g, x) => g.pad(x('records', 3), 1, 2, 7),
    symbolic: (g, x) => g.pad(x('records', 'tokens', 2), 1, 1, '2*tokens'),
  },
  rotateHalf: { heads: (g, x) => g.rotateHalf(x('records', 2, 'tokens', 6)) },
};

interface Case {
  readonly graph: Graph;
  readonly inputs: Record<string, Tensor>;
  readonly params: ParamTensors;
}

const random = seedrandom('onnx operators');
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

function makeCase(build: Build, sizes = SIZES): Case {
  const g = new GraphBuilder();
  const inputs: Record<string, Tensor> = {};
  const sized = (shape: Shape) => {
    const dims = shape.map((dim) => evaluateDim(dim, sizes));
    return { dims, length: dims.reduce((a, b) => a * b, 1), name: `input ${Object.keys(inputs).length}` };
  };
  function integers(low: number, high: number, shape: Shape): Value {
    const { dims, length, name } = sized(shape);
    inputs[name] = {
      dims,
      data: Int32Array.from({ length }, () => low + Math.floor(random() * (high - low))),
    };
    return g.input(name, 'i32', shape);
  }
  const results = build(
    g,
    (...shape) => {
      const { dims, length, name } = sized(shape);
      inputs[name] = { dims, data: Float32Array.from({ length }, normal) };
      return g.input(name, 'f32', shape);
    },
    (limit, ...shape) => integers(0, limit, shape),
    (...shape) => integers(-1, 7, shape),
  );
  for (const [i, value] of [results].flat().entries()) g.output(`output ${i}`, value);
  // The symbols are always there to be bound, whatever the case's own inputs carry.
  const { records, tokens } = sizes;
  inputs['sizes'] = { dims: [records, tokens], data: new Int32Array(records * tokens) };
  g.input('sizes', 'i32', ['records', 'tokens']);
  const graph = g.build();
  const params = Object.fromEntries(
    graph.params.map(({ name, value }) => {
      const dims = value.shape.map(Number);
      const numbers = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, normal);
      const data =
        value.dtype === 'i8'
          ? Int8Array.from(numbers, (z) => Math.round(40 * z))
          : Float32Array.from(numbers);
      return [name, { dims, data }];
    }),
  );
  return { graph, inputs, params };
}

/** Largest |a - b| / (1 + |b|). */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!) / (1 + Math.abs(b[i]!));
    // A NaN on either side must not compare as small.
    largest = difference <= largest ? largest : difference;
  }
  return largest;
}

let engine: Engine;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
});
afterAll(() => engine.dispose());

const shapesOf = (outputs: Readonly<Record<string, { readonly dims: readonly number[] }>>) =>
  Object.entries(outputs).map(([name, { dims }]) => [name, dims]);

/** The engine's outputs against the interpreter's: names and dims equal, and the largest distance. */
async function compare({ graph, inputs, params }: Case): Promise<number> {
  await engine.write(params);
  const program = await engine.load(graph);
  const got = await program.run(inputs);
  const expected = interpret(graph, inputs, params);
  expect(shapesOf(got)).toEqual(shapesOf(expected));
  await program.dispose();
  const distances = Object.entries(expected).map(([name, { data }]) => distance(got[name]!.data, data));
  return Math.max(...distances);
}

describe('every op equals the float64 interpreter, of no records too', () => {
  for (const [op, variants] of Object.entries(cases)) {
    for (const [variant, build] of Object.entries(variants)) {
      test(`${op}: ${variant}`, async () => {
        expect(await compare(makeCase(build))).toBeLessThan(2e-6);
        expect(await compare(makeCase(build, NO_RECORDS))).toBe(0);
      });
    }
  }
});

test('an output may be an input, a parameter, a constant, or a value that another output has', async () => {
  const g = new GraphBuilder();
  const x = g.input('x', 'f32', ['records']);
  const twice = g.affine(x, 2);
  g.output('input', x);
  g.output('param', g.param('w', [2]));
  g.output('constant', g.constant(Float32Array.of(5, 6), [2]));
  g.output('a', twice);
  g.output('b', twice);
  const params = { w: { dims: [2], data: Float32Array.of(3, 4) } };
  const inputs = { x: { dims: [2], data: Float32Array.of(1, 2) } };
  expect(await compare({ graph: g.build(), inputs, params })).toBe(0);
});
