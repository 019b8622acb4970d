import { createHash } from 'node:crypto';
import type { TokenStore } from './store.ts';

/**
 * Divides units into `count` subsets of about equal size, each unit by its own tokens alone (a digest of its records): which
 * other units there are, and in which order, changes nothing, and neither does a resume. Units with the same tokens share a
 * subset. Who knows a unit's text may know its subset; the guarantee does not ask that to be secret.
 * @returns subset of each unit, 0 .. count - 1, [units]
 */
export function unitSubsets(store: TokenStore, count: number): Uint32Array {
  const { unitOffsets, offsets, ids } = store;
  const subsets = new Uint32Array(store.units);
  for (let unit = 0; unit < store.units; unit++) {
    const digest = createHash('sha256').update('dptune subset');
    for (let record = unitOffsets[unit]!; record < unitOffsets[unit + 1]!; record++) {
      // 32 bits each: how wide ids are stored may depend on what else is in the store.
      const tokens = Int32Array.from(ids.subarray(offsets[record], offsets[record + 1]));
      digest.update(Int32Array.of(tokens.length)).update(tokens);
    }
    subsets[unit] = Math.floor((digest.digest().readUInt32BE() / 2 ** 32) * count);
  }
  return subsets;
}
