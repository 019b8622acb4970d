import type { Node, Op, Shape, Value } from '../../graph/index.ts';
import type { Attribute, ModelWriter } from './model.ts';
import type { RuntimeShapes } from './shapes.ts';

/** What a lowering rule sees of the model around it. */
export interface Lowering {
  readonly model: ModelWriter;
  readonly shapes: RuntimeShapes;
  readonly name: (value: Value) => string;
  /** Whether any node or output reads the value. */
  readonly isRead: (value: Value) => boolean;
}

type Rule<O extends Op> = (node: Node<O>, lowering: Lowering) => void;

const NO_LIMIT = 2n ** 63n - 1n;

const scalar = (model: ModelWriter, value: number): string => model.constant([], Float32Array.of(value));
const integers = (model: ModelWriter, values: readonly (number | bigint)[]): string =>
  model.constant([values.length], BigInt64Array.from(values, BigInt));

/** The last axis, from the front: reductions of empty tensors go wrong in onnxruntime 1.30 with an axis of -1. */
const lastAxis = (model: ModelWriter, x: Value): string => integers(model, [x.shape.length - 1]);

/** An op that ONNX has under its own name, input for input. */
function direct<O extends Op>(opType: string, attributes: Record<string, Attribute> = {}): Rule<O> {
  return ({ inputs, outputs }, { model, name }) => {
    model.node(opType, inputs.map(name), attributes, outputs.map(name));
  };
}

/** Exchange of the last two axes. onnxruntime fuses it into the product that reads it. */
function transposed(model: ModelWriter, name: string, rank: number): string {
  const perm = [...Array(rank).keys()];
  perm.push(...perm.splice(-2).toReversed());
  return model.node('Transpose', [name], { perm });
}

/**
 * The shape input of Reshape. 0 copies the input's size at the same axis and -1 is what remains; both keep the shape
 * static, but -1 beside a copied size of zero is refused by onnxruntime, so they never meet.
 */
function reshapeTarget(from: Shape, to: Shape, { model, shapes }: Lowering): string {
  const copied = to.map((size, axis) => typeof size === 'string' && size === from[axis]);
  const open = to.filter((size, axis) => typeof size === 'string' && !copied[axis]);
  const free = to.filter((size) => typeof size === 'string').length === 1 && open.length === 1;
  if (open.length > 0 && !free) return shapes.shape(to);
  return integers(
    model,
    to.map((size, axis) => (typeof size === 'number' ? size : copied[axis] ? 0 : -1)),
  );
}

/** The shape input of Expand, where 1 keeps the input's size. */
function expandTarget(from: Shape, to: Shape): Shape {
  const lead = to.length - from.length;
  return to.map((size, axis) => (size === from[axis - lead] ? 1 : size));
}

export const rules: { readonly [O in Op]: Rule<O> } = {
  linear({ attrs, inputs: [x, w], outputs: [y] }, { model, name }) {
    const weight = attrs.layout === 'in-out' ? name(w!) : transposed(model, name(w!), 2);
    model.node('MatMul', [name(x!), weight], {}, [name(y!)]);
  },
  bias: direct('Add'),
  embed({ inputs: [ids, table], outputs: [y] }, { model, name }) {
    model.node('Gather', [name(table!), name(ids!)], { axis: 0 }, [name(y!)]);
  },
  layerNorm({ attrs, inputs, outputs }, { model, name, isRead }) {
    const attributes = { axis: -1, epsilon: { float: attrs.epsilon } };
    const [y, ...statistics] = outputs;
    const read = statistics.map((value) => (isRead(value) ? name(value) : null));
    model.node('LayerNormalization', inputs.map(name), attributes, [name(y!), ...read]);
  },
  rmsNorm({ attrs, inputs: [x, gain], outputs: [y, inverse] }, { model, name }) {
    const square = model.node('Mul', [name(x!), name(x!)]);
    const mean = model.node('ReduceMean', [square, lastAxis(model, x!)], { keepdims: 1 });
    const root = model.node('Sqrt', [model.node('Add', [mean, scalar(model, attrs.epsilon)])]);
    model.node('Reciprocal', [root], {}, [name(inverse!)]);
    model.node('Mul', [model.node('Mul', [name(x!), name(inverse!)]), name(gain!)], {}, [name(y!)]);
  },

  /**
   * onnxruntime would restore all weights first, since nothing holds it back, and would give forward and backward pass one
   * copy, as equal nodes are merged: every copy would live until its use in the backward pass. So the scales are given a shape
   * that follows from that of x, which waits for x and differs for each use.
   */
  linearInt8({ attrs: { layout }, inputs: [x, q, scale], outputs: [y] }, { model, name }) {
    const nothing = model.node('Mul', [
      model.node('Shape', [name(x!)], { start: 0, end: 1 }),
      integers(model, [0]),
    ]);
    const size = model.node('Add', [nothing, integers(model, [q!.shape[0] as number])]);
    const scales = model.node('Reshape', [name(scale!), size]);
    const w = model.node('DequantizeLinear', [name(q!), scales], { axis: 0 });
    model.node('MatMul', [name(x!), layout === 'in-out' ? w : transposed(model, w, 2)], {}, [name(y!)]);
  },

  matmul({ attrs, inputs: [a, b], outputs: [y] }, { model, name }) {
    const left = attrs.transposeA ? transposed(model, name(a!), a!.shape.length) : name(a!);
    const right = attrs.transposeB ? transposed(model, name(b!), b!.shape.length) : name(b!);
    model.node('MatMul', [left, right], {}, [name(y!)]);
  },

  add: direct('Add'),
  sub: direct('Sub'),
  mul: direct('Mul'),
  div: direct('Div'),
  minimum: direct('Min'),
  maximum: direct('Max'),
  affine({ attrs, inputs: [x], outputs: [y] }, { model, name }) {
    const { factor, offset } = attrs;
    const scaled = factor === 1 ? name(x!) : model.fresh();
    if (factor !== 1)
      model.node('Mul', [name(x!), scalar(model, factor)], {}, [offset === 0 ? name(y!) : scaled]);
    if (offset !== 0 || factor === 1) model.node('Add', [scaled, scalar(model, offset)], {}, [name(y!)]);
  },
  equal({ inputs, outputs: [y] }, { model, name }) {
    model.node('Cast', [model.node('Equal', inputs.map(name))], { to: 1 }, [name(y!)]);
  },
  gelu: direct('Gelu'),
  geluTanh: direct('Gelu', { approximate: 'tanh' }),
  silu({ inputs: [x], outputs: [y] }, { model, name }) {
    model.node('Mul', [name(x!), model.node('Sigmoid', [name(x!)])], {}, [name(y!)]);
  },
  relu: direct('Relu'),
  tanh: direct('Tanh'),
  sigmoid: direct('Sigmoid'),
  softplus: direct('Softplus'),
  erf: direct('Erf'),
  exp: direct('Exp'),
  log: direct('Log'),
  sqrt: direct('Sqrt'),

  softmax: direct('Softmax', { axis: -1 }),
  sum({ attrs, inputs: [x], outputs: [y] }, { model, name }) {
    const keepdims = attrs.keepDims ? 1 : 0;
    model.node('ReduceSum', [name(x!), integers(model, attrs.axes)], { keepdims, noop_with_empty_axes: 1 }, [
      name(y!),
    ]);
  },
  /**
   * loss = log sum exp(x) - x[label], where log sum exp(x) = max x - log max p: the largest probability is at least
   * 1/V, so that its logarithm is finite for any logits (that of p[label] is not). Faster than LogSoftmax, too.
   */
  crossEntropy({ inputs: [logits, labels], outputs: [loss, probabilities] }, { model, name }) {
    const last = lastAxis(model, logits!);
    const p = model.node('Softmax', [name(logits!)], { axis: -1 }, [name(probabilities!)]);
    const label = model.node('Unsqueeze', [name(labels!), last]);
    const index = model.node('Max', [label, model.constant([], Int32Array.of(0))]);
    const largest = model.node('ReduceMax', [name(logits!), last], { keepdims: 1 });
    const logLargest = model.node('Log', [model.node('ReduceMax', [p, last], { keepdims: 1 })]);
    const logSum = model.node('Sub', [largest, logLargest]);
    const chosen = model.node('GatherElements', [name(logits!), index], { axis: -1 });
    const present = model.node('Equal', [label, index]);
    const each = model.node('Where', [present, model.node('Sub', [logSum, chosen]), scalar(model, 0)]);
    model.node('Squeeze', [each, last], {}, [name(loss!)]);
  },
  crossEntropyGrad({ inputs: [probabilities, labels, seed], outputs: [gradient] }, { model, name }) {
    const last = lastAxis(model, probabilities!);
    const label = model.node('Unsqueeze', [name(labels!), last]);
    const index = model.node('Max', [label, model.constant([], Int32Array.of(0))]);
    const present = model.node('Equal', [label, index]);
    const factor = model.node('Where', [
      present,
      model.node('Unsqueeze', [name(seed!), last]),
      scalar(model, 0),
    ]);
    const minusOne = model.node('Expand', [scalar(model, -1), model.node('Shape', [index])]);
    const attributes = { axis: -1, reduction: 'add' };
    const difference = model.node('ScatterElements', [name(probabilities!), index, minusOne], attributes);
    model.node('Mul', [difference, factor], {}, [name(gradient!)]);
  },
  gatherLast: direct('GatherElements', { axis: -1 }),

  reshape({ attrs, inputs: [x], outputs: [y] }, lowering) {
    const { model, name } = lowering;
    model.node('Reshape', [name(x!), reshapeTarget(x!.shape, attrs.shape, lowering)], {}, [name(y!)]);
  },
  transpose({ attrs, inputs: [x], outputs: [y] }, { model, name }) {
    model.node('Transpose', [name(x!)], { perm: attrs.perm }, [name(y!)]);
  },
  expand({ attrs, inputs: [x], outputs: [y] }, { model, shapes, name }) {
    model.node('Expand', [name(x!), shapes.shape(expandTarget(x!.shape, attrs.shape))], {}, [name(y!)]);
  },
  concat({ attrs, inputs, outputs: [y] }, { model, name }) {
    model.node('Concat', inputs.map(name), { axis: attrs.axis }, [name(y!)]);
  },
  slice({ attrs, inputs: [x], outputs: [y] }, { model, shapes, name }) {
    const { axis, start, end } = attrs;
    const toTheEnd = typeof end === 'string' && end === x!.shape.at(axis);
    const stop =
      typeof end === 'number'
        ? integers(model, [end])
        : toTheEnd
          ? integers(model, [NO_LIMIT])
          : shapes.dim(end);
    model.node('Slice', [name(x!), integers(model, [start]), stop, integers(model, [axis])], {}, [name(y!)]);
  },
  pad({ attrs, inputs: [x], outputs: [y] }, { model, shapes, name }) {
    const { axis, before, size } = attrs;
    const from = x!.shape[axis]!;
    let amounts: string;
    if (typeof from === 'number' && typeof size === 'number') {
      amounts = integers(model, [before, size - from - before]);
    } else {
      const added = model.node('Sub', [shapes.dim(size), shapes.dim(from)]);
      const after = model.node('Sub', [added, integers(model, [before])]);
      amounts = model.node('Concat', [integers(model, [before]), after], { axis: 0 });
    }
    model.node('Pad', [name(x!), amounts, scalar(model, 0), integers(model, [axis])], {}, [name(y!)]);
  },
  rotateHalf({ inputs: [x], outputs: [y] }, { model, name }) {
    const halves = [model.fresh(), model.fresh()] as const;
    model.node('Split', [name(x!)], { axis: -1, num_outputs: 2 }, halves);
    model.node('Concat', [model.node('Neg', [halves[1]]), halves[0]], { axis: -1 }, [name(y!)]);
  },
};

/** Writes one node; the table above is exhaustive over Op. */
export function lowerNode<O extends Op>(node: Node<O>, lowering: Lowering): void {
  rules[node.op](node, lowering);
}
