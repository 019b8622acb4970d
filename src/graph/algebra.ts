import type { GraphBuilder } from './builder.ts';
import { broadcastShapes, sameShape } from './dims.ts';
import type { AnyNode, Op, Value } from './ir.ts';

/** The one number that fills a value, where the graph says so. */
function splatOf(b: GraphBuilder, value: Value): number | undefined {
  const data = b.constantOf(value);
  if (data !== undefined)
    return value.dtype === 'f32' && data.every((x) => x === data[0]) ? data[0] : undefined;
  const maker = b.makerOf(value);
  return maker?.op === 'expand' || maker?.op === 'reshape' ? splatOf(b, maker.inputs[0]!) : undefined;
}

/** Emits a node, or the simpler value that equals it. */
export function emitSimpler(b: GraphBuilder, node: AnyNode, inputs: readonly Value[]): readonly Value[] {
  const simpler = simplerThan(b, node, inputs);
  return simpler === undefined ? b.emit<Op>(node.op, inputs, node.attrs) : [simpler];
}

function simplerThan(b: GraphBuilder, node: AnyNode, inputs: readonly Value[]): Value | undefined {
  const [x, y] = inputs;
  const maker = b.makerOf(x!);
  switch (node.op) {
    case 'reshape': {
      const source = maker?.op === 'reshape' ? maker.inputs[0]! : x!;
      if (sameShape(source.shape, node.attrs.shape)) return source;
      return source === x ? undefined : b.reshape(source, node.attrs.shape);
    }
    case 'transpose': {
      const { perm } = node.attrs;
      if (perm.every((axis, i) => axis === i)) return x;
      if (maker?.op !== 'transpose') return undefined;
      const inner = maker.attrs.perm;
      return emitOne(b, node, [maker.inputs[0]!], { perm: perm.map((axis) => inner[axis]!) });
    }
    case 'expand':
      return sameShape(x!.shape, node.attrs.shape) ? x : undefined;
    case 'affine':
      return simplerAffine(b, x!, node.attrs.factor, node.attrs.offset);
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
      return simplerBinary(b, node, x!, y!);
    default:
      return undefined;
  }
}

function emitOne(b: GraphBuilder, node: AnyNode, inputs: readonly Value[], attrs = node.attrs): Value {
  return emitSimpler(b, { ...node, attrs } as AnyNode, inputs)[0]!;
}

type Binary = Extract<AnyNode, { op: 'add' | 'sub' | 'mul' | 'div' }>;

function simplerBinary(b: GraphBuilder, node: Binary, x: Value, y: Value): Value | undefined {
  const shape = broadcastShapes(x.shape, y.shape)!;
  const number = splatOf(b, y);
  if (number !== undefined && sameShape(shape, x.shape))
    return simplerAffine(b, x, ...affineOf(node.op, number));
  const commutes = node.op === 'add' || node.op === 'mul';
  if (commutes && splatOf(b, x) !== undefined && number === undefined) return simplerBinary(b, node, y, x);

  const [narrowX, narrowY] = [unexpanded(b, x), unexpanded(b, y)];
  const fits = (p: Value, q: Value): boolean => {
    const narrow = broadcastShapes(p.shape, q.shape);
    return narrow !== undefined && sameShape(narrow, shape);
  };
  if (narrowX !== x && fits(narrowX, y)) return emitOne(b, node, [narrowX, y]);
  if (narrowY !== y && fits(x, narrowY)) return emitOne(b, node, [x, narrowY]);

  const negated = b.makerOf(y);
  if (commutes && node.op === 'add' && negated?.op === 'affine' && isNegation(negated.attrs)) {
    return b.sub(x, negated.inputs[0]!);
  }
  return undefined;
}

/** x op number as x * factor + offset. */
function affineOf(op: Binary['op'], number: number): [factor: number, offset: number] {
  if (op === 'mul') return [number, 0];
  if (op === 'div') return [1 / number, 0];
  return [1, op === 'add' ? number : -number];
}

function unexpanded(b: GraphBuilder, value: Value): Value {
  const maker = b.makerOf(value);
  return maker?.op === 'expand' ? maker.inputs[0]! : value;
}

const isNegation = ({ factor, offset }: { factor: number; offset: number }): boolean =>
  factor === -1 && offset === 0;

function simplerAffine(b: GraphBuilder, x: Value, factor: number, offset: number): Value {
  if (factor === 1 && offset === 0) return x;
  const splat = splatOf(b, x);
  if (splat !== undefined) return b.expand(b.scalar(splat * factor + offset), x.shape);
  const maker = b.makerOf(x);
  if (maker?.op === 'affine') {
    const inner = maker.attrs;
    return simplerAffine(b, maker.inputs[0]!, factor * inner.factor, factor * inner.offset + offset);
  }
  if (maker?.op === 'expand') return b.expand(simplerAffine(b, maker.inputs[0]!, factor, offset), x.shape);
  return b.affine(x, factor, offset);
}
