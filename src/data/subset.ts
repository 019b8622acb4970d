import { pickLabels } from './picking.ts';
import type { TokenStore } from './store.ts';

/** A store of some of another one's units, in the order given. What was counted while reading stays that of the whole. */
export function keepUnits(store: TokenStore, units: readonly number[]): TokenStore {
  const records = units.flatMap((unit) => range(store.unitOffsets, unit));
  const tokens = records.flatMap((record) => range(store.offsets, record));
  const { ids, typeIds } = store;
  return {
    ...store,
    records: records.length,
    units: units.length,
    unitOffsets: offsetsOf(units.map((unit) => range(store.unitOffsets, unit).length)),
    ids: ids instanceof Int32Array ? Int32Array.from(tokens, at(ids)) : Uint16Array.from(tokens, at(ids)),
    offsets: offsetsOf(records.map((record) => range(store.offsets, record).length)),
    typeIds: typeIds && Uint8Array.from(tokens, at(typeIds)),
    labels: pickLabels(store.labels, Uint32Array.from(records)),
    slices: store.slices.map((slice) => ({ ...slice, codes: Int32Array.from(records, at(slice.codes)) })),
    flags: Uint8Array.from(records, at(store.flags)),
    unknown: Uint16Array.from(records, at(store.unknown)),
  };
}

function at(values: ArrayLike<number>): (index: number) => number {
  return (index) => values[index]!;
}

function range(offsets: Uint32Array, index: number): number[] {
  const start = offsets[index]!;
  return Array.from({ length: offsets[index + 1]! - start }, (_, k) => start + k);
}

function offsetsOf(sizes: readonly number[]): Uint32Array {
  const offsets = new Uint32Array(sizes.length + 1);
  sizes.forEach((size, k) => (offsets[k + 1] = offsets[k]! + size));
  return offsets;
}
