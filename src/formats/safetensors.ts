import { open, type FileHandle } from 'node:fs/promises';
import { DataError } from '../../privacy/errors.ts';
import { writeAtomic } from './atomic-file.ts';
import { toFloat32 } from './dtypes.ts';
import { headerLength, parseHeader, PREFIX_BYTES, type TensorInfo } from './safetensors-header.ts';

/** An open safetensors file. Its header is checked; tensors are read when asked for. */
export interface SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  /** One tensor, row-major, as float32. Throws DataError for an unknown name or a dtype that is no number here. */
  readonly read: (name: string) => Promise<Float32Array>;
  readonly close: () => Promise<void>;
}

/**
 * Opens a safetensors file and checks its whole header.
 * @throws DataError naming the file and the tensor at fault
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const prefix = await readRange(file, 0, Math.min(size, PREFIX_BYTES), path);
    const length = headerLength(prefix, size, path);
    const { tensors, metadata } = parseHeader(await readRange(file, PREFIX_BYTES, length, path), size, path);
    return {
      path,
      tensors,
      metadata,
      read: async (name) => {
        const info = tensors.get(name);
        if (info === undefined) throw new DataError(`${path}: no tensor ${JSON.stringify(name)}.`);
        const label = `${path}: tensor ${JSON.stringify(name)}`;
        return toFloat32(await readRange(file, info.begin, info.end - info.begin, label), info.dtype, label);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readRange(
  file: FileHandle,
  begin: number,
  length: number,
  label: string,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const wanted = Math.min(length - done, 2 ** 30);
    const { bytesRead } = await file.read(bytes, done, wanted, begin + done);
    if (bytesRead === 0) throw new DataError(`${label}: the file was cut while it was read.`);
    done += bytesRead;
  }
  return bytes;
}

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
}

/** A tensor that may be made only when it is its turn, so that not all of them need memory at once. */
export interface TensorToWrite extends Omit<NamedTensor, 'data'> {
  readonly data: Float32Array | (() => Promise<Float32Array>);
}

/**
 * Writes tensors as F32, sorted by name, replacing `path` atomically. Equal tensors give equal bytes.
 * @throws DataError for a name given twice or a shape that does not match its data
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const header = new Map<string, unknown>([['__metadata__', metadata]]);
  let position = 0;
  for (const tensor of sorted) {
    const { name, shape } = tensor;
    if (header.has(name)) throw new DataError(`${path}: tensor ${JSON.stringify(name)} is given twice.`);
    if (typeof tensor.data !== 'function') checkSize(path, tensor, tensor.data);
    const end = position + countOf(shape) * Float32Array.BYTES_PER_ELEMENT;
    header.set(name, { dtype: 'F32', shape, data_offsets: [position, end] });
    position = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  // Spaces pad the header so that the data begins at a multiple of 8 (the format's alignment rule).
  const padded = Buffer.concat([json, Buffer.alloc(-json.byteLength & 7, ' ')]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeBigUInt64LE(BigInt(padded.byteLength));
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield prefix;
    yield padded;
    for (const tensor of sorted) {
      const data = typeof tensor.data === 'function' ? await tensor.data() : tensor.data;
      checkSize(path, tensor, data);
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }
  }
  await writeAtomic(path, chunks());
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function checkSize(path: string, { name, shape }: TensorToWrite, data: Float32Array): void {
  if (countOf(shape) === data.length) return;
  throw new DataError(
    `${path}: tensor ${JSON.stringify(name)} has ${data.length} values; shape [${shape.join(',')}] takes ${countOf(shape)}.`,
  );
}
