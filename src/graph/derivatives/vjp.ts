import type { GraphBuilder } from '../builder.ts';
import type { Node, Op, Value } from '../ir.ts';

/**
 * Vector-Jacobian products of one op: given the gradient of output 0, one thunk an input makes that input's
 * gradient. A missing thunk means that the op has no derivative there; the caller refuses the graph.
 */
export type Vjp<O extends Op = Op> = (b: GraphBuilder, node: Node<O>, g: Value) => readonly (() => Value)[];
export type Vjps<O extends Op> = { readonly [K in O]: Vjp<K> };

/** Sums a gradient down to the shape of the value that was broadcast. */
export function unbroadcast(b: GraphBuilder, g: Value, to: Value): Value {
  const skip = g.shape.length - to.shape.length;
  const axes = g.shape.flatMap((dim, axis) => {
    const target = axis < skip ? undefined : to.shape[axis - skip];
    return target === undefined || (target === 1 && dim !== 1) ? [axis] : [];
  });
  return axes.length === 0 ? g : b.reshape(b.sum(g, axes), to.shape);
}
