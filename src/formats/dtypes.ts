import { DataError } from '../../privacy/errors.ts';

/** Bytes an element of each safetensors dtype takes (format description of safetensors 0.8, whole-byte types). */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type TensorDType = keyof typeof DTYPE_BYTES;

export function isTensorDType(value: unknown): value is TensorDType {
  return typeof value === 'string' && Object.hasOwn(DTYPE_BYTES, value);
}

/** Integers beyond this magnitude are not all exact in float32. */
const EXACT_INTEGER = 2 ** 24;

/**
 * Little-endian bytes of one tensor as float32.
 *
 * F16 and BF16 convert exactly; F64 rounds to nearest. Integers must be exact in float32.
 * @param label - file and tensor, for errors
 * @throws DataError for 8-bit floats and for integers above 2^24 in magnitude
 */
export function toFloat32(bytes: Uint8Array, dtype: TensorDType, label: string): Float32Array {
  const { buffer } = bytes;
  const count = bytes.byteLength / DTYPE_BYTES[dtype];
  // Typed arrays need aligned offsets: a tensor is read into a buffer of its own, whose offset is 0.
  const at = bytes.byteOffset;
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer, at, count);
    case 'F64':
      return Float32Array.from(new Float64Array(buffer, at, count));
    case 'F16':
      return halves(new Uint16Array(buffer, at, count));
    case 'BF16':
      return brainHalves(new Uint16Array(buffer, at, count));
    case 'BOOL':
    case 'U8':
      return Float32Array.from(bytes);
    case 'I8':
      return Float32Array.from(new Int8Array(buffer, at, count));
    case 'I16':
      return Float32Array.from(new Int16Array(buffer, at, count));
    case 'U16':
      return Float32Array.from(new Uint16Array(buffer, at, count));
    case 'I32':
      return exact(new Int32Array(buffer, at, count), label);
    case 'U32':
      return exact(new Uint32Array(buffer, at, count), label);
    case 'I64':
      return exact(Float64Array.from(new BigInt64Array(buffer, at, count), Number), label);
    case 'U64':
      return exact(Float64Array.from(new BigUint64Array(buffer, at, count), Number), label);
    default:
      throw new DataError(
        `${label}: dtype=${dtype}; 8-bit floats come with scales that this program does not apply. Use a checkpoint in F32, F16 or BF16.`,
      );
  }
}

function exact(values: Int32Array | Uint32Array | Float64Array, label: string): Float32Array {
  for (const value of values) {
    if (Math.abs(value) > EXACT_INTEGER) {
      throw new DataError(
        `${label}: value=${value}; an integer above 2^24 is not exact in float32, so this tensor is no weight.`,
      );
    }
  }
  return Float32Array.from(values);
}

let halfTable: Float32Array | undefined;

/** IEEE 754 binary16 to float32 by a table of all 65,536 values. */
function halves(values: Uint16Array): Float32Array {
  halfTable ??= Float32Array.from({ length: 0x1_0000 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  const result = new Float32Array(values.length);
  for (let at = 0; at < values.length; at++) result[at] = halfTable[values[at]!]!;
  return result;
}

/** bfloat16 is the upper half of a float32. */
function brainHalves(values: Uint16Array): Float32Array {
  const words = new Uint32Array(values.length);
  for (let at = 0; at < values.length; at++) words[at] = values[at]! << 16;
  return new Float32Array(words.buffer);
}
