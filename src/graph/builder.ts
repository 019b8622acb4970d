import { InvalidParameterError } from '../../privacy/errors.ts';
import { canonicalDim, productDim, showShape } from './dims.ts';
import type { AnyNode, Constant, Dim, DType, Graph, Named, Op, OpAttrs, Shape, Value } from './ir.ts';
import { inferShapes } from './shapes.ts';

/** Constants up to this many numbers are shared when equal. */
const sharedConstantSize = 16;

/**
 * Builds a graph node by node, checking every shape. Nodes are pure, so asking twice for the same one gives the
 * same values: common subexpressions exist once from the start.
 *
 * Shapes in the methods' comments follow `OpAttrs`; `...` is any number of leading axes.
 */
export class GraphBuilder {
  readonly #inputs: Named[] = [];
  readonly #params: Named[] = [];
  readonly #constants: Constant[] = [];
  readonly #nodes: AnyNode[] = [];
  readonly #outputs: Named[] = [];
  readonly #known = new Map<string, readonly Value[]>();
  readonly #own = new Set<Value>();
  readonly #makers = new Map<Value, AnyNode>();

  /** A value that every run is given: [records, ...] where it belongs to the records, without that axis where it is shared. */
  input(name: string, dtype: DType, shape: Shape): Value {
    this.#checkName(name, [...this.#inputs, ...this.#params]);
    const value = this.#value(dtype, shape.map(canonicalDim));
    this.#inputs.push({ name, value });
    return value;
  }

  /** A parameter: of fixed shape, held by the engine between runs. The same name gives the same value. */
  param(name: string, shape: readonly number[], dtype: DType = 'f32'): Value {
    const known = this.#params.find((param) => param.name === name);
    if (known !== undefined) {
      if (showShape(known.value.shape) !== showShape(shape) || known.value.dtype !== dtype) {
        throw new InvalidParameterError(
          `param ${name}=${dtype}${showShape(shape)}: it already is ${known.value.dtype}${showShape(known.value.shape)}; use one type and shape`,
        );
      }
      return known.value;
    }
    this.#checkName(name, this.#inputs);
    const value = this.#value(dtype, shape.map(canonicalDim));
    this.#params.push({ name, value });
    return value;
  }

  constant(data: Float32Array | Int32Array, shape: readonly number[]): Value {
    if (productDim(shape) !== data.length) {
      throw new InvalidParameterError(
        `constant ${showShape(shape)}: ${data.length} numbers given; give one per place`,
      );
    }
    const dtype = data instanceof Int32Array ? 'i32' : 'f32';
    const make = (): readonly Value[] => {
      const value = this.#value(dtype, shape);
      this.#constants.push({ value, data });
      return [value];
    };
    if (data.length > sharedConstantSize) return make()[0]!;
    // -0 and 0 differ as constants: 1 / x tells them apart.
    const digits = Array.from(data, (x) => (Object.is(x, -0) ? '-0' : String(x)));
    return this.#once(`${dtype}${showShape(shape)}${digits.join()}`, make)[0]!;
  }

  /** A number as f32 [] constant. */
  scalar(number: number): Value {
    return this.constant(Float32Array.of(number), []);
  }

  /** Any op by its name; the methods below are this, typed. */
  emit<O extends Op>(op: O, inputs: readonly Value[], attrs: OpAttrs[O]): readonly Value[] {
    for (const input of inputs) {
      if (!this.#own.has(input)) {
        throw new InvalidParameterError(
          `${op}: value ${input.id}${showShape(input.shape)} is of another graph; import it first`,
        );
      }
    }
    const typed = inferShapes(op, inputs, attrs);
    return this.#once(`${op} ${inputs.map((x) => x.id).join()} ${JSON.stringify(attrs)}`, () => {
      const outputs = typed.map(({ dtype, shape }) => this.#value(dtype, shape));
      const node = { op, attrs, inputs, outputs } as AnyNode;
      this.#nodes.push(node);
      outputs.forEach((output) => this.#makers.set(output, node));
      return outputs;
    });
  }

  /** x [..., K], w -> [..., N]; w is [N, K] for `out-in`, [K, N] for `in-out`. */
  linear(x: Value, w: Value, layout: OpAttrs['linear']['layout']): Value {
    return this.#one('linear', [x, w], { layout });
  }
  /** x [..., N], b [N] -> x + b. */
  bias(x: Value, b: Value): Value {
    return this.#one('bias', [x, b], {});
  }
  /** ids i32 [...], table [V, D] -> [..., D]. */
  embed(ids: Value, table: Value): Value {
    return this.#one('embed', [ids, table], {});
  }
  /** x [..., D], gain [D], offset [D] -> y [..., D] and, for the backward pass, mean and inverse deviation [..., 1]. */
  layerNorm(
    x: Value,
    gain: Value,
    offset: Value,
    epsilon: number,
  ): { y: Value; mean: Value; inverse: Value } {
    const [y, mean, inverse] = this.emit('layerNorm', [x, gain, offset], { epsilon });
    return { y: y!, mean: mean!, inverse: inverse! };
  }
  /** x [..., D], gain [D] -> y [..., D] and, for the backward pass, the inverse root mean square [..., 1]. */
  rmsNorm(x: Value, gain: Value, epsilon: number): { y: Value; inverse: Value } {
    const [y, inverse] = this.emit('rmsNorm', [x, gain], { epsilon });
    return { y: y!, inverse: inverse! };
  }
  /** x [..., K] by the frozen weight scale * q, one scale for each row of q -> [..., N]. */
  linearInt8(x: Value, q: Value, scale: Value, layout: OpAttrs['linear']['layout']): Value {
    return this.#one('linearInt8', [x, q, scale], { layout });
  }

  /** a [..., M, K], b [..., K, N], each transposed on its last two axes where asked -> [..., M, N]. */
  matmul(
    a: Value,
    b: Value,
    { transposeA = false, transposeB = false }: Partial<OpAttrs['matmul']> = {},
  ): Value {
    return this.#one('matmul', [a, b], { transposeA, transposeB });
  }

  add(a: Value, b: Value): Value {
    return this.#one('add', [a, b], {});
  }
  sub(a: Value, b: Value): Value {
    return this.#one('sub', [a, b], {});
  }
  mul(a: Value, b: Value): Value {
    return this.#one('mul', [a, b], {});
  }
  div(a: Value, b: Value): Value {
    return this.#one('div', [a, b], {});
  }
  minimum(a: Value, b: Value): Value {
    return this.#one('minimum', [a, b], {});
  }
  maximum(a: Value, b: Value): Value {
    return this.#one('maximum', [a, b], {});
  }
  /** x * factor + offset. */
  affine(x: Value, factor: number, offset = 0): Value {
    return this.#one('affine', [x], { factor, offset });
  }
  /** 1 where equal, else 0 (f32). */
  equal(a: Value, b: Value): Value {
    return this.#one('equal', [a, b], {});
  }
  gelu(x: Value): Value {
    return this.#one('gelu', [x], {});
  }
  geluTanh(x: Value): Value {
    return this.#one('geluTanh', [x], {});
  }
  silu(x: Value): Value {
    return this.#one('silu', [x], {});
  }
  relu(x: Value): Value {
    return this.#one('relu', [x], {});
  }
  tanh(x: Value): Value {
    return this.#one('tanh', [x], {});
  }
  sigmoid(x: Value): Value {
    return this.#one('sigmoid', [x], {});
  }
  softplus(x: Value): Value {
    return this.#one('softplus', [x], {});
  }
  erf(x: Value): Value {
    return this.#one('erf', [x], {});
  }
  exp(x: Value): Value {
    return this.#one('exp', [x], {});
  }
  log(x: Value): Value {
    return this.#one('log', [x], {});
  }
  sqrt(x: Value): Value {
    return this.#one('sqrt', [x], {});
  }

  /** Over the last axis. */
  softmax(x: Value): Value {
    return this.#one('softmax', [x], {});
  }
  /** Negative axes count from the end. */
  sum(x: Value, axes: readonly number[], keepDims = false): Value {
    return this.#one('sum', [x], {
      axes: axes.map((axis) => this.#axis(x, axis)).sort((a, b) => a - b),
      keepDims,
    });
  }
  /** logits [..., V], labels i32 [...] (negative: no loss) -> loss [...], probabilities [..., V]. */
  crossEntropy(logits: Value, labels: Value): { loss: Value; probabilities: Value } {
    const [loss, probabilities] = this.emit('crossEntropy', [logits, labels], {});
    return { loss: loss!, probabilities: probabilities! };
  }
  /** probabilities [..., V], labels i32 [...], g [...] -> (p - onehot) g, 0 where the label is negative. */
  crossEntropyGrad(probabilities: Value, labels: Value, g: Value): Value {
    return this.#one('crossEntropyGrad', [probabilities, labels, g], {});
  }
  /** x [..., V], ids i32 [..., n] -> [..., n]. */
  gatherLast(x: Value, ids: Value): Value {
    return this.#one('gatherLast', [x, ids], {});
  }

  reshape(x: Value, shape: Shape): Value {
    return this.#one('reshape', [x], { shape: shape.map(canonicalDim) });
  }
  transpose(x: Value, perm: readonly number[]): Value {
    return this.#one('transpose', [x], { perm });
  }
  expand(x: Value, shape: Shape): Value {
    return this.#one('expand', [x], { shape: shape.map(canonicalDim) });
  }
  concat(inputs: readonly Value[], axis: number): Value {
    return this.#one('concat', inputs, {
      axis: inputs[0] === undefined ? axis : this.#axis(inputs[0], axis),
    });
  }
  /** start inclusive, end exclusive. */
  slice(x: Value, axis: number, start: number, end: Dim): Value {
    return this.#one('slice', [x], { axis: this.#axis(x, axis), start, end });
  }
  /** Zeros along one axis: `before` of them first, then x, then as many as make `size`. */
  pad(x: Value, axis: number, before: number, size: Dim): Value {
    return this.#one('pad', [x], { axis: this.#axis(x, axis), before, size: canonicalDim(size) });
  }
  /** Halves (a, b) of the last axis -> (-b, a). */
  rotateHalf(x: Value): Value {
    return this.#one('rotateHalf', [x], {});
  }

  /** The node that made a value; undefined for inputs, parameters and constants. */
  makerOf(value: Value): AnyNode | undefined {
    return this.#makers.get(value);
  }

  /** The numbers of a constant; undefined for other values. */
  constantOf(value: Value): Constant['data'] | undefined {
    return this.#constants.find((constant) => constant.value === value)?.data;
  }

  /** Names a value as a result. One value may have several names. */
  output(name: string, value: Value): void {
    this.#checkName(name, this.#outputs);
    this.#outputs.push({ name, value });
  }

  build(): Graph {
    return {
      inputs: [...this.#inputs],
      params: [...this.#params],
      constants: [...this.#constants],
      nodes: [...this.#nodes],
      outputs: [...this.#outputs],
    };
  }

  #one<O extends Op>(op: O, inputs: readonly Value[], attrs: OpAttrs[O]): Value {
    return this.emit(op, inputs, attrs)[0]!;
  }

  #once(key: string, make: () => readonly Value[]): readonly Value[] {
    let values = this.#known.get(key);
    if (values === undefined) {
      values = make();
      this.#known.set(key, values);
    }
    return values;
  }

  #value(dtype: DType, shape: Shape): Value {
    const value: Value = { id: this.#own.size, dtype, shape };
    this.#own.add(value);
    return value;
  }

  #axis(x: Value, axis: number): number {
    return axis < 0 ? axis + x.shape.length : axis;
  }

  #checkName(name: string, taken: readonly Named[]): void {
    if (taken.some((other) => other.name === name)) {
      throw new InvalidParameterError(`name=${name}: already taken in this graph; choose another`);
    }
  }
}
