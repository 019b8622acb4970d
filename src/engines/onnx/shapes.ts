import { quotientDim, showShape, symbolsOf } from '../../graph/index.ts';
import type { Dim, Shape } from '../../graph/index.ts';
import type { ModelWriter } from './model.ts';

/** Tensors of sizes that are known only when the model runs. */
export interface RuntimeShapes {
  /** int64 [1]: the size of one dimension. */
  dim(dim: Dim): string;
  /** int64 [rank]. */
  shape(shape: Shape): string;
}

/**
 * Sizes come from the shapes of the model's own inputs; each is computed once a run, in a handful of scalar nodes.
 * @throws {Error} from either method, for a symbol that is no input's axis
 */
export function createRuntimeShapes(
  model: ModelWriter,
  inputs: readonly { readonly name: string; readonly shape: Shape }[],
): RuntimeShapes {
  const tensors = new Map<string, string>();

  /** The tensor under `key`, made at the first request. */
  function once(key: string, make: () => string): string {
    const tensor = tensors.get(key) ?? make();
    tensors.set(key, tensor);
    return tensor;
  }

  function symbol(name: string): string {
    const source = inputs.find(({ shape }) => shape.includes(name));
    if (source === undefined) {
      throw new Error(`dimension=${name}: is no input's axis; give the graph an input that carries it`);
    }
    const axis = source.shape.indexOf(name);
    return model.node('Shape', [source.name], { start: axis, end: axis + 1 });
  }

  function dim(value: Dim): string {
    if (typeof value === 'number') return model.constant([1], BigInt64Array.of(BigInt(value)));
    return once(value, () => {
      const symbols = symbolsOf(value);
      const count = quotientDim(value, symbols.join('*'))!;
      if (symbols.length === 1 && count === 1) return symbol(value);
      const factors = count === 1 ? symbols : [count, ...symbols];
      return factors.map(dim).reduce((a, b) => model.node('Mul', [a, b]));
    });
  }

  return {
    dim,
    shape(value) {
      if (value.every((size) => typeof size === 'number')) {
        return model.constant([value.length], BigInt64Array.from(value, BigInt));
      }
      return once(showShape(value), () => model.node('Concat', value.map(dim), { axis: 0 }));
    },
  };
}
