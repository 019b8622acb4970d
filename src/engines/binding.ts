import { InvalidParameterError } from '../../privacy/errors.ts';
import { evaluateDim, showShape, symbolsOf } from '../graph/index.ts';
import type { Dim, Graph } from '../graph/index.ts';
import type { ParamTensor, Tensor, Tensors } from './engine.ts';

/** @throws {InvalidParameterError} if the tensor's numbers do not fill its dims */
export function checkDims(name: string, { dims, data }: ParamTensor): void {
  const size = dims.reduce((product, dim) => product * dim, 1);
  if (size === data.length) return;
  throw new InvalidParameterError(
    `${name}.dims=${showShape(dims)}: ${data.length} numbers given; give ${size} or other dims`,
  );
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
    checkDims(name, tensor);
    const dtype = tensor.data instanceof Float32Array ? 'f32' : 'i32';
    if (dtype !== value.dtype) {
      throw new InvalidParameterError(
        `${name}=${dtype}: the graph's input is ${value.dtype}; give that type`,
      );
    }
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
