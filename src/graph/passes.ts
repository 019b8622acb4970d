import { GraphBuilder } from './builder.ts';
import { substituteDim } from './dims.ts';
import { emitSimpler } from './algebra.ts';
import type { AnyNode, Dim, Graph, Op, Shape, Value } from './ir.ts';

/** The nodes that some values depend on, in order. */
export function nodesFor(graph: Graph, roots: Iterable<Value>): readonly AnyNode[] {
  const needed = new Set(roots);
  const kept: AnyNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    node.inputs.forEach((input) => needed.add(input));
    kept.push(node);
  }
  return kept.toReversed();
}

type Emit = (b: GraphBuilder, node: AnyNode, inputs: readonly Value[]) => readonly Value[];

const same: Emit = (b, node, inputs) => b.emit<Op>(node.op, inputs, node.attrs);

/**
 * Copies what `roots` depend on into a builder: all inputs, the parameters and constants needed, the nodes needed.
 * @param replacements - dimensions to put for symbols
 * @returns the copy of each copied value
 */
export function copyInto(
  b: GraphBuilder,
  graph: Graph,
  roots: readonly Value[],
  { replacements = {}, emit = same }: { replacements?: Readonly<Record<string, Dim>>; emit?: Emit } = {},
): ReadonlyMap<Value, Value> {
  const nodes = nodesFor(graph, roots);
  const needed = new Set([...roots, ...nodes.flatMap((node) => node.inputs)]);
  const replace = (shape: Shape): Shape => shape.map((dim) => substituteDim(dim, replacements));
  const copies = new Map<Value, Value>();
  for (const { name, value } of graph.inputs)
    copies.set(value, b.input(name, value.dtype, replace(value.shape)));
  for (const { name, value } of graph.params) {
    if (needed.has(value)) copies.set(value, b.param(name, value.shape.map(Number), value.dtype));
  }
  for (const { value, data } of graph.constants) {
    if (needed.has(value)) copies.set(value, b.constant(data, value.shape.map(Number)));
  }
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => copies.get(input)!);
    const outputs = emit(b, withDims(node, replace), inputs);
    node.outputs.forEach((output, i) => copies.set(output, outputs[i]!));
  }
  return copies;
}

function withDims(node: AnyNode, replace: (shape: Shape) => Shape): AnyNode {
  switch (node.op) {
    case 'reshape':
    case 'expand':
      return { ...node, attrs: { shape: replace(node.attrs.shape) } };
    case 'slice':
      return { ...node, attrs: { ...node.attrs, end: replace([node.attrs.end])[0]! } };
    case 'pad':
      return { ...node, attrs: { ...node.attrs, size: replace([node.attrs.size])[0]! } };
    default:
      return node;
  }
}

/**
 * The same outputs from fewer nodes: what no output needs is gone, equal nodes are one, constants are folded, and
 * trivial algebra is done. Nothing that could hide a NaN or an infinity is removed: x * 0 stays.
 */
export function simplify(graph: Graph): Graph {
  const b = new GraphBuilder();
  const roots = graph.outputs.map(({ value }) => value);
  const copies = copyInto(b, graph, roots, { emit: emitSimpler });
  for (const { name, value } of graph.outputs) b.output(name, copies.get(value)!);
  const built = b.build();
  return {
    ...built,
    nodes: nodesFor(
      built,
      built.outputs.map(({ value }) => value),
    ),
  };
}
