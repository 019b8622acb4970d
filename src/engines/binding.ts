import { InvalidParameterError } from '../../privacy/errors.ts';
import { evaluateDim, quotientDim, showShape, symbolsOf } from '../graph/index.ts';
import type { Dim, Graph } from '../graph/index.ts';
import type { Tensor, Tensors } from './engine.ts';

/** One symbol's size: that of dimension number `source`, divided by `divisor`. */
export interface SymbolSource {
  readonly symbol: string;
  readonly source: number;
  readonly divisor: Dim;
}

/**
 * How to find the size of every symbol in `dims` once their sizes are known; each entry uses only the symbols of those
 * before it. A symbol that occurs only in products with another unknown has none.
 */
export function solveSymbols(dims: readonly Dim[]): SymbolSource[] {
  const solved = new Map<string, SymbolSource>();
  let before: number;
  do {
    before = solved.size;
    for (const [source, dim] of dims.entries()) {
      const [symbol, ...others] = symbolsOf(dim).filter((name) => !solved.has(name));
      if (symbol === undefined || others.length > 0) continue;
      solved.set(symbol, { symbol, source, divisor: quotientDim(dim, symbol)! });
    }
  } while (solved.size > before);
  return [...solved.values()];
}

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
  const observed = given.flatMap(({ tensor }) => tensor.dims);
  for (const { symbol, source, divisor } of solveSymbols(given.flatMap(({ shape }) => shape))) {
    // Where the divisor is 0 any size fits; the check below decides.
    sizes[symbol] = observed[source]! / (evaluateDim(divisor, sizes) || 1);
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
