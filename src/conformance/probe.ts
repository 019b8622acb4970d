import { keepUnits, type TokenStore } from '../data/index.ts';

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
  return keepUnits(
    store,
    chosen.sort((a, b) => a - b),
  );
}

function tokensOf({ unitOffsets, offsets }: TokenStore, unit: number): number {
  return offsets[unitOffsets[unit + 1]!]! - offsets[unitOffsets[unit]!]!;
}
