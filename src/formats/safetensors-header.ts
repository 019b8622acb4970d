import { DataError } from '../../privacy/errors.ts';
import { DTYPE_BYTES, isTensorDType, type TensorDType } from './dtypes.ts';
import { isJsonObject, parseJsonObject, type Json } from './json.ts';

/** Longest header that readers of the format accept (safetensors 0.8, MAX_HEADER_SIZE). */
const MAX_HEADER_BYTES = 100_000_000;
/** Bytes of the little-endian u64 that gives the header's length. */
export const PREFIX_BYTES = 8;

export interface TensorInfo {
  readonly name: string;
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
  /** Byte range in the file, end exclusive. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Length of the JSON header from the first 8 bytes of a file.
 * @throws DataError where the prefix is cut off, or the length exceeds the format's limit or the file
 */
export function headerLength(prefix: Uint8Array, fileBytes: number, label: string): number {
  if (prefix.byteLength < PREFIX_BYTES) {
    throw new DataError(
      `${label}: size=${prefix.byteLength} bytes; a safetensors file has at least 8. It is truncated.`,
    );
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new DataError(
      `${label}: header length=${length} bytes; the format allows ${MAX_HEADER_BYTES}. This is no safetensors file, or a hostile one.`,
    );
  }
  if (BigInt(PREFIX_BYTES) + length > BigInt(fileBytes)) {
    throw new DataError(
      `${label}: header length=${length} bytes, but the file has ${fileBytes}. It is truncated; download it again.`,
    );
  }
  return Number(length);
}

/**
 * Reads and checks a safetensors header: every tensor's dtype is known, its byte range equals its size, and the ranges
 * cover the data exactly once, without gap, overlap or remainder.
 * @param header - the JSON header's bytes, without the 8-byte prefix
 * @param fileBytes - size of the whole file
 * @param label - the file, for errors
 * @throws DataError naming the file and the tensor
 */
export function parseHeader(header: Uint8Array, fileBytes: number, label: string): SafetensorsHeader {
  // Byte 0x7b, as the format demands: the reader of another program must find the same object.
  if (header[0] !== 0x7b) throw new DataError(`${label}: the header must begin with "{".`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch (cause) {
    throw new DataError(`${label}: the header is not UTF-8.`, { cause });
  }
  const { __metadata__: metadata, ...entries } = parseJsonObject(text, `${label} header`);
  const dataBegin = PREFIX_BYTES + header.byteLength;
  const tensors = Object.entries(entries).map(([name, entry]) => tensorInfo(name, entry, dataBegin, label));
  checkCoverage(tensors, dataBegin, fileBytes, label);
  return { tensors: new Map(tensors.map((info) => [info.name, info])), metadata: stringMap(metadata, label) };
}

function tensorInfo(name: string, entry: Json, dataBegin: number, label: string): TensorInfo {
  const where = `${label}: tensor ${JSON.stringify(name)}`;
  if (!isJsonObject(entry)) throw new DataError(`${where}: its entry must be an object.`);
  const { dtype, shape, data_offsets: offsets, ...rest } = entry;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw new DataError(`${where}: unknown key ${JSON.stringify(unknown)}.`);
  if (!isTensorDType(dtype)) {
    throw new DataError(
      `${where}: dtype=${JSON.stringify(dtype)}; known are ${Object.keys(DTYPE_BYTES).join(', ')}.`,
    );
  }
  if (!isSizes(shape))
    throw new DataError(`${where}: shape=${JSON.stringify(shape)}; it must be a list of sizes.`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw new DataError(
      `${where}: data_offsets=${JSON.stringify(offsets)}; they must be two byte positions.`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes) {
    throw new DataError(
      `${where}: data_offsets=[${begin},${end}]; ${dtype} of shape [${shape.join(',')}] takes ${bytes} bytes.`,
    );
  }
  return { name, dtype, shape, begin: dataBegin + begin, end: dataBegin + end };
}

function checkCoverage(
  tensors: readonly TensorInfo[],
  dataBegin: number,
  fileBytes: number,
  label: string,
): void {
  let position = dataBegin;
  for (const info of tensors.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (info.begin !== position) {
      const fault = info.begin < position ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw new DataError(
        `${label}: tensor ${JSON.stringify(info.name)} ${fault} (it begins at byte ${info.begin}, expected ${position}).`,
      );
    }
    if (info.end > fileBytes) {
      throw new DataError(
        `${label}: tensor ${JSON.stringify(info.name)} ends at byte ${info.end}, but the file has ${fileBytes}. It is truncated; download it again.`,
      );
    }
    position = info.end;
  }
  if (position !== fileBytes) {
    throw new DataError(
      `${label}: the tensors end at byte ${position}, but the file has ${fileBytes}: unclaimed bytes.`,
    );
  }
}

function isSizes(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

function stringMap(value: Json | undefined, label: string): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isJsonObject(value) || !Object.values(value).every((text) => typeof text === 'string')) {
    throw new DataError(`${label}: __metadata__ must map strings to strings.`);
  }
  return value as Readonly<Record<string, string>>;
}
