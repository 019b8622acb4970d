import { describe, expect, it } from 'vitest';
import { GraphBuilder, privateGradient, type GradientRequest, type Value } from '../../src/graph/index.ts';
import { opCases, ruleSizes } from '../support/cases.ts';
import { runGradient } from '../support/sums.ts';

function gradientOf(
  build: (b: GraphBuilder) => Value,
  trainable = ['w'],
  more: Partial<GradientRequest> = {},
) {
  const b = new GraphBuilder();
  b.output('loss', build(b));
  const clipping = { kind: 'flat', norm: 1 } as const;
  return privateGradient({
    network: b.build(),
    loss: 'loss',
    trainable,
    clipping,
    sizes: ruleSizes.ghost,
    ...more,
  });
}

const input = (b: GraphBuilder): Value => b.input('x', 'f32', ['records', 'tokens', 4]);
const map = (b: GraphBuilder): Value => b.linear(input(b), b.param('w', [5, 4]), 'out-in');
const map2 = (b: GraphBuilder): Value =>
  b.linear(b.input('z', 'f32', ['records', 4]), b.param('w2', [5, 4]), 'out-in');
const total = (b: GraphBuilder, y: Value): Value => b.sum(y, y.shape.map((_, axis) => axis).slice(1));

describe('G4 every trainable parameter has a rule, or is named', () => {
  it.each<[string, (b: GraphBuilder) => Value, string[], string]>([
    [
      'unknown',
      (b) => total(b, map(b)),
      ['w', 'v'],
      'trainable=v: no parameter of the network has this name',
    ],
    ['none', (b) => total(b, map(b)), [], 'trainable=[]'],
    [
      'unreached',
      (b) => {
        b.output('other', b.bias(map(b), b.param('unused', [5])));
        return total(b, map2(b));
      },
      ['w2', 'unused'],
      'trainable=unused: the loss does not depend on it',
    ],
    [
      'used by another op',
      (b) => total(b, b.mul(map(b), b.param('scale', [5]))),
      ['scale'],
      'trainable=scale: no per-unit gradient rule covers its use by mul(',
    ],
    [
      'used by a rule and by another op',
      (b) => total(b, b.mul(b.bias(map(b), b.param('scale', [5])), b.param('scale', [5]))),
      ['scale'],
      'trainable=scale',
    ],
    [
      'inside a weight that is computed',
      (b) => total(b, b.linear(input(b), b.matmul(b.param('u', [5, 2]), b.param('v', [2, 4])), 'out-in')),
      ['u'],
      'trainable parameters (u) meet values that have no records axis',
    ],
    [
      'behind an op without derivative',
      (b) => total(b, b.equal(map(b), b.scalar(0))),
      ['w'],
      'has no derivative toward input 0',
    ],
    [
      'behind a first and a second output',
      (b) => {
        const { loss, probabilities } = b.crossEntropy(
          map(b),
          b.input('labels', 'i32', ['records', 'tokens']),
        );
        return b.add(total(b, loss), total(b, probabilities));
      },
      ['w'],
      'only its first output has a derivative',
    ],
    [
      'behind a second output',
      (b) => total(b, b.crossEntropy(map(b), b.input('labels', 'i32', ['records', 'tokens'])).probabilities),
      ['w'],
      'only its first output has a derivative',
    ],
  ])('%s', (_name, build, trainable, message) => {
    expect(() => gradientOf(build, trainable)).toThrow(message);
  });

  it('loss that does not exist', () => {
    expect(() => gradientOf((b) => total(b, map(b)), ['w'], { loss: 'cost' })).toThrow(
      'loss=cost: no output',
    );
  });

  it.each([0, -1, NaN, Infinity])('clipping norm %s', (norm) => {
    const { request } = opCases[0]!;
    const clipping = { kind: 'flat', norm } as const;
    expect(() => privateGradient({ ...request, clipping, sizes: ruleSizes.ghost })).toThrow(
      `clipping.norm=${norm}`,
    );
  });
});

describe('G5 what mixes records is refused by name', () => {
  it.each<[string, (b: GraphBuilder) => Value, string]>([
    [
      'batch statistics',
      (b) => {
        const y = map(b);
        return total(b, b.sub(y, b.sum(y, [0], true)));
      },
      'sum([records, tokens, 5]) -> [1, tokens, 5]: sums over the records axis',
    ],
    [
      "the batch's tokens as divisor",
      (b) => b.div(total(b, map(b)), b.sum(b.input('mask', 'f32', ['records', 'tokens']), [0, 1], true)),
      'sums over the records axis',
    ],
    [
      'in-batch negatives',
      (b) => {
        const y = b.reshape(b.sum(map(b), [1]), ['records', 5]);
        return b.sum(b.softmax(b.matmul(y, y, { transposeB: true })), [1]);
      },
      'multiplies along the records axis',
    ],
    ['softmax over records', (b) => b.softmax(total(b, map(b))), 'works along the records axis'],
    ['transposed records', (b) => total(b, b.transpose(map(b), [1, 0, 2])), 'moves the records axis'],
    ['sliced records', (b) => total(b, b.pad(b.slice(map(b), 0, 1, 'records'), 0, 1, 'records')), 'slice'],
    [
      'joined records',
      (b) =>
        b.slice(total(b, b.concat(Array.from({ length: 2 }).fill(map(b)) as Value[], 0)), 0, 0, 'records'),
      'cuts or joins',
    ],
    ['reshaped away', (b) => total(b, b.reshape(map(b), ['tokens', 'records', 5])), 'records on axis 0 only'],
    [
      'a table made from records',
      (b) =>
        total(
          b,
          b.embed(b.input('ids', 'i32', ['records', 'tokens']), b.reshape(map(b), ['records*tokens', 5])),
        ),
      'looks up a table made from records',
    ],
    [
      'a weight made from records',
      (b) =>
        total(
          b,
          b.linear(
            b.input('y', 'f32', ['records', 3, 5]),
            b.reshape(b.sum(map(b), [1]), ['records', 5]),
            'out-in',
          ),
        ),
      'has a parameter made from records',
    ],
    [
      'records along another axis',
      (b) => total(b, b.add(b.sum(map(b), [1, 2]), b.input('y', 'f32', ['records', 'records']))),
      'records on axis 0 only',
    ],
    [
      'broadcast along another axis',
      (b) => {
        const y = b.sum(map(b), [1, 2]);
        return b.sum(b.add(b.reshape(y, ['records', 1]), y), [1]);
      },
      'broadcasts records along another axis',
    ],
    ['a loss of the whole batch', (b) => b.sum(map(b), [0, 1, 2]), 'sums over the records axis'],
    ['a loss for each token', (b) => b.sum(map(b), [2]), 'must be [records]'],
    [
      'a parameter apart from the records',
      (b) => {
        const shared = b.linear(b.input('grid', 'f32', ['tokens', 4]), b.param('w', [5, 4]), 'out-in');
        return total(b, b.mul(shared, b.input('r', 'f32', ['records', 'tokens', 5])));
      },
      'expand those to [records, ...]',
    ],
  ])('%s', (_name, build, message) => {
    expect(() => gradientOf(build)).toThrow(message);
  });

  it('passes values without records that no trainable parameter touches', () => {
    expect(() =>
      gradientOf((b) => total(b, b.mul(map(b), b.tanh(b.input('grid', 'f32', ['tokens', 1]))))),
    ).not.toThrow();
  });
});

describe('G3 a unit that is not finite shows in its norm', () => {
  it.each(opCases.map((c) => [c.name, c] as const))('%s', (_name, { request, inputs, params, expected }) => {
    const name = Object.keys(inputs).find((key) => inputs[key]!.data instanceof Float32Array);
    const poisoned = inputs[name ?? ''];
    if (poisoned === undefined) return;
    const clipping = { kind: 'per-layer', norm: 1 } as const;
    for (const bad of [NaN, Infinity]) {
      const data = Array.from(poisoned.data);
      data.fill(bad, 0, data.length / poisoned.dims[0]!);
      const gradient = privateGradient({ ...request, clipping, sizes: ruleSizes.ghost });
      const { norms } = runGradient(gradient, { ...inputs, [name!]: { ...poisoned, data } }, params);
      expect(Number.isFinite(norms[0])).toBe(false);
      norms.slice(1).forEach((norm, i) => expect(norm).toBeCloseTo(expected.norms[i + 1]!, 4));
    }
  });

  it('a squared norm that overflows gives no finite norm; a gradient of 0 gives 0 and no NaN', () => {
    const { request, params, inputs } = opCases.find((c) => c.name === 'linear out-in rank 3')!;
    for (const kind of ['flat', 'per-layer'] as const) {
      const gradient = privateGradient({ ...request, clipping: { kind, norm: 1 }, sizes: ruleSizes.ghost });
      const scaled = (factor: number) => {
        const data = Array.from(inputs['x']!.data, (x) => x * factor);
        return runGradient(gradient, { ...inputs, x: { ...inputs['x']!, data } }, params);
      };
      expect(scaled(1e200).norms.every((norm) => !Number.isFinite(norm))).toBe(true);
      const zero = scaled(0);
      expect(zero.norms).toEqual([0, 0, 0]);
      expect(zero.sums['w']!.every((x) => x === 0)).toBe(true);
    }
  });
});
