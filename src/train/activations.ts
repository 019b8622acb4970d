import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../privacy/index.ts';
import { allUnits, lengthOf, microBatches, type MicroBatch, type TokenStore } from '../data/index.ts';
import type { Program, Tensors } from '../engines/index.ts';

/**
 * What a frozen part of the model makes of every record, computed once and kept in a file under `private/`. Either one
 * vector a record ([width]) or one a token ([tokens, width]); float32, records in the store's order.
 */
export interface Activations {
  readonly perToken: boolean;
  readonly width: number;
  /** [records, width], or [records, tokens, width] padded with zeros to `tokens`. */
  read(records: Uint32Array, tokens: number): Float32Array;
  close(): void;
}

export interface ActivationRequest {
  readonly directory: string;
  /** Digest of all that the activations depend on: weights, data, cut, cleaning, length. */
  readonly key: string;
  readonly store: TokenStore;
  readonly program: Program;
  /** Name of the program's output. */
  readonly output: string;
  readonly width: number;
  readonly perToken: boolean;
  readonly inputs: (batch: MicroBatch) => Tensors;
  readonly tokenBudget: number;
  readonly padId: number;
  /** Called after each micro-batch with the records done so far; may throw to stop. */
  readonly progress: (records: number) => void;
}

const bytesOf = Float32Array.BYTES_PER_ELEMENT;

/** The activations under `key`: those on disk where an earlier run left them whole, else computed now. */
export async function activationsOf(request: ActivationRequest): Promise<Activations> {
  const { directory, key, store, width, perToken } = request;
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${key}.f32`);
  if (!existsSync(path)) await compute(request, path);
  const file = openSync(path, 'r');
  const place = placeIn(store, perToken);
  return {
    perToken,
    width,
    close: () => closeSync(file),
    read(records, tokens) {
      const rowSize = (perToken ? tokens : 1) * width;
      const values = new Float32Array(records.length * rowSize);
      for (const [row, record] of records.entries()) {
        const { start, rows } = place(record);
        readWhole(
          file,
          values.subarray(row * rowSize, row * rowSize + rows * width),
          start * width * bytesOf,
        );
      }
      return values;
    },
  };
}

async function compute(request: ActivationRequest, path: string): Promise<void> {
  const { store, program, output, width, perToken, inputs, tokenBudget, padId, progress } = request;
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w');
  const place = placeIn(store, perToken);
  let done = 0;
  try {
    for (const batch of microBatches(store, allUnits(store), { tokenBudget, padId })) {
      const { data } = (await program.run(inputs(batch)))[output]!;
      const rowSize = (perToken ? batch.tokens : 1) * width;
      for (const [row, record] of batch.recordIndices.entries()) {
        const { start, rows } = place(record);
        const values = (data as Float32Array).subarray(row * rowSize, row * rowSize + rows * width);
        await writeWhole(file, values, start * width * bytesOf);
      }
      progress((done += batch.records));
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** Where a record's rows begin in the file, and how many it has. */
function placeIn(store: TokenStore, perToken: boolean): (record: number) => { start: number; rows: number } {
  return perToken
    ? (record) => ({ start: store.offsets[record]!, rows: lengthOf(store, record) })
    : (record) => ({ start: record, rows: 1 });
}

/** A full disk may take a part only, without an error. */
async function writeWhole(file: FileHandle, values: Float32Array, position: number): Promise<void> {
  const bytes = viewOf(values);
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

function readWhole(file: number, target: Float32Array, position: number): void {
  const bytes = viewOf(target);
  for (let done = 0; done < bytes.length;) {
    const count = readSync(file, bytes, done, bytes.length - done, position + done);
    if (count === 0)
      throw new DataError('activations: the file was cut. Delete the folder; it is computed again.');
    done += count;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
