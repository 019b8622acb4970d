import { InvalidParameterError } from '../../privacy/index.ts';
import type { Tensors } from '../engines/index.ts';

/** A tensor's place in a parameter vector. */
export interface Place {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Tensors laid end to end in one array, so that an update is one loop. The views share its memory. */
export interface ParameterVector {
  readonly places: readonly Place[];
  readonly values: Float32Array<ArrayBuffer>;
  readonly views: Readonly<Record<string, Float32Array>>;
}

/** All zeros. */
export function zeroVector(places: readonly Place[]): ParameterVector {
  const values = new Float32Array(places.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
  const views: Record<string, Float32Array> = {};
  let offset = 0;
  for (const { name, shape } of places) {
    views[name] = values.subarray(offset, (offset += sizeOf(shape)));
  }
  return { places, values, views };
}

/** @throws InvalidParameterError for a tensor that is missing or of another size */
export function vectorOf(
  places: readonly Place[],
  tensors: Readonly<Record<string, Float32Array>>,
): ParameterVector {
  const vector = zeroVector(places);
  for (const { name } of places) {
    const [given, view] = [tensors[name], vector.views[name]!];
    if (given?.length !== view.length) {
      throw new InvalidParameterError(
        `tensor=${name}: has ${given?.length ?? 'no'} values, needs ${view.length}. The parameters do not fit this model.`,
      );
    }
    view.set(given);
  }
  return vector;
}

/** For an engine; shares memory. */
export function tensorsOf({ places, views }: ParameterVector): Tensors {
  return Object.fromEntries(places.map(({ name, shape }) => [name, { dims: shape, data: views[name]! }]));
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
