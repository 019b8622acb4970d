import { GraphBuilder } from '../../src/graph/index.ts';
import type { Graph, Shape, Value } from '../../src/graph/index.ts';

/** The op networks of test/golden/gradients.py, once more; each has an output `loss` [records]. */
export type Network = (dims: Dims) => Graph;
/** Dimensions of the golden's parameters by name. */
export type Dims = Readonly<Record<string, readonly number[]>>;
type Builder = (b: GraphBuilder, w: (name: string) => Value) => Value;

function network(build: Builder): Network {
  return (dims) => {
    const b = new GraphBuilder();
    b.output(
      'loss',
      build(b, (name) => b.param(name, dims[name]!)),
    );
    return b.build();
  };
}

/** sum(y * r) over all but the records. */
function weighted(b: GraphBuilder, y: Value, shape: Shape = y.shape): Value {
  const axes = shape.map((_, axis) => axis).slice(1);
  return b.sum(b.mul(y, b.input('r', 'f32', shape)), axes);
}

function unary(
  f: (b: GraphBuilder, h: Value) => Value,
  tokens: number | string = 'tokens',
  width = 5,
): Network {
  return network((b, w) => {
    const h = b.linear(b.input('x', 'f32', ['records', tokens, 4]), w('w'), 'out-in');
    return weighted(b, f(b, h), ['records', tokens, width]);
  });
}

function binary(f: (b: GraphBuilder, h1: Value, h2: Value) => Value): Network {
  return network((b, w) => {
    const x = b.input('x', 'f32', ['records', 'tokens', 4]);
    return weighted(b, f(b, b.linear(x, w('w1'), 'out-in'), b.linear(x, w('w2'), 'out-in')));
  });
}

/** x is [records, 3, 4], or [records, 4, 3] where it is transposed; y [records, 4, 5] or [records, 5, 4]. */
function matmul(transposeA: boolean, transposeB: boolean): Network {
  return network((b, w) => {
    const x = b.input('x', 'f32', transposeA ? ['records', 4, 3] : ['records', 3, 4]);
    const y = b.input('y', 'f32', transposeB ? ['records', 5, 4] : ['records', 4, 5]);
    const [left, right] = [b.linear(x, w('w1'), 'out-in'), b.linear(y, w('w2'), 'out-in')];
    return weighted(b, b.matmul(left, right, { transposeA, transposeB }));
  });
}

const positive = (b: GraphBuilder, h: Value): Value => b.affine(b.sigmoid(h), 1, 0.5);

function consumers(rank: number): Record<string, Network> {
  const leading = ['records', ...(rank > 2 ? ['tokens'] : []), ...(rank > 3 ? [3] : [])];
  const input = (b: GraphBuilder): Value => b.input('x', 'f32', [...leading, 4]);
  return {
    [`linear out-in rank ${rank}`]: network((b, w) => weighted(b, b.linear(input(b), w('w'), 'out-in'))),
    [`linear in-out rank ${rank}`]: network((b, w) => weighted(b, b.linear(input(b), w('w'), 'in-out'))),
    [`bias rank ${rank}`]: network((b, w) =>
      weighted(b, b.tanh(b.bias(b.linear(input(b), w('w'), 'out-in'), w('b')))),
    ),
    [`layerNorm rank ${rank}`]: network((b, w) =>
      weighted(b, b.layerNorm(b.linear(input(b), w('w'), 'out-in'), w('gain'), w('offset'), 1e-5).y),
    ),
    [`rmsNorm rank ${rank}`]: network((b, w) =>
      weighted(b, b.rmsNorm(b.linear(input(b), w('w'), 'out-in'), w('gain'), 1e-5).y),
    ),
  };
}

const ids = (b: GraphBuilder, tokens: number | string = 'tokens'): Value =>
  b.input('ids', 'i32', ['records', tokens]);

export const opNetworks: Readonly<Record<string, Network>> = {
  ...consumers(2),
  ...consumers(3),
  ...consumers(4),
  embed: network((b, w) => weighted(b, b.tanh(b.embed(ids(b), w('table'))))),
  'embed rank 1': network((b, w) =>
    weighted(b, b.tanh(b.embed(b.input('ids', 'i32', ['records']), w('table')))),
  ),
  'matmul nn': matmul(false, false),
  'matmul nt': matmul(false, true),
  'matmul tn': matmul(true, false),
  'matmul tt': matmul(true, true),
  add: binary((b, x, y) => b.add(x, y)),
  sub: binary((b, x, y) => b.sub(x, y)),
  mul: binary((b, x, y) => b.mul(x, y)),
  div: binary((b, x, y) => b.div(x, positive(b, y))),
  minimum: binary((b, x, y) => b.minimum(x, y)),
  maximum: binary((b, x, y) => b.maximum(x, y)),
  affine: unary((b, h) => b.affine(b.tanh(h), 3, -2)),
  gelu: unary((b, h) => b.gelu(h)),
  geluTanh: unary((b, h) => b.geluTanh(h)),
  silu: unary((b, h) => b.silu(h)),
  relu: unary((b, h) => b.relu(h)),
  tanh: unary((b, h) => b.tanh(h)),
  sigmoid: unary((b, h) => b.sigmoid(h)),
  softplus: unary((b, h) => b.softplus(h)),
  erf: unary((b, h) => b.erf(h)),
  exp: unary((b, h) => b.exp(h)),
  log: unary((b, h) => b.log(positive(b, h))),
  sqrt: unary((b, h) => b.sqrt(positive(b, h))),
  softmax: unary((b, h) => b.softmax(h)),
  sum: unary((b, h) =>
    b.add(b.tanh(b.sum(h, [1], true)), b.reshape(b.tanh(b.sum(h, [2])), ['records', 'tokens', 1])),
  ),
  expand: unary((b, h) => b.mul(b.expand(b.tanh(b.sum(h, [2], true)), ['records', 'tokens', 5]), h)),
  'reshape and transpose': unary(
    (b, h) => b.tanh(b.transpose(b.reshape(h, ['records', 5, 3]), [0, 2, 1])),
    3,
  ),
  concat: unary(
    (b, h) =>
      b.add(
        b.concat([b.slice(h, 1, 0, 1), b.slice(b.tanh(h), 1, 1, 3)], 1),
        b.concat([b.slice(h, 2, 3, 5), b.exp(b.slice(h, 2, 0, 3))], 2),
      ),
    3,
  ),
  'slice and pad': unary(
    (b, h) => b.pad(b.pad(b.exp(b.slice(b.slice(h, 1, 1, 3), 2, 1, 4)), 2, 2, 5), 1, 1, 3),
    3,
  ),
  rotateHalf: unary((b, h) => b.tanh(b.rotateHalf(h)), 'tokens', 6),
  crossEntropy: network((b, w) => {
    const logits = b.linear(b.input('x', 'f32', ['records', 'tokens', 4]), w('w'), 'out-in');
    return meanLoss(b, logits);
  }),
  'linear used twice': network((b, w) => {
    const h = b.tanh(b.linear(b.input('x', 'f32', ['records', 'tokens', 4]), w('w'), 'out-in'));
    return weighted(b, b.tanh(b.linear(h, w('w'), 'out-in')));
  }),
  'linear used twice at different lengths': network((b, w) => {
    const h = b.tanh(b.linear(b.input('x', 'f32', ['records', 'tokens', 4]), w('w'), 'out-in'));
    return weighted(b, b.tanh(b.linear(b.sum(h, [1]), w('w'), 'in-out')));
  }),
  'bias used twice': network((b, w) => {
    const h = b.linear(b.input('x', 'f32', ['records', 'tokens', 4]), w('w'), 'out-in');
    return weighted(b, b.bias(b.tanh(b.bias(h, w('b'))), w('b')));
  }),
  'embed used twice': network((b, w) => {
    const all = ids(b, 4);
    const late = b.embed(b.slice(all, 1, 1, 4), w('table'));
    const early = b.embed(b.slice(all, 1, 0, 3), w('table'));
    return weighted(b, b.mul(b.tanh(late), early));
  }),
  'embed tied to linear out-in': network((b, w) => {
    const logits = b.linear(b.tanh(b.embed(ids(b), w('table'))), w('table'), 'out-in');
    return meanLoss(b, logits);
  }),
  'embed tied to linear in-out': network((b, w) => {
    // The linear map comes first, so that backward meets it last; out-in above is the other way round.
    const mapped = b.sum(b.tanh(b.linear(b.input('x', 'f32', ['records', 3, 6]), w('table'), 'in-out')), [1]);
    const looked = b.sum(b.tanh(b.embed(ids(b, 4), w('table'))), [1]);
    return weighted(b, b.mul(looked, mapped));
  }),
  'low rank': network((b, w) => {
    const down = b.linear(b.input('x', 'f32', ['records', 'tokens', 4]), w('a'), 'out-in');
    return weighted(b, b.tanh(b.affine(b.linear(down, w('b'), 'out-in'), 2)));
  }),
};

/** Mean over each record's own targets. */
function meanLoss(b: GraphBuilder, logits: Value): Value {
  const labels = b.input('labels', 'i32', ['records', 'tokens']);
  const counts = b.affine(b.equal(labels, b.constant(Int32Array.of(-100), [1, 1])), -1, 1);
  return b.div(b.sum(b.crossEntropy(logits, labels).loss, [1]), b.sum(counts, [1]));
}
