import { existsSync } from 'node:fs';
import { DataError } from '../../privacy/index.ts';
import { openSafetensors, writeSafetensors } from '../formats/index.ts';

/** Everything that training needs to go on, at the end of a step. */
export interface Checkpoint {
  /** Arrays by name: weights, optimizer moments, averages. */
  readonly arrays: Readonly<Record<string, Float32Array>>;
  /** JSON values: counters, schedule state, the plan's hash. */
  readonly state: Readonly<Record<string, unknown>>;
}

/** Replaces the checkpoint at `path` atomically: after a crash the old one or the new one is there, whole. */
export async function writeCheckpoint(path: string, { arrays, state }: Checkpoint): Promise<void> {
  const tensors = Object.entries(arrays).map(([name, data]) => ({ name, shape: [data.length], data }));
  await writeSafetensors(path, tensors, { state: JSON.stringify(state) });
}

/** Undefined where none was written yet. */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  if (!existsSync(path)) return undefined;
  const file = await openSafetensors(path);
  try {
    const state = file.metadata['state'];
    if (state === undefined)
      throw new DataError(`${path}: not a checkpoint of dptune. Restore it from a copy.`);
    const arrays: Record<string, Float32Array> = {};
    for (const name of file.tensors.keys()) arrays[name] = await file.read(name);
    return { arrays, state: JSON.parse(state) as Checkpoint['state'] };
  } finally {
    await file.close();
  }
}
