import { InvalidParameterError } from '../../privacy/errors.ts';
import { evaluateDim, showShape, symbolsOf } from '../graph/index.ts';
import type { Dim, Graph } from '../graph/index.ts';
import type { Tensor, Tensors } from './engine.ts';

function checkTensor(name: string, tensor: Tensor, dtype: 'f32' | 'i32'): void {
  const given = tensor.data instanceof Float32Array ? 'f32' : 'i32';
  if (given !== dtype)
    throw new InvalidParameterError(`${name}=${given}: the graph's input is ${dtype}; give that type`);
  const size = tensor.dims.reduce((product, dim) => product * dim, 1);
  if (size !== tensor.data.length) {
    throw new InvalidParameterError(
      `${name}.dims=${showShape(tensor.dims)}: ${tensor.data.length} numbers given; give ${size} or other dims`,
    );
  }
}

/**
 * Checks `inputs` against the graph's inputs, one for each and none besides, and finds the size of every symbol.
 * @throws {InvalidParameterError} naming the input that is missing, unknown, of the wrong type or of the wrong shape
 */
export function bindInputs(graph: Graph, inputs: Tensors): Record<string, number> {
  const known = new Set(graph.inputs.map(({ name }) => name));
  const unknown = Object.keys(inputs).find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new InvalidParameterError(
      `input=${unknown}: the graph has no such input; it has ${[...known].join(', ')}`,
    );
  }
  const given = graph.inputs.map(({ name, value }) => {
    const tensor = inputs[name];
    if (tensor === undefined)
      throw new InvalidParameterError(`input=${name}: missing; the graph needs ${showShape(value.shape)}`);
    checkTensor(name, tensor, value.dtype);
    if (tensor.dims.length !== value.shape.length) throw mismatch(name, tensor, value.shape);
    return { name, shape: value.shape, tensor };
  });
  const sizes: Record<string, number> = {};
  for (const { shape, tensor } of given) {
    for (const [axis, dim] of shape.entries()) {
      if (typeof dim === 'string' && symbolsOf(dim)[0] === dim) sizes[dim] ??= tensor.dims[axis]!;
    }
  }
  for (const { name, shape, tensor } of given) {
    if (shape.some((dim, axis) => evaluateDim(dim, sizes) !== tensor.dims[axis]))
      throw mismatch(name, tensor, shape, sizes);
  }
  return sizes;
}

function mismatch(
  name: string,
  tensor: Tensor,
  shape: readonly Dim[],
  sizes: Record<string, number> = {},
): InvalidParameterError {
  const bound = Object.entries(sizes).map(([symbol, size]) => `${symbol}=${size}`);
  const where = bound.length === 0 ? '' : ` with ${bound.join(', ')}`;
  return new InvalidParameterError(
    `${name}.dims=${showShape(tensor.dims)}: the graph's input is ${showShape(shape)}${where}; give that shape`,
  );
}
