import type { GraphBuilder } from '../builder.ts';
import type { Op, OpAttrs, Value } from '../ir.ts';
import { unbroadcast, type Vjp, type Vjps } from './vjp.ts';

type Elementwise =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'minimum'
  | 'maximum'
  | 'affine'
  | 'equal'
  | 'gelu'
  | 'geluTanh'
  | 'silu'
  | 'relu'
  | 'tanh'
  | 'sigmoid'
  | 'softplus'
  | 'erf'
  | 'exp'
  | 'log'
  | 'sqrt';

/** An op of one input whose derivative is a factor on the gradient, from the input x and the output y. */
function factor<O extends Op>(
  derivative: (b: GraphBuilder, x: Value, y: Value, attrs: OpAttrs[O]) => Value,
): Vjp<O> {
  return (b, { inputs: [x], outputs: [y], attrs }, g) => [() => b.mul(g, derivative(b, x!, y!, attrs))];
}

/** The smaller or larger of two; where they are equal each takes half, as PyTorch has it. */
const choose: Vjp<'minimum' | 'maximum'> = (b, { inputs, outputs: [y] }, g) => {
  const [left, right] = inputs.map((x) => b.equal(x, y!));
  const share = b.div(g, b.add(left!, right!));
  return [left!, right!].map((mask, i) => () => unbroadcast(b, b.mul(share, mask), inputs[i]!));
};

const oneMinus = (b: GraphBuilder, x: Value): Value => b.affine(x, -1, 1);

export const elementwise: Vjps<Elementwise> = {
  add: (b, { inputs }, g) => inputs.map((x) => () => unbroadcast(b, g, x)),
  sub: (b, { inputs: [x, y] }, g) => [() => unbroadcast(b, g, x!), () => unbroadcast(b, b.affine(g, -1), y!)],
  mul: (b, { inputs: [x, y] }, g) => [
    () => unbroadcast(b, b.mul(g, y!), x!),
    () => unbroadcast(b, b.mul(g, x!), y!),
  ],
  div: (b, { inputs: [x, y], outputs: [quotient] }, g) => [
    () => unbroadcast(b, b.div(g, y!), x!),
    () => unbroadcast(b, b.affine(b.div(b.mul(g, quotient!), y!), -1), y!),
  ],
  minimum: choose,
  maximum: choose,
  affine: (b, { attrs }, g) => [() => b.affine(g, attrs.factor)],
  equal: () => [],

  // Phi(x) + x phi(x), with s = x / sqrt(2): 0.5 (1 + erf(s)) + s exp(-s^2) / sqrt(pi).
  gelu: factor((b, x) => {
    const s = b.affine(x, Math.SQRT1_2);
    const bell = b.mul(s, b.exp(b.affine(b.mul(s, s), -1)));
    return b.add(b.affine(b.erf(s), 0.5, 0.5), b.affine(bell, 1 / Math.sqrt(Math.PI)));
  }),
  // y = x r with r = 0.5 (1 + tanh(u)) = sigmoid(2u): y' = r + 2 y (1 - r) u'.
  geluTanh: factor((b, x, y) => {
    const scale = Math.sqrt(2 / Math.PI);
    const square = b.mul(x, x);
    const r = b.sigmoid(b.mul(x, b.affine(square, 2 * scale * 0.044715, 2 * scale)));
    const slope = b.affine(square, 6 * scale * 0.044715, 2 * scale);
    return b.add(r, b.mul(b.mul(y, oneMinus(b, r)), slope));
  }),
  // y = x r with r = sigmoid(x): y' = r + y (1 - r).
  silu: factor((b, x, y) => {
    const r = b.sigmoid(x);
    return b.add(r, b.mul(y, oneMinus(b, r)));
  }),
  relu: factor((b, _x, y) => oneMinus(b, b.equal(y, b.scalar(0)))),
  tanh: factor((b, _x, y) => oneMinus(b, b.mul(y, y))),
  sigmoid: factor((b, _x, y) => b.mul(y, oneMinus(b, y))),
  softplus: factor((b, x) => b.sigmoid(x)),
  erf: factor((b, x) => b.affine(b.exp(b.affine(b.mul(x, x), -1)), 2 / Math.sqrt(Math.PI))),
  exp: factor((_b, _x, y) => y),
  log: (b, { inputs: [x] }, g) => [() => b.div(g, x!)],
  sqrt: (b, { outputs: [y] }, g) => [() => b.div(b.affine(g, 0.5), y!)],
};
