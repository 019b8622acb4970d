import seedrandom from 'seedrandom';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine, Tensor } from '../../src/engines/engine.ts';
import { createTfjsEngine } from '../../src/engines/index.ts';
import { evaluateDim, GraphBuilder } from '../../src/graph/index.ts';
import type { Op, OpAttrs, Shape } from '../../src/graph/index.ts';
import { interpret } from '../support/interpreter.ts';
import { backendsHere } from './tfjs-backends.ts';

const sizes = { records: 3, tokens: 5, units: 2 };
const lookup = { rows: 7, classes: 4 };

/** What an operand is filled with: normal floats of a scale, positive floats, or whole numbers from a range. */
type Fill =
  | { readonly normal: number }
  | { readonly positive: true }
  | { readonly from: number; readonly below: number };
type Operand = readonly [shape: Shape, fill: Fill];
interface OpCase<O extends Op> {
  readonly operands: readonly Operand[];
  readonly attrs: OpAttrs[O];
}

const normal: Fill = { normal: 1 };
const ids: Fill = { from: 0, below: lookup.rows };
const labels: Fill = { from: -1, below: lookup.classes };
const x: Operand = [['records', 'tokens', 6], normal];
const wide: Operand = [['records', 'tokens', 6], { normal: 3 }];
const positive: Operand = [['records', 'tokens', 6], { positive: true }];
const none = {};

const unary = [{ operands: [wide], attrs: none }];
const ofPositive = [{ operands: [positive], attrs: none }];
const broadcasting = (divisor: Fill = normal) =>
  (
    [
      ['records', 'tokens', 6],
      [],
      [6],
      ['records', 1, 1],
      ['records', 'tokens', 1],
      ['tokens', 1],
      [2, 'records', 'tokens', 6],
    ] as Shape[]
  ).flatMap((shape) => [
    { operands: [x, [shape, divisor]] as const, attrs: none },
    ...(divisor === normal ? [{ operands: [[shape, normal], x] as const, attrs: none }] : []),
  ]);
const products = (['records', 'tokens'] as const).flatMap((inner) =>
  [false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({
      operands: [
        [[2, 'units', ...(transposeA ? [inner, 6] : [6, inner])], normal],
        [[2, 'units', ...(transposeB ? [4, inner] : [inner, 4])], normal],
      ] as const,
      attrs: { transposeA, transposeB },
    })),
  ),
);

const cases: { readonly [O in Exclude<Op, 'linearInt8'>]: readonly OpCase<O>[] } = {
  linear: [
    { operands: [x, [[4, 6], normal]], attrs: { layout: 'out-in' } },
    { operands: [x, [[6, 4], normal]], attrs: { layout: 'in-out' } },
    {
      operands: [
        [['records', 6], normal],
        [[4, 6], normal],
      ],
      attrs: { layout: 'out-in' },
    },
    {
      operands: [
        [[6], normal],
        [[6, 4], normal],
      ],
      attrs: { layout: 'in-out' },
    },
  ],
  bias: [{ operands: [x, [[6], normal]], attrs: none }],
  embed: [
    {
      operands: [
        [['records', 'tokens'], ids],
        [[lookup.rows, 4], normal],
      ],
      attrs: none,
    },
    {
      operands: [
        [['tokens'], ids],
        [[lookup.rows, 4], normal],
      ],
      attrs: none,
    },
  ],
  layerNorm: [{ operands: [x, [[6], normal], [[6], normal]], attrs: { epsilon: 1e-12 } }],
  rmsNorm: [{ operands: [x, [[6], normal]], attrs: { epsilon: 1e-6 } }],
  matmul: [
    ...products,
    {
      operands: [
        [['records', 6], normal],
        [['tokens', 6], normal],
      ],
      attrs: { transposeA: false, transposeB: true },
    },
    // Large enough for wasm to multiply a batch one by one.
    ...[false, true].map((transpose) => ({
      operands: [
        [['records', ...(transpose ? [300, 70] : [70, 300])], normal],
        [['records', ...(transpose ? [60, 300] : [300, 60])], normal],
      ] as const,
      attrs: { transposeA: transpose, transposeB: transpose },
    })),
    {
      operands: [
        [[2, 3, 'records', 'tokens', 4], normal],
        [[2, 3, 'records', 4, 2], normal],
      ],
      attrs: { transposeA: false, transposeB: false },
    },
  ],
  add: broadcasting(),
  sub: broadcasting(),
  mul: broadcasting(),
  div: broadcasting({ positive: true }),
  minimum: broadcasting(),
  maximum: broadcasting(),
  affine: [
    { operands: [x], attrs: { factor: -2.5, offset: 0.25 } },
    { operands: [x], attrs: { factor: 1, offset: 0 } },
    { operands: [x], attrs: { factor: 1, offset: 3 } },
  ],
  equal: [
    {
      operands: [
        [['records', 'tokens', 1], ids],
        [['records', 1, 'tokens'], ids],
      ],
      attrs: none,
    },
    {
      operands: [
        [['records', 'tokens'], ids],
        [[], ids],
      ],
      attrs: none,
    },
    { operands: [x, x], attrs: none },
  ],
  gelu: unary,
  geluTanh: unary,
  silu: unary,
  relu: unary,
  tanh: unary,
  sigmoid: unary,
  softplus: [...unary, { operands: [[['records', 40], { normal: 50 }]], attrs: none }],
  erf: unary,
  exp: unary,
  log: ofPositive,
  sqrt: ofPositive,
  softmax: [...unary, { operands: [[[2, 'records', 'tokens', 5], { normal: 20 }]], attrs: none }],
  sum: [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]].flatMap((axes) =>
    [false, true].map((keepDims) => ({ operands: [x], attrs: { axes, keepDims } })),
  ),
  crossEntropy: [
    {
      operands: [
        [['records', lookup.classes], { normal: 5 }],
        [['records'], labels],
      ],
      attrs: none,
    },
    {
      operands: [
        [['records', 'tokens', lookup.classes], { normal: 5 }],
        [['records', 'tokens'], labels],
      ],
      attrs: none,
    },
  ],
  crossEntropyGrad: [
    {
      operands: [
        [['records', lookup.classes], { positive: true }],
        [['records'], labels],
        [['records'], normal],
      ],
      attrs: none,
    },
    {
      operands: [
        [['records', 'tokens', lookup.classes], { positive: true }],
        [['records', 'tokens'], labels],
        [['records', 'tokens'], normal],
      ],
      attrs: none,
    },
  ],
  gatherLast: [
    {
      operands: [
        [['records', 'tokens', lookup.rows], normal],
        [['records', 'tokens', 2], ids],
      ],
      attrs: none,
    },
    {
      operands: [
        [['records', lookup.rows], normal],
        [['records', 'tokens'], ids],
      ],
      attrs: none,
    },
  ],
  reshape: [
    { operands: [x], attrs: { shape: ['records*tokens', 6] } },
    { operands: [x], attrs: { shape: ['records', 'tokens', 2, 3] } },
    { operands: [[['records', 'tokens'], ids]], attrs: { shape: ['records*tokens'] } },
  ],
  transpose: [
    { operands: [x], attrs: { perm: [0, 2, 1] } },
    { operands: [[['records', 'tokens', 2, 3], normal]], attrs: { perm: [0, 2, 1, 3] } },
    { operands: [[['records', 'tokens', 2, 3, 2], normal]], attrs: { perm: [4, 0, 3, 1, 2] } },
    { operands: [[['records', 'tokens'], ids]], attrs: { perm: [1, 0] } },
  ],
  expand: [
    { operands: [[['records', 1, 6], normal]], attrs: { shape: ['records', 'tokens', 6] } },
    { operands: [[[], normal]], attrs: { shape: ['records', 'tokens'] } },
    { operands: [[['tokens'], ids]], attrs: { shape: ['records', 'tokens'] } },
  ],
  concat: [
    { operands: [x, x, [['records', 'tokens', 2], normal]], attrs: { axis: 2 } },
    { operands: [x, [['records', 'tokens', 6], normal]], attrs: { axis: 1 } },
    {
      operands: [
        [['records', 'tokens'], ids],
        [['records', 'tokens'], ids],
      ],
      attrs: { axis: 1 },
    },
  ],
  slice: [
    { operands: [x], attrs: { axis: 2, start: 1, end: 4 } },
    { operands: [x], attrs: { axis: 1, start: 0, end: 1 } },
    { operands: [x], attrs: { axis: 1, start: 0, end: 'tokens' } },
    { operands: [[['records', 'tokens'], ids]], attrs: { axis: 1, start: 1, end: 3 } },
  ],
  pad: [
    { operands: [x], attrs: { axis: 2, before: 1, size: 9 } },
    { operands: [[['records', 1, 6], normal]], attrs: { axis: 1, before: 0, size: 'tokens' } },
  ],
  rotateHalf: [{ operands: [x], attrs: none }],
};

function fillTensor([shape, fill]: Operand, random: () => number): Tensor {
  const dims = shape.map((dim) => evaluateDim(dim, sizes));
  const length = dims.reduce((product, size) => product * size, 1);
  if ('from' in fill) {
    const span = fill.below - fill.from;
    return { dims, data: Int32Array.from({ length }, () => fill.from + Math.floor(random() * span)) };
  }
  const draw = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return {
    dims,
    data: Float32Array.from({ length }, () => ('positive' in fill ? 0.1 + random() : fill.normal * draw())),
  };
}

const backends = await backendsHere();

describe.each(backends)('every op on tfjs %s', (backend) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createTfjsEngine({ backend });
  });
  afterAll(() => engine.dispose());

  test.each(Object.keys(cases) as (keyof typeof cases)[])(
    '%s equals the reference interpreter',
    async (op) => {
      const random = seedrandom(op);
      for (const [at, { operands, attrs }] of (cases[op] as readonly OpCase<Op>[]).entries()) {
        const builder = new GraphBuilder();
        const symbols = Object.keys(sizes).map((name) => builder.input(name, 'i32', [name]));
        const tensors: Record<string, Tensor> = Object.fromEntries(
          symbols.map(({ shape }) => [String(shape[0]), fillTensor([shape, ids], random)]),
        );
        const values = operands.map((operand, position) => {
          const tensor = fillTensor(operand, random);
          tensors[`x${position}`] = tensor;
          return builder.input(`x${position}`, tensor.data instanceof Int32Array ? 'i32' : 'f32', operand[0]);
        });
        const results = builder.emit(op, values, attrs);
        for (const [output, value] of results.entries()) builder.output(`y${output}`, value);
        const graph = builder.build();

        const program = await engine.load(graph);
        const actual = await program.run(tensors);
        await program.dispose();
        const expected = interpret(graph, tensors);
        for (const [name, { dims, data }] of Object.entries(expected)) {
          expect(actual[name]!.dims, `${op} case ${at}, ${name}`).toEqual([...dims]);
          const scale = Math.max(1, ...data.map(Math.abs));
          for (const [position, value] of data.entries()) {
            const difference = Math.abs(actual[name]!.data[position]! - value);
            expect(difference, `${op} case ${at}, ${name}[${position}]`).toBeLessThan(4e-6 * scale);
          }
        }
      }
    },
  );
});
