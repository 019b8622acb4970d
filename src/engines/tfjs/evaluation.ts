import * as tf from '@tensorflow/tfjs-core';
import { InvalidParameterError } from '../../../privacy/errors.ts';
import { evaluateDim, showShape } from '../../graph/index.ts';
import type { AnyNode, Graph, Value } from '../../graph/index.ts';
import { bindInputs } from '../binding.ts';
import type { ParamTensor, Tensors } from '../engine.ts';
import { compute, type SizeOf } from './kernels.ts';

/** A graph with what can be known before it runs. Owns the tensors of the graph's constants. */
export interface Prepared {
  readonly graph: Graph;
  readonly constants: ReadonlyMap<number, tf.Tensor>;
  /** Per node: the values that nothing reads after it. */
  readonly dead: readonly (readonly Value[])[];
  /** Inputs that index the rows of a table. */
  readonly lookups: readonly { readonly ids: Value; readonly table: Value }[];
}

/** Uploads the constants and finds each value's last reader. The active backend must be the engine's. */
export function prepare(graph: Graph): Prepared {
  const constants = new Map<number, tf.Tensor>();
  for (const { value, data } of graph.constants) {
    constants.set(value.id, upload({ dims: value.shape.map(Number), data }));
  }
  const kept = new Set([...graph.outputs, ...graph.params].map(({ value }) => value.id));
  for (const id of constants.keys()) kept.add(id);
  return { graph, constants, dead: deadAfter(graph.nodes, kept), lookups: lookupsOf(graph) };
}

function deadAfter(nodes: readonly AnyNode[], kept: ReadonlySet<number>): Value[][] {
  const seen = new Set(kept);
  return nodes
    .toReversed()
    .map((node) => {
      const dead = [...node.inputs, ...node.outputs].filter(({ id }) => !seen.has(id));
      for (const { id } of dead) seen.add(id);
      return [...new Map(dead.map((value) => [value.id, value])).values()];
    })
    .toReversed();
}

function lookupsOf({ inputs, nodes }: Graph): { ids: Value; table: Value }[] {
  const ids = new Set(inputs.map(({ value }) => value.id));
  return nodes
    .filter((node) => node.op === 'embed' && ids.has(node.inputs[0]!.id))
    .map((node) => ({ ids: node.inputs[0]!, table: node.inputs[1]! }));
}

/** A tensor of our own with a copy of `data`; the caller owns it. */
export function upload({ data, dims }: ParamTensor): tf.Tensor {
  // TensorFlow.js has no int8: nothing would be saved.
  if (data instanceof Int8Array) {
    throw new InvalidParameterError(
      'engine=tfjs: has no weights of 8 bits; use engine onnx, or train.frozenWeights: float32',
    );
  }
  // The plain backend keeps a reference to what it is given, so it is given a copy.
  return tf.tensor(data.slice(), [...dims], data instanceof Int32Array ? 'int32' : 'float32');
}

/**
 * Runs a graph on the active backend, freeing every value as soon as its last reader ran. Synchronous; call it in tidy.
 *
 * @param prepared - the graph
 * @param inputs - the graph's inputs by name
 * @param params - the tensors of the parameters by name; borrowed
 * @returns the graph's outputs by name, tensors that the caller owns
 * @throws {InvalidParameterError} on a missing or misshapen input or parameter, or an id outside its table
 */
export function evaluate(
  prepared: Prepared,
  inputs: Tensors,
  params: ReadonlyMap<string, tf.Tensor>,
): Record<string, tf.Tensor> {
  const { graph, dead } = prepared;
  const sizes = bindInputs(graph, inputs);
  const size: SizeOf = (dim) => evaluateDim(dim, sizes);
  checkParams(graph, params);
  checkLookups(prepared, inputs, size);
  const values = new Map(prepared.constants);
  for (const { name, value } of graph.params) values.set(value.id, params.get(name)!);
  for (const { name, value } of graph.inputs) values.set(value.id, upload(inputs[name]!));
  for (const [at, node] of graph.nodes.entries()) {
    const operands = node.inputs.map(({ id }) => values.get(id)!);
    const results = compute(node, operands, size);
    for (const [output, result] of results.entries()) values.set(node.outputs[output]!.id, result);
    for (const { id } of dead[at]!) {
      values.get(id)!.dispose();
      values.delete(id);
    }
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, tf.clone(values.get(value.id)!)]));
}

function checkParams(graph: Graph, params: ReadonlyMap<string, tf.Tensor>): void {
  for (const { name, value } of graph.params) {
    const tensor = params.get(name);
    if (tensor === undefined) {
      throw new InvalidParameterError(
        `parameter=${name}: never written to the engine; write it before running`,
      );
    }
    if (showShape(tensor.shape) !== showShape(value.shape)) {
      throw new InvalidParameterError(
        `parameter=${name}: written as ${showShape(tensor.shape)}; the graph needs ${showShape(value.shape)}`,
      );
    }
  }
}

/** The backends differ on ids outside the table (error, zeros, or memory beyond it): refused here for all of them. */
function checkLookups({ graph, lookups }: Prepared, inputs: Tensors, size: SizeOf): void {
  for (const { ids, table } of lookups) {
    const { name } = graph.inputs.find(({ value }) => value.id === ids.id)!;
    const rows = size(table.shape[0]!);
    const bad = inputs[name]!.data.find((id) => id < 0 || id >= rows);
    if (bad !== undefined) {
      throw new InvalidParameterError(
        `${name}=${bad}: outside the embedding table; give ids from 0 to ${rows - 1}`,
      );
    }
  }
}
