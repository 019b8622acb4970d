import { InvalidParameterError } from '../../privacy/index.ts';
import type { Labels } from './labels.ts';
import { checkTokenTotal, lengthOf, type TokenStore } from './store.ts';

/**
 * A store with units of another one behind its own. What was counted while reading stays that of the first.
 * @param more - of the same task and labels; its records are units of their own
 * @param places - which of its records, in order
 */
export function joinStores(store: TokenStore, more: TokenStore, places: readonly number[]): TokenStore {
  const lengths = places.map((place) => lengthOf(more, place));
  const total = store.ids.length + lengths.reduce((sum, length) => sum + length, 0);
  checkTokenTotal(total);
  const isWide = store.ids instanceof Int32Array || more.ids instanceof Int32Array;
  const ids = isWide ? new Int32Array(total) : new Uint16Array(total);
  const typeIds = store.typeIds && new Uint8Array(total);
  ids.set(store.ids);
  typeIds?.set(store.typeIds!);
  const offsets = appended(Uint32Array, store.offsets, places.length);
  let end = store.ids.length;
  for (const [index, place] of places.entries()) {
    ids.set(more.ids.subarray(more.offsets[place], more.offsets[place + 1]), end);
    end += lengths[index]!;
    offsets[store.records + 1 + index] = end;
  }
  const picked = (values: Uint8Array | Uint16Array): number[] => places.map((place) => values[place]!);
  return {
    records: store.records + places.length,
    units: store.units + places.length,
    unitOffsets: appended(
      Uint32Array,
      store.unitOffsets,
      places.map((_, index) => store.records + index + 1),
    ),
    ids,
    offsets,
    typeIds,
    labels: joinLabels(store.labels, more.labels, places),
    slices: store.slices.map(({ column, names, codes }) => ({
      column,
      names: [...names, 'canary'],
      codes: appended(
        Int32Array,
        codes,
        places.map(() => names.length),
      ),
    })),
    flags: appended(Uint8Array, store.flags, picked(more.flags)),
    unknown: appended(Uint16Array, store.unknown, picked(more.unknown)),
    counts: store.counts,
  };
}

function joinLabels(own: Labels, more: Labels, places: readonly number[]): Labels {
  if (own.task === 'single-label' && more.task === 'single-label') {
    return {
      ...own,
      codes: appended(
        Int32Array,
        own.codes,
        places.map((place) => more.codes[place]!),
      ),
    };
  }
  if (own.task === 'multi-label' && more.task === 'multi-label') {
    const added = places.map((place) => more.codes.subarray(more.offsets[place], more.offsets[place + 1]));
    const offsets = appended(Uint32Array, own.offsets, places.length);
    added.forEach((codes, index) => {
      offsets[own.offsets.length + index] = offsets[own.offsets.length + index - 1]! + codes.length;
    });
    return {
      ...own,
      offsets,
      codes: appended(
        Int32Array,
        own.codes,
        added.flatMap((codes) => [...codes]),
      ),
    };
  }
  if (own.task === 'token-classification' && more.task === 'token-classification') {
    const added = places.map((place) => more.offsets.slice(place, place + 2));
    const words = (values: Int32Array): number[] =>
      added.flatMap(([from, to]) => [...values.subarray(from, to)]);
    const offsets = appended(Uint32Array, own.offsets, places.length);
    added.forEach(([from, to], index) => {
      const at = own.offsets.length + index;
      offsets[at] = offsets[at - 1]! + to! - from!;
    });
    return {
      ...own,
      offsets,
      codes: appended(Int32Array, own.codes, words(more.codes)),
      positions: appended(Int32Array, own.positions, words(more.positions)),
    };
  }
  if (own.task === 'regression' && more.task === 'regression') {
    return {
      ...own,
      values: Float64Array.from([...own.values, ...places.map((place) => more.values[place]!)]),
    };
  }
  if (own.task === 'generation' && more.task === 'generation') {
    return {
      ...own,
      starts: appended(
        Uint32Array,
        own.starts,
        places.map((place) => more.starts[place]!),
      ),
    };
  }
  throw new InvalidParameterError(`task=${own.task}: records of task ${more.task} cannot join it.`);
}

/** @param tail - the values that follow, or how many zeros */
function appended<A extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(
  make: new (length: number) => A,
  values: A,
  tail: readonly number[] | number,
): A {
  const joined = new make(values.length + (typeof tail === 'number' ? tail : tail.length));
  joined.set(values);
  if (typeof tail !== 'number') joined.set(tail, values.length);
  return joined;
}
