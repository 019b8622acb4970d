import { showShape } from '../../graph/index.ts';
import type { Graph, Named, Value } from '../../graph/index.ts';
import { createModelWriter } from './model.ts';
import { lowerNode } from './operators.ts';
import { createRuntimeShapes } from './shapes.ts';

/** An ONNX model, and what its inputs and outputs are called in the graph it came from. */
export interface LoweredGraph {
  readonly model: Uint8Array<ArrayBuffer>;
  /** Graph name -> model name. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Lowers a graph to one ONNX model. Parameters become inputs, never initialisers: they are fed without a copy.
 * @throws {Error} for a symbolic size that no input determines
 */
export function lowerGraph(graph: Graph): LoweredGraph {
  const model = createModelWriter();
  const names = new Map<Value, string>();
  const read = new Set(
    graph.nodes.flatMap((node) => node.inputs).concat(graph.outputs.map(({ value }) => value)),
  );
  const fed = [...graph.inputs, ...graph.params];
  for (const { value } of fed) {
    names.set(value, `v${value.id}`);
    model.input(`v${value.id}`, value.dtype, value.shape);
  }
  for (const { value, data } of graph.constants) {
    if (value.shape.some((dim) => typeof dim === 'string')) {
      throw new Error(`constant shape=${showShape(value.shape)}: must be all numbers`);
    }
    if (read.has(value)) names.set(value, model.constant(value.shape as readonly number[], data));
  }

  const name = (value: Value): string => names.get(value) ?? `v${value.id}`;
  const shapes = createRuntimeShapes(
    model,
    fed.map(({ value }) => ({ name: name(value), shape: value.shape })),
  );
  for (const node of graph.nodes)
    lowerNode(node, { model, shapes, name, isRead: (value) => read.has(value) });

  const computed = new Set(graph.nodes.flatMap((node) => node.outputs));
  const outputs: Record<string, string> = {};
  for (const { name: label, value } of graph.outputs) {
    // An ONNX output is computed by a node, under a name of its own.
    const own = computed.delete(value);
    outputs[label] = own ? name(value) : model.node('Identity', [name(value)]);
    model.output(outputs[label], value.dtype, value.shape);
  }
  return { model: model.bytes(), inputs: feedNames(graph.inputs), params: feedNames(graph.params), outputs };

  function feedNames(named: readonly Named[]): Record<string, string> {
    return Object.fromEntries(named.map((n) => [n.name, name(n.value)]));
  }
}
