import type { Labels, TokenStore } from '../data/index.ts';

/** Units that are looked at before the shortest and the longest are chosen; evenly spread over the data. */
const candidates = 4096;

/** A few of the user's own units, from the shortest to the longest, in this order, as a store of their own. */
export function probeStore(store: TokenStore, size: number): TokenStore {
  const looked = Math.min(candidates, store.units);
  const found = Array.from({ length: looked }, (_, i) => Math.floor((i * store.units) / looked));
  const byLength = found.sort((a, b) => tokensOf(store, a) - tokensOf(store, b) || a - b);
  const wanted = Math.min(size, looked);
  const chosen = Array.from(
    { length: wanted },
    (_, i) => byLength[wanted === 1 ? 0 : Math.round((i * (looked - 1)) / (wanted - 1))]!,
  );
  return subsetOf(
    store,
    chosen.sort((a, b) => a - b),
  );
}

function tokensOf({ unitOffsets, offsets }: TokenStore, unit: number): number {
  return offsets[unitOffsets[unit + 1]!]! - offsets[unitOffsets[unit]!]!;
}

/** The units named, in the order given. */
function subsetOf(store: TokenStore, units: readonly number[]): TokenStore {
  const records = units.flatMap((unit) => rangeOf(store.unitOffsets, unit));
  const tokens = records.flatMap((record) => rangeOf(store.offsets, record));
  const { ids, typeIds } = store;
  return {
    ...store,
    records: records.length,
    units: units.length,
    unitOffsets: offsetsOf(units.map((unit) => rangeOf(store.unitOffsets, unit).length)),
    offsets: offsetsOf(records.map((record) => rangeOf(store.offsets, record).length)),
    ids: Int32Array.from(tokens, (token) => ids[token]!),
    typeIds: typeIds && Uint8Array.from(tokens, (token) => typeIds[token]!),
    labels: labelsOf(store.labels, records),
    slices: [],
    flags: Uint8Array.from(records, (record) => store.flags[record]!),
    unknown: Uint16Array.from(records, (record) => store.unknown[record]!),
  };
}

function labelsOf(labels: Labels, records: readonly number[]): Labels {
  switch (labels.task) {
    case 'unlabelled':
      return labels;
    case 'single-label':
      return { ...labels, codes: Int32Array.from(records, (record) => labels.codes[record]!) };
    case 'multi-label':
      return {
        ...labels,
        offsets: offsetsOf(records.map((record) => rangeOf(labels.offsets, record).length)),
        codes: Int32Array.from(
          records.flatMap((record) => rangeOf(labels.offsets, record)),
          (at) => labels.codes[at]!,
        ),
      };
    case 'regression':
      return { ...labels, values: Float64Array.from(records, (record) => labels.values[record]!) };
    case 'generation':
      return { ...labels, starts: Uint32Array.from(records, (record) => labels.starts[record]!) };
    default:
      return labels satisfies never;
  }
}

function rangeOf(offsets: Uint32Array, index: number): number[] {
  const start = offsets[index]!;
  return Array.from({ length: offsets[index + 1]! - start }, (_, i) => start + i);
}

function offsetsOf(sizes: readonly number[]): Uint32Array {
  const offsets = new Uint32Array(sizes.length + 1);
  sizes.forEach((size, i) => (offsets[i + 1] = offsets[i]! + size));
  return offsets;
}
