import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/graph/index.ts';
import { interpret } from '../support/interpreter.ts';

describe('GraphBuilder', () => {
  it('infers symbolic shapes', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'f32', ['records', 'tokens', 8]);
    const w = b.param('w', [12, 8]);
    const y = b.linear(x, w, 'out-in');
    expect(y.shape).toEqual(['records', 'tokens', 12]);
    const heads = b.transpose(b.reshape(y, ['records', 'tokens', 3, 4]), [0, 2, 1, 3]);
    expect(b.matmul(heads, heads, { transposeB: true }).shape).toEqual(['records', 3, 'tokens', 'tokens']);
    expect(b.reshape(y, ['tokens*records', 12]).shape).toEqual(['records*tokens', 12]);
    expect(b.sum(y, [-1], true).shape).toEqual(['records', 'tokens', 1]);
    expect(b.slice(y, 1, 0, 'tokens').shape).toEqual(['records', 'tokens', 12]);
    expect(b.concat([y, y], 1).shape).toEqual(['records', '2*tokens', 12]);
  });

  it('names the op and the shapes that do not fit', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'f32', ['records', 'tokens', 8]);
    expect(() => b.linear(x, b.param('w', [12, 9]), 'out-in')).toThrow(
      'linear(f32[records, tokens, 8], f32[12, 9]): the last axis of x must equal axis 1 of w',
    );
    expect(() => b.add(x, b.input('y', 'f32', ['records', 8]))).toThrow('must broadcast');
    expect(() => b.reshape(x, ['records', 8])).toThrow('the size must stay the same');
    expect(() => b.softmax(b.input('ids', 'i32', ['records']))).toThrow('input 0 must be f32');
    expect(() => b.param('w', [1])).toThrow('it already is f32[12, 9]');
    expect(() => b.input('x', 'f32', [])).toThrow('name=x: already taken');
    expect(() => b.exp(new GraphBuilder().scalar(1))).toThrow('another graph');
    expect(() => b.slice(x, 1, 1, 'tokens')).toThrow('range of known size');
  });

  it('shares equal nodes and constants, but not 0 and -0', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'f32', ['records', 8]);
    expect(b.exp(x)).toBe(b.exp(x));
    expect(b.affine(x, 2)).not.toBe(b.affine(x, 3));
    expect(b.scalar(0)).toBe(b.scalar(0));
    expect(b.scalar(0)).not.toBe(b.scalar(-0));
  });

  it('means what the interpreter says', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'f32', ['records', 2]);
    b.output('y', b.sum(b.linear(x, b.param('w', [2, 2]), 'out-in'), [1]));
    const { y } = interpret(
      b.build(),
      { x: { dims: [2, 2], data: [1, 2, 3, 4] } },
      { w: { dims: [2, 2], data: [1, 0, 0, 10] } },
    );
    expect(Array.from(y!.data)).toEqual([21, 43]);
  });
});
