import { erf } from 'mathjs';
import { evaluateDim, symbolsOf } from '../../src/graph/index.ts';
import type { AnyNode, Graph, Named, Value } from '../../src/graph/index.ts';

/** A dense array in the interpreter: float64 whatever its graph dtype. */
export interface Dense {
  readonly dims: readonly number[];
  readonly data: Float64Array;
}
export type DenseInput = { readonly dims: readonly number[]; readonly data: ArrayLike<number> };

const count = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
const dense = (dims: readonly number[], at: (flat: number) => number): Dense => ({
  dims,
  data: Float64Array.from({ length: count(dims) }, (_, flat) => at(flat)),
});

function unflatten(flat: number, dims: readonly number[]): number[] {
  const index = dims.map(() => 0);
  for (let axis = dims.length - 1, rest = flat; axis >= 0; axis--) {
    index[axis] = rest % dims[axis]!;
    rest = Math.floor(rest / dims[axis]!);
  }
  return index;
}

function flatten(index: readonly number[], dims: readonly number[]): number {
  return dims.reduce((flat, dim, axis) => flat * dim + index[axis]!, 0);
}

/** x read at each place of a shape that it broadcasts to. */
function reader(x: Dense, dims: readonly number[]): (flat: number) => number {
  if (x.data.length === 1) return () => x.data[0]!;
  if (x.data.length === count(dims)) return (flat) => x.data[flat]!;
  const skip = dims.length - x.dims.length;
  return (flat) => {
    const index = unflatten(flat, dims);
    return x.data[
      flatten(
        x.dims.map((dim, axis) => (dim === 1 ? 0 : index[axis + skip]!)),
        x.dims,
      )
    ]!;
  };
}

function elementwise(
  dims: readonly number[],
  inputs: readonly Dense[],
  f: (...xs: number[]) => number,
): Dense {
  const [x, y] = inputs.map((input) => reader(input, dims));
  return dense(dims, y === undefined ? (flat) => f(x!(flat)) : (flat) => f(x!(flat), y(flat)));
}

/** Rows along the last axis. */
function rows(x: Dense): Float64Array[] {
  const width = x.dims.at(-1)!;
  const rowCount = count(x.dims.slice(0, -1));
  return Array.from({ length: rowCount }, (_, row) => x.data.subarray(row * width, (row + 1) * width));
}

function fromRows(dims: readonly number[], values: readonly ArrayLike<number>[]): Dense {
  return { dims, data: Float64Array.from(values.flatMap((row) => Array.from(row))) };
}

const mean = (row: ArrayLike<number>): number => Array.from(row).reduce((a, b) => a + b, 0) / row.length;
const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

function softmax(row: ArrayLike<number>): number[] {
  const top = Math.max(...Array.from(row));
  const powers = Array.from(row, (x) => Math.exp(x - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / total);
}

/** Over every pair of matching leading axes: out[m, n] = sum_k a(m, k) b(k, n). */
function matmul(
  a: Dense,
  b: Dense,
  transposeA: boolean,
  transposeB: boolean,
  dims: readonly number[],
): Dense {
  const [rowsOut, columnsOut] = [dims.at(-2)!, dims.at(-1)!];
  const inner = a.dims.at(transposeA ? -2 : -1)!;
  return dense(dims, (flat) => {
    const column = flat % columnsOut;
    const row = Math.floor(flat / columnsOut) % rowsOut;
    const batch = Math.floor(flat / (columnsOut * rowsOut));
    let total = 0;
    for (let k = 0; k < inner; k++) {
      const left = transposeA ? k * rowsOut + row : row * inner + k;
      const right = transposeB ? column * inner + k : k * columnsOut + column;
      total += a.data[batch * rowsOut * inner + left]! * b.data[batch * inner * columnsOut + right]!;
    }
    return total;
  });
}

const unary = {
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x: number) => x * sigmoid(x),
  relu: (x: number) => (x < 0 ? 0 : x),
  tanh: Math.tanh,
  sigmoid,
  softplus: (x: number) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x))),
  erf: (x: number) => erf(x),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
} as const;

const binary = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  minimum: Math.min,
  maximum: Math.max,
  equal: (a: number, b: number) => (a === b ? 1 : 0),
  bias: (a: number, b: number) => a + b,
} as const;

/** One node; `dims` are the outputs' shapes by the shape rules. */
function evaluate(node: AnyNode, inputs: readonly Dense[], dims: readonly (readonly number[])[]): Dense[] {
  const [x, y, z] = inputs as [Dense, Dense, Dense];
  const shape = dims[0]!;
  switch (node.op) {
    case 'linear':
    case 'linearInt8': {
      const flat: Dense = { dims: [count(x.dims.slice(0, -1)), x.dims.at(-1)!], data: x.data };
      const scales = node.op === 'linearInt8' ? inputs[2]!.data : undefined;
      const w = scales ? dense(y.dims, (at) => y.data[at]! * scales[Math.floor(at / y.dims[1]!)]!) : y;
      return [
        {
          ...matmul(flat, w, false, node.attrs.layout === 'out-in', [flat.dims[0]!, shape.at(-1)!]),
          dims: shape,
        },
      ];
    }
    case 'matmul':
      return [matmul(x, y, node.attrs.transposeA, node.attrs.transposeB, shape)];
    case 'embed':
      return [
        fromRows(
          shape,
          Array.from(x.data, (id) => rows(y)[id]!),
        ),
      ];
    case 'layerNorm': {
      const means = rows(x).map(mean);
      const inverses = rows(x).map(
        (row, i) => 1 / Math.sqrt(mean(row.map((v) => (v - means[i]!) ** 2)) + node.attrs.epsilon),
      );
      const normed = rows(x).map((row, i) =>
        row.map((v, d) => (v - means[i]!) * inverses[i]! * y.data[d]! + z.data[d]!),
      );
      return [fromRows(shape, normed), fromRows(dims[1]!, [means]), fromRows(dims[2]!, [inverses])];
    }
    case 'rmsNorm': {
      const inverses = rows(x).map((row) => 1 / Math.sqrt(mean(row.map((v) => v * v)) + node.attrs.epsilon));
      const normed = rows(x).map((row, i) => row.map((v, d) => v * inverses[i]! * y.data[d]!));
      return [fromRows(shape, normed), fromRows(dims[1]!, [inverses])];
    }
    case 'affine':
      return [elementwise(shape, [x], (v) => v * node.attrs.factor + node.attrs.offset)];
    case 'bias':
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'minimum':
    case 'maximum':
    case 'equal':
      return [elementwise(shape, inputs, binary[node.op])];
    case 'gelu':
    case 'geluTanh':
    case 'silu':
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'softplus':
    case 'erf':
    case 'exp':
    case 'log':
    case 'sqrt':
      return [elementwise(shape, inputs, unary[node.op])];
    case 'softmax':
      return [fromRows(shape, rows(x).map(softmax))];
    case 'sum': {
      const kept = x.dims.map((dim, axis) => (node.attrs.axes.includes(axis) ? 1 : dim));
      const totals = new Float64Array(count(kept));
      x.data.forEach((value, flat) => {
        const index = unflatten(flat, x.dims).map((i, axis) => (kept[axis] === 1 ? 0 : i));
        totals[flatten(index, kept)]! += value;
      });
      return [{ dims: shape, data: totals }];
    }
    case 'crossEntropy': {
      const probabilities = rows(x).map(softmax);
      const losses = rows(x).map((row, i) => {
        const label = y.data[i]!;
        const top = Math.max(...row);
        return label < 0 ? 0 : top + Math.log(row.reduce((a, v) => a + Math.exp(v - top), 0)) - row[label]!;
      });
      return [fromRows(shape, [losses]), fromRows(dims[1]!, probabilities)];
    }
    case 'crossEntropyGrad':
      return [
        fromRows(
          shape,
          rows(x).map((row, i) => {
            const label = y.data[i]!;
            return row.map((p, v) => (label < 0 ? 0 : (p - (v === label ? 1 : 0)) * z.data[i]!));
          }),
        ),
      ];
    case 'gatherLast':
      return [
        fromRows(
          shape,
          rows(y).map((ids, i) => ids.map((id) => rows(x)[i]![id]!)),
        ),
      ];
    case 'reshape':
      return [{ dims: shape, data: x.data }];
    case 'transpose':
      return [
        dense(shape, (flat) => {
          const index = unflatten(flat, shape);
          const source = x.dims.map((_, axis) => index[node.attrs.perm.indexOf(axis)]!);
          return x.data[flatten(source, x.dims)]!;
        }),
      ];
    case 'expand':
      return [elementwise(shape, [x], (v) => v)];
    case 'concat': {
      const { axis } = node.attrs;
      return [
        dense(shape, (flat) => {
          const index = unflatten(flat, shape);
          let part = 0;
          while (index[axis]! >= inputs[part]!.dims[axis]!) index[axis]! -= inputs[part++]!.dims[axis]!;
          return inputs[part]!.data[flatten(index, inputs[part]!.dims)]!;
        }),
      ];
    }
    case 'slice':
      return [
        dense(shape, (flat) => {
          const index = unflatten(flat, shape);
          return x.data[
            flatten(index.with(node.attrs.axis, index[node.attrs.axis]! + node.attrs.start), x.dims)
          ]!;
        }),
      ];
    case 'pad':
      return [
        dense(shape, (flat) => {
          const index = unflatten(flat, shape);
          const source = index[node.attrs.axis]! - node.attrs.before;
          const inside = source >= 0 && source < x.dims[node.attrs.axis]!;
          return inside ? x.data[flatten(index.with(node.attrs.axis, source), x.dims)]! : 0;
        }),
      ];
    case 'rotateHalf':
      return [
        fromRows(
          shape,
          rows(x).map((row) => {
            const half = row.length / 2;
            return row.map((_, d) => (d < half ? -row[d + half]! : row[d - half]!));
          }),
        ),
      ];
    default:
      return node satisfies never;
  }
}

type Sizes = Record<string, number>;

/** The size of every symbol, from the axes that are one symbol alone. */
function symbolSizes(inputs: readonly Named[], given: Readonly<Record<string, DenseInput>>): Sizes {
  const sizes: Sizes = {};
  for (const { name, value } of inputs) {
    value.shape.forEach((dim, axis) => {
      if (symbolsOf(dim).length === 1 && symbolsOf(dim)[0] === dim) sizes[dim] ??= given[name]!.dims[axis]!;
    });
  }
  return sizes;
}

function check(what: string, value: Value, dims: readonly number[], size: number, sizes: Sizes): void {
  const wanted = value.shape.map((dim) => evaluateDim(dim, sizes));
  if (wanted.join() !== dims.join() || count(dims) !== size) {
    throw new Error(
      `${what}: has dims [${dims.join()}] and ${size} numbers, its shape says [${wanted.join()}]`,
    );
  }
}

/**
 * The meaning of a graph in float64: slow and obviously right. What engines and goldens are compared to.
 * Every output of every node is checked against the shape that the builder inferred.
 */
export function interpret(
  graph: Graph,
  inputs: Readonly<Record<string, DenseInput>>,
  params: Readonly<Record<string, DenseInput>> = {},
): Record<string, Dense> {
  const values = new Map<Value, Dense>();
  const sizes = symbolSizes(graph.inputs, inputs);
  const given = [
    ...graph.inputs.map(({ name, value }) => ({ name, value, from: inputs[name] })),
    ...graph.params.map(({ name, value }) => ({ name, value, from: params[name] })),
  ];
  for (const { name, value, from } of given) {
    if (from === undefined) throw new Error(`${name}: not given`);
    check(name, value, from.dims, from.data.length, sizes);
    values.set(value, { dims: from.dims, data: Float64Array.from(from.data) });
  }
  for (const { value, data } of graph.constants) {
    values.set(value, { dims: value.shape.map(Number), data: Float64Array.from(data) });
  }
  for (const node of graph.nodes) {
    const dims = node.outputs.map(({ shape }) => shape.map((dim) => evaluateDim(dim, sizes)));
    const results = evaluate(
      node,
      node.inputs.map((value) => values.get(value)!),
      dims,
    );
    results.forEach((result, i) => {
      check(`${node.op} output ${i}`, node.outputs[i]!, result.dims, result.data.length, sizes);
      values.set(node.outputs[i]!, result);
    });
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, values.get(value)!]));
}
