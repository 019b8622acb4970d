import { EMPTY, lengthOf, TRUNCATED, type ReadCounts, type TokenStore } from './store.ts';

/**
 * What a data set looks like, to be checked before training. Exact figures of private rows that no noise covers: for
 * the owner's terminal and `private/`, never for `release/`.
 */
export interface PrivateDescription {
  readonly rows: number;
  readonly records: number;
  readonly units: number;
  /** Records of the unit that has most. */
  readonly largestUnit: number;
  /** Records by label name; empty where labels are no names. */
  readonly labels: Readonly<Record<string, number>>;
  readonly labelsDiscovered: boolean;
  /** Share of records whose text is longer than the maximal length. */
  readonly truncationRate: number;
  /** Share of tokens that are unknown to the vocabulary. */
  readonly unknownRate: number;
  /** Tokens of a record, after truncation (nearest rank). */
  readonly tokens: Readonly<Record<'total' | 'median' | 'p90' | 'p95' | 'p99' | 'maximum', number>>;
  readonly emptyTexts: number;
  /** Records whose tokens equal an earlier one's. */
  readonly repeatedTexts: number;
  /** Rows that the cleaning step `dedupe` dropped. */
  readonly duplicatesDropped: number;
  readonly unitsOverLimit: number;
  readonly recordsOverLimit: number;
  /** Words with tags, those that the model sees nothing of (cut off, or without a token), and records that have no others. */
  readonly words?: Readonly<Record<'total' | 'lost' | 'recordsWithout', number>>;
  /** Texts (or words, where the file has words) changed by each cleaning step. */
  readonly cleaned: ReadCounts['cleaned'];
}

/** Reads the whole store once. Private: see the type. */
export function describe(store: TokenStore): PrivateDescription {
  const lengths = Uint32Array.from({ length: store.records }, (_, record) => lengthOf(store, record)).sort();
  const percentile = (share: number): number =>
    lengths[Math.max(0, Math.ceil(share * lengths.length) - 1)] ?? 0;
  const { rows, duplicates, unitsOverLimit, overLimit, cleaned } = store.counts;
  const total = store.ids.length;
  const unknown = store.unknown.reduce((sum, count) => sum + count, 0);
  return {
    rows,
    records: store.records,
    units: store.units,
    largestUnit: largestUnit(store),
    ...countLabels(store),
    truncationRate: ratio(countFlag(store, TRUNCATED), store.records),
    unknownRate: ratio(unknown, total),
    tokens: {
      total,
      median: percentile(0.5),
      p90: percentile(0.9),
      p95: percentile(0.95),
      p99: percentile(0.99),
      maximum: percentile(1),
    },
    emptyTexts: countFlag(store, EMPTY),
    repeatedTexts: countRepeated(store),
    duplicatesDropped: duplicates,
    unitsOverLimit,
    recordsOverLimit: overLimit,
    ...countWords(store),
    cleaned,
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function countFlag({ flags }: TokenStore, flag: number): number {
  return flags.reduce((count, value) => count + (value & flag ? 1 : 0), 0);
}

function largestUnit({ unitOffsets, units }: TokenStore): number {
  let largest = 0;
  for (let unit = 0; unit < units; unit++) {
    largest = Math.max(largest, unitOffsets[unit + 1]! - unitOffsets[unit]!);
  }
  return largest;
}

function countLabels({ labels }: TokenStore): Pick<PrivateDescription, 'labels' | 'labelsDiscovered'> {
  if (!('names' in labels)) return { labels: {}, labelsDiscovered: false };
  const { names, discovered } = labels.names;
  const counts = new Uint32Array(names.length);
  for (const code of labels.codes) counts[code]! += 1;
  return {
    labels: Object.fromEntries(names.map((name, code) => [name, counts[code]!])),
    labelsDiscovered: discovered,
  };
}

function countWords({ labels }: TokenStore): Pick<PrivateDescription, 'words'> {
  if (labels.task !== 'token-classification') return {};
  const { offsets, positions } = labels;
  const seen = (record: number): number =>
    positions.subarray(offsets[record], offsets[record + 1]).filter((position) => position >= 0).length;
  const counts = Array.from({ length: offsets.length - 1 }, (_, record) => seen(record));
  const total = positions.length;
  return {
    words: {
      total,
      lost: total - counts.reduce((sum, count) => sum + count, 0),
      recordsWithout: counts.filter((count) => count === 0).length,
    },
  };
}

/** Exact, by a hash table of record numbers with open addressing: 8 to 16 bytes a record. */
function countRepeated(store: TokenStore): number {
  const slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * store.records + 2)));
  const lastSlot = slots.length - 1;
  let repeated = 0;
  for (let record = 0; record < store.records; record++) {
    let slot = hashTokens(store, record) & lastSlot;
    while (slots[slot] !== 0 && !sameTokens(store, slots[slot]! - 1, record)) slot = (slot + 1) & lastSlot;
    if (slots[slot] === 0) slots[slot] = record + 1;
    else repeated += 1;
  }
  return repeated;
}

/** FNV-1a over token ids, with a final mix (Murmur 3) so that the low bits depend on all of them. */
function hashTokens({ ids, offsets }: TokenStore, record: number): number {
  let hash = 0x811c9dc5;
  for (let at = offsets[record]!; at < offsets[record + 1]!; at++) {
    hash = Math.imul(hash ^ ids[at]!, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

function sameTokens(store: TokenStore, a: number, b: number): boolean {
  const length = lengthOf(store, a);
  if (length !== lengthOf(store, b)) return false;
  const startA = store.offsets[a]!;
  const startB = store.offsets[b]!;
  for (let at = 0; at < length; at++) {
    if (store.ids[startA + at] !== store.ids[startB + at]) return false;
    if (store.typeIds && store.typeIds[startA + at] !== store.typeIds[startB + at]) return false;
  }
  return true;
}
