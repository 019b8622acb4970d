import { DataError } from '../../privacy/errors.ts';
import type { ParameterSpec } from './parameters.ts';

type Layout = NonNullable<ParameterSpec['int8']>;

/** A weight [outputs, inputs] in 8 bits: the scale of the output times `rounded`. */
export interface RoundedWeight {
  /** Row-major, outputs first whatever the checkpoint's layout. */
  readonly rounded: Int8Array;
  /** [outputs] */
  readonly scales: Float32Array;
}

/** A matrix to round, as the checkpoint has it. */
export interface RoundedSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly int8: Layout;
}

/** What the engine calls the scales of a weight. */
export function scaleName(weight: string): string {
  return `${weight}.scale`;
}

/** The shape of a weight with its outputs first. */
export function outputsFirst([rows, columns]: readonly number[], layout: Layout): [number, number] {
  return layout === 'out-in' ? [rows!, columns!] : [columns!, rows!];
}

/**
 * Weights that may be held in 8 bits: those of linear maps in the layers and of an output map of its own, where they never
 * train. Tables are read row by row, and a classifier's head is small.
 * @param trained - names of the parameters that train at any time
 */
export function roundable(specs: readonly ParameterSpec[], trained: ReadonlySet<string>): Set<string> {
  return new Set(specs.filter((spec) => isMap(spec) && !trained.has(spec.name)).map(({ name }) => name));
}

function isMap({ role, place }: ParameterSpec): boolean {
  return role === 'weight' && (typeof place === 'object' || place === 'final');
}

/**
 * Rounds a weight to 8 bits, symmetrically, with one scale for each output: scale = max |w| / 127 (1 where all are zero), and
 * w ~ scale * q with q = w / scale rounded to a whole number, ties to even. In float32 throughout.
 * @param values - in the checkpoint's layout, row-major
 * @throws DataError where a number is not finite, which 8 bits would hide
 */
export function roundWeight({ name, shape, int8 }: RoundedSpec, values: Float32Array): RoundedWeight {
  const [outputs, inputs] = outputsFirst(shape, int8);
  const scales = new Float32Array(outputs);
  const rounded = new Int8Array(values.length);
  const [outputStride, inputStride] = strides(shape, int8);
  for (let output = 0; output < outputs; output++) {
    let largest = 0;
    for (let input = 0; input < inputs; input++) {
      const size = Math.abs(values[output * outputStride + input * inputStride]!);
      if (!(size < Infinity))
        throw new DataError(`parameter ${name}: holds ${size}, must be finite. Use another checkpoint.`);
      if (size > largest) largest = size;
    }
    const scale = Math.fround(largest / 127) || 1;
    scales[output] = scale;
    for (let input = 0; input < inputs; input++) {
      const value = Math.fround(values[output * outputStride + input * inputStride]! / scale);
      rounded[output * inputs + input] = toEven(value);
    }
  }
  return { rounded, scales };
}

/** The weight that a network computes with, scale times q in float32, in the checkpoint's layout. */
export function restoredWeight(
  { shape, int8 }: Omit<RoundedSpec, 'name'>,
  { rounded, scales }: RoundedWeight,
): Float32Array {
  const [outputs, inputs] = outputsFirst(shape, int8);
  const [outputStride, inputStride] = strides(shape, int8);
  const values = new Float32Array(rounded.length);
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      values[output * outputStride + input * inputStride] =
        scales[output]! * rounded[output * inputs + input]!;
    }
  }
  return values;
}

/** Distance between neighbouring outputs, and inputs, of a weight in the checkpoint. */
function strides([, columns]: readonly number[], layout: Layout): [number, number] {
  return layout === 'out-in' ? [columns!, 1] : [1, columns!];
}

/** The scale of very small weights is itself rounded, so that a quotient may exceed 127. */
function toEven(value: number): number {
  const up = Math.round(value);
  const even = up - value === 0.5 && up % 2 !== 0 ? up - 1 : up;
  return Math.min(127, Math.max(-127, even));
}
