import { InvalidParameterError } from '../../privacy/errors.ts';
import { broadcastShapes, canonicalDim, productDim, sameShape, showShape, sumDim } from './dims.ts';
import type { Dim, DType, Op, OpAttrs, Shape, Value } from './ir.ts';

/** What an op makes, before it has an identity. */
export interface Typed {
  readonly dtype: DType;
  readonly shape: Shape;
}

type Infer<O extends Op> = (inputs: readonly Value[], attrs: OpAttrs[O], fail: Fail) => readonly Typed[];
/** Throws with the op, its inputs' shapes and the constraint. */
type Fail = (constraint: string) => never;

const f32 = (shape: Shape): Typed => ({ dtype: 'f32', shape });
const last = (shape: Shape): Dim | undefined => shape.at(-1);
const leading = (shape: Shape): Shape => shape.slice(0, -1);

const sameAsFirst = ([x]: readonly Value[]): readonly Typed[] => [f32(x!.shape)];

function broadcast([a, b]: readonly Value[], _attrs: unknown, fail: Fail): readonly Typed[] {
  return [f32(broadcastShapes(a!.shape, b!.shape) ?? fail('the shapes must broadcast'))];
}

function checkAxis(x: Value, axis: number, fail: Fail): Dim {
  return x.shape[axis] ?? fail(`axis=${axis} must be from 0 to ${x.shape.length - 1}`);
}

function replaceAxis(shape: Shape, axis: number, dim: Dim): Shape {
  return shape.with(axis, dim);
}

/** The shape rule of every op: checks the inputs' shapes and gives the outputs'. */
const shapeRules: { readonly [O in Op]: Infer<O> } = {
  linear([x, w], { layout }, fail) {
    const [from, to] = layout === 'out-in' ? [1, 0] : [0, 1];
    if (w!.shape.length !== 2) fail('w must have two axes');
    if (x!.shape.length === 0 || last(x!.shape) !== w!.shape[from]) {
      fail(`the last axis of x must equal axis ${from} of w (layout ${layout})`);
    }
    return [f32([...leading(x!.shape), w!.shape[to]!])];
  },
  bias([x, b], _attrs, fail) {
    if (b!.shape.length !== 1 || last(x!.shape) !== b!.shape[0]) fail('b must have the last axis of x');
    return [f32(x!.shape)];
  },
  embed([ids, table], _attrs, fail) {
    if (table!.shape.length !== 2) fail('the table must have two axes');
    return [f32([...ids!.shape, table!.shape[1]!])];
  },
  layerNorm([x, gain, offset], _attrs, fail) {
    const width = last(x!.shape);
    if (width === undefined || !sameShape(gain!.shape, [width]) || !sameShape(offset!.shape, [width])) {
      fail('gain and offset must have the last axis of x');
    }
    const row = f32([...leading(x!.shape), 1]);
    return [f32(x!.shape), row, row];
  },
  rmsNorm([x, gain], _attrs, fail) {
    const width = last(x!.shape);
    if (width === undefined || !sameShape(gain!.shape, [width])) fail('gain must have the last axis of x');
    return [f32(x!.shape), f32([...leading(x!.shape), 1])];
  },

  linearInt8([x, q, scale], attrs, fail) {
    const typed = shapeRules.linear([x!, q!], attrs, fail);
    if (!sameShape(scale!.shape, [q!.shape[0]!])) fail('there must be one scale for each row of q');
    return typed;
  },

  matmul([a, b], { transposeA, transposeB }, fail) {
    const rank = a!.shape.length;
    if (rank < 2 || rank !== b!.shape.length) fail('a and b must have the same rank, at least 2');
    const [rows, inner] = transposeA ? [-1, -2] : [-2, -1];
    const [innerB, columns] = transposeB ? [-1, -2] : [-2, -1];
    if (a!.shape.at(inner) !== b!.shape.at(innerB)) fail('the contracted axes must be equal');
    const batch = a!.shape.slice(0, -2);
    if (!sameShape(batch, b!.shape.slice(0, -2))) fail('the leading axes must be equal');
    return [f32([...batch, a!.shape.at(rows)!, b!.shape.at(columns)!])];
  },

  add: broadcast,
  sub: broadcast,
  mul: broadcast,
  div: broadcast,
  minimum: broadcast,
  maximum: broadcast,
  affine: sameAsFirst,
  equal: broadcast,
  gelu: sameAsFirst,
  geluTanh: sameAsFirst,
  silu: sameAsFirst,
  relu: sameAsFirst,
  tanh: sameAsFirst,
  sigmoid: sameAsFirst,
  softplus: sameAsFirst,
  erf: sameAsFirst,
  exp: sameAsFirst,
  log: sameAsFirst,
  sqrt: sameAsFirst,

  softmax([x], _attrs, fail) {
    if (x!.shape.length === 0) fail('x must have an axis');
    return [f32(x!.shape)];
  },
  sum([x], { axes, keepDims }, fail) {
    for (const axis of axes) checkAxis(x!, axis, fail);
    if (new Set(axes).size !== axes.length) fail(`axes=${axes.join(',')} must differ`);
    const shape = x!.shape.map((dim, axis): Dim => (axes.includes(axis) ? 1 : dim));
    return [f32(keepDims ? shape : shape.filter((_, axis) => !axes.includes(axis)))];
  },
  crossEntropy([logits, labels], _attrs, fail) {
    if (!sameShape(leading(logits!.shape), labels!.shape))
      fail('labels must have the leading axes of logits');
    return [f32(labels!.shape), f32(logits!.shape)];
  },
  crossEntropyGrad([probabilities, labels, g], _attrs, fail) {
    const rows = leading(probabilities!.shape);
    if (!sameShape(rows, labels!.shape) || !sameShape(rows, g!.shape)) {
      fail('labels and g must have the leading axes of probabilities');
    }
    return [f32(probabilities!.shape)];
  },
  gatherLast([x, ids], _attrs, fail) {
    if (x!.shape.length === 0 || ids!.shape.length !== x!.shape.length)
      fail('x and ids must have equal rank');
    if (!sameShape(leading(x!.shape), leading(ids!.shape))) fail('the leading axes must be equal');
    return [f32(ids!.shape)];
  },

  reshape([x], { shape }, fail) {
    if (productDim(shape) !== productDim(x!.shape))
      fail(`the size must stay the same, not ${showShape(shape)}`);
    return [{ dtype: x!.dtype, shape: shape.map(canonicalDim) }];
  },
  transpose([x], { perm }, fail) {
    const axes = [...perm].sort((a, b) => a - b);
    if (perm.length !== x!.shape.length || axes.some((axis, i) => axis !== i)) {
      fail(`perm=${perm.join(',')} must name every axis once`);
    }
    return [{ dtype: x!.dtype, shape: perm.map((axis) => x!.shape[axis]!) }];
  },
  expand([x], { shape }, fail) {
    const wide = broadcastShapes(x!.shape, shape);
    if (wide === undefined || !sameShape(wide, shape)) fail(`x must broadcast to ${showShape(shape)}`);
    return [{ dtype: x!.dtype, shape: shape.map(canonicalDim) }];
  },
  concat(inputs, { axis }, fail) {
    const [first, ...rest] = inputs;
    if (first === undefined) fail('at least one input is needed');
    let dim = checkAxis(first!, axis, fail);
    for (const x of rest) {
      if (x.dtype !== first!.dtype || x.shape.length !== first!.shape.length)
        fail('the inputs must be alike');
      if (!sameShape(replaceAxis(x.shape, axis, 1), replaceAxis(first!.shape, axis, 1))) {
        fail(`all axes but ${axis} must be equal`);
      }
      dim =
        sumDim(dim, x.shape[axis]!) ??
        fail(`the sizes of axis ${axis} must be all numbers or multiples of one symbol`);
    }
    return [{ dtype: first!.dtype, shape: replaceAxis(first!.shape, axis, dim) }];
  },
  slice([x], { axis, start, end }, fail) {
    const dim = checkAxis(x!, axis, fail);
    if (typeof dim === 'number' && typeof end === 'number' && end > dim)
      fail(`end=${end} must be at most ${dim}`);
    if (!Number.isSafeInteger(start) || start < 0) fail(`start=${start} must be a whole number >= 0`);
    const size =
      sumDim(end, start, -1) ?? fail(`start=${start} and end=${end} must be a range of known size`);
    return [{ dtype: x!.dtype, shape: replaceAxis(x!.shape, axis, size) }];
  },
  pad([x], { axis, before, size }, fail) {
    const dim = checkAxis(x!, axis, fail);
    if (!Number.isSafeInteger(before) || before < 0) fail(`before=${before} must be a whole number >= 0`);
    if (typeof dim === 'number' && typeof size === 'number' && before + dim > size) {
      fail(`size=${size} must be at least ${before + dim}`);
    }
    return [{ dtype: x!.dtype, shape: replaceAxis(x!.shape, axis, canonicalDim(size)) }];
  },
  rotateHalf([x], _attrs, fail) {
    const width = last(x!.shape);
    if (typeof width !== 'number' || width % 2 !== 0) fail('the last axis must be an even number');
    return [f32(x!.shape)];
  },
};

/** Element types that an op takes; `any` for layout ops and `equal`. */
const inputTypes: { readonly [O in Op]?: readonly (DType | 'any')[] } = {
  embed: ['i32', 'f32'],
  linearInt8: ['f32', 'i8', 'f32'],
  equal: ['any', 'any'],
  crossEntropy: ['f32', 'i32'],
  crossEntropyGrad: ['f32', 'i32', 'f32'],
  gatherLast: ['f32', 'i32'],
  reshape: ['any'],
  transpose: ['any'],
  expand: ['any'],
  concat: [],
  slice: ['any'],
  pad: ['any'],
};

const inputCounts: { readonly [O in Op]?: number } = {
  linear: 2,
  bias: 2,
  embed: 2,
  layerNorm: 3,
  rmsNorm: 2,
  linearInt8: 3,
  matmul: 2,
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  minimum: 2,
  maximum: 2,
  equal: 2,
  crossEntropy: 2,
  crossEntropyGrad: 3,
  gatherLast: 2,
};

/**
 * Types and shapes of a node's outputs.
 * @throws InvalidParameterError naming the op and its inputs' shapes where they do not fit
 */
export function inferShapes<O extends Op>(
  op: O,
  inputs: readonly Value[],
  attrs: OpAttrs[O],
): readonly Typed[] {
  const fail: Fail = (constraint) => {
    const shown = inputs.map((x) => `${x.dtype}${showShape(x.shape)}`).join(', ');
    throw new InvalidParameterError(`${op}(${shown}): ${constraint}`);
  };
  if (op !== 'concat' && inputs.length !== (inputCounts[op] ?? 1))
    fail(`needs ${inputCounts[op] ?? 1} inputs`);
  const types = inputTypes[op];
  inputs.forEach((x, i) => {
    const type = types === undefined ? 'f32' : (types[i] ?? 'any');
    if (type !== 'any' && x.dtype !== type) fail(`input ${i} must be ${type}`);
  });
  if (op === 'equal' && inputs[0]!.dtype !== inputs[1]!.dtype) fail('both inputs must have one type');
  return shapeRules[op](inputs, attrs, fail);
}
