import { describe, expect, it } from 'vitest';
import { GraphBuilder, privateGradient, type Shape, type Value } from '../../src/graph/index.ts';
import { simplify } from '../../src/graph/passes.ts';
import { modelCases, opCases, ruleSizes } from '../support/cases.ts';
import { interpret } from '../support/interpreter.ts';

function simplified(build: (b: GraphBuilder, x: Value, y: Value) => Value, shape: Shape = ['records', 3]) {
  const b = new GraphBuilder();
  const y = build(b, b.input('x', 'f32', ['records', 3]), b.input('y', 'f32', shape));
  b.output('out', y);
  const graph = b.build();
  const simpler = simplify(graph);
  const feeds = {
    x: { dims: [2, 3], data: [1, -2, 3, 0.5, NaN, Infinity] },
    y: {
      dims: shape.length === 1 ? [3] : [2, 3],
      data: shape.length === 1 ? [4, 5, 6] : [4, 5, 6, -1, 2, 0],
    },
  };
  // -0 counts as 0: x * 0 may become x * 0 + 0.
  const [after, before] = [simpler, graph].map((g) => interpret(g, feeds)['out']!.data.map((v) => v + 0));
  expect(after).toEqual(before);
  return simpler.nodes.map(({ op }) => op);
}

const one = (b: GraphBuilder): Value => b.expand(b.scalar(1), ['records', 3]);

describe('simplify', () => {
  it.each<[string, (b: GraphBuilder, x: Value, y: Value) => Value, string[]]>([
    ['x * 1', (b, x) => b.mul(x, one(b)), []],
    ['1 * x', (b, x) => b.mul(one(b), x), []],
    ['x / 1', (b, x) => b.div(x, one(b)), []],
    ['x + 0', (b, x) => b.add(x, b.scalar(0)), []],
    ['x * 0 stays: it may be NaN', (b, x) => b.affine(x, 0), ['affine']],
    ['x * 0 as a product stays', (b, x) => b.mul(x, b.scalar(0)), ['affine']],
    ['affine of affine', (b, x) => b.affine(b.affine(x, 2, 1), 4, -1), ['affine']],
    ['inverse affine', (b, x) => b.affine(b.affine(x, 2), 0.5), []],
    ['x + -y', (b, x, y) => b.add(x, b.affine(y, -1)), ['sub']],
    ['transpose twice', (b, x) => b.transpose(b.transpose(x, [1, 0]), [1, 0]), []],
    ['reshape twice', (b, x) => b.reshape(b.reshape(x, [3, 'records']), ['records', 3]), []],
    [
      'expand that broadcasts',
      (b, x) => b.mul(x, b.expand(b.sum(x, [1], true), ['records', 3])),
      ['sum', 'mul'],
    ],
    [
      'expand that is needed',
      (b, x) => b.exp(b.expand(b.sum(x, [1], true), ['records', 3])),
      ['sum', 'expand', 'exp'],
    ],
    ['constants', (b, x) => b.add(x, b.affine(b.affine(b.scalar(2), 3), 1, 1)), ['affine']],
    ['dead nodes', (b, x, y) => (b.exp(b.mul(x, y)), b.tanh(x)), ['tanh']],
    ['equal nodes', (b, x) => b.mul(b.exp(b.mul(x, one(b))), b.exp(x)), ['exp', 'mul']],
  ])('%s', (_name, build, ops) => {
    expect(simplified(build)).toEqual(ops);
  });

  it('keeps an expand that the other side does not replace', () => {
    expect(simplified((b, _x, y) => b.add(b.expand(y, ['records', 3]), y), [3])).toEqual(['expand', 'add']);
  });

  it('keeps inputs, drops parameters that nothing needs', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'f32', ['records', 3]);
    b.input('unused', 'f32', ['records']);
    b.param('frozen', [3]);
    b.output('out', b.bias(x, b.param('b', [3])));
    const graph = simplify(b.build());
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x', 'unused']);
    expect(graph.params.map(({ name }) => name)).toEqual(['b']);
  });
});

describe('the gradient graph', () => {
  const clipping = { kind: 'flat', norm: 1 } as const;

  it('computes nothing below the lowest trainable parameter', () => {
    const { request } = modelCases.find((c) => c.name === 'bert, last layer')!;
    const count = (trainable: readonly string[]): number =>
      privateGradient({ ...request, trainable, clipping, sizes: ruleSizes.ghost }).graph.nodes.length;
    const head = ['classifier.weight', 'classifier.bias'];
    expect(count(head)).toBeLessThan(request.network.nodes.length + 40);
    expect(count(head)).toBeLessThan(count(request.trainable) / 2);
  });

  it('looks at the words once however often their gradient is used', () => {
    const { request } = modelCases.find((c) => c.name === 'bert')!;
    const { sums } = privateGradient({ ...request, clipping, sizes: ruleSizes.ghost });
    const rows = sums.filter((sum) => sum.kind === 'rows');
    expect(rows.map(({ param }) => param.split('.').at(-2))).toEqual([
      'token_type_embeddings',
      'position_embeddings',
      'word_embeddings',
    ]);
    expect(new Set(rows.map((sum) => sum.rows)).size).toBe(1);
  });

  it('has every node computed once', () => {
    for (const { request } of [...opCases, ...modelCases]) {
      const { graph } = privateGradient({ ...request, clipping, sizes: ruleSizes.direct });
      const keys = graph.nodes.map(
        ({ op, inputs, attrs }) => `${op} ${inputs.map(({ id }) => id).join()} ${JSON.stringify(attrs)}`,
      );
      expect(new Set(keys).size).toBe(keys.length);
    }
  });
});
