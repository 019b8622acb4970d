import type { PrivacyUnit } from '../../privacy/index.ts';
import { Growable } from './growable.ts';
import { keyedUniform } from './keyed.ts';
import {
  parseLabelList,
  parseTarget,
  type LabelIndex,
  type LabelNames,
  type Labels,
  type Task,
  type WordTags,
} from './labels.ts';
import { pick, pickLabels, pickRows } from './picking.ts';
import {
  checkTokenTotal,
  EMPTY,
  TRUNCATED,
  type Encoding,
  type ReadCounts,
  type TokenStore,
} from './store.ts';
import { parseTags } from './words.ts';

/** Label of a row in codes so far: a code, codes or target, as the task says; nothing for `unlabelled`. */
export type ParsedLabel = number | readonly number[] | undefined;

/**
 * @param words - number of words, each of which needs a tag (token classification)
 * @returns the label, or what is wrong with it
 */
export function parseLabel(
  value: unknown,
  task: Task,
  index: LabelIndex,
  words: number,
): ParsedLabel | string {
  switch (task) {
    case 'unlabelled':
    case 'generation':
      return undefined;
    case 'single-label':
      return index.codeOf(value);
    case 'regression':
      return parseTarget(value);
    case 'token-classification':
      return parseTags(value, words, (tag) => index.codeOf(tag));
    default: {
      const list = parseLabelList(value);
      if (typeof list === 'string') return list;
      const codes = list.map((item) => index.codeOf(item));
      const problem = codes.find((code) => typeof code === 'string');
      return problem ?? [...new Set(codes as number[])];
    }
  }
}

interface RecordToAdd {
  readonly encoding: Encoding;
  readonly isEmpty: boolean;
  readonly label: ParsedLabel;
  readonly unit: string | undefined;
  readonly slices: readonly string[];
}

export interface StoreBuilder {
  add(record: RecordToAdd): void;
  /** @param names - final label names and codes; ignored for regression and unlabelled stores */
  finish(
    names: LabelNames & { readonly finalCodes: Int32Array },
    counts: Pick<ReadCounts, 'rows' | 'duplicates' | 'cleaned'>,
  ): TokenStore;
}

export interface BuilderOptions {
  readonly task: Task;
  readonly unit: PrivacyUnit;
  /** Public; decides which records a user over the limit keeps. */
  readonly seed: string | number;
  readonly sliceColumns: readonly string[];
}

/** Fills a store record by record, keeping neither text nor, once finished, the units' keys. */
export function createStoreBuilder({ task, unit, seed, sliceColumns }: BuilderOptions): StoreBuilder {
  const tokens = createTokenColumns();
  const labelCodes = new Growable((length) => new Int32Array(length));
  const labelOffsets = new Growable((length) => new Uint32Array(length));
  const targets = new Growable((length) => new Float64Array(length));
  const starts = new Growable((length) => new Uint32Array(length));
  const positions = new Growable((length) => new Int32Array(length));
  const slices = sliceColumns.map((column) => ({ column, ...createCategories() }));
  const owners = createCategories();
  labelOffsets.push(0);

  return {
    add({ encoding, isEmpty, label, unit: owner, slices: values }) {
      tokens.add(encoding, isEmpty);
      if (task === 'regression') targets.push(label as number);
      else if (task === 'generation') starts.push(encoding.start ?? 1);
      else if (typeof label === 'number') labelCodes.push(label);
      else if (label !== undefined) labelCodes.append(label);
      labelOffsets.push(labelCodes.length);
      if (task === 'token-classification') positions.append(encoding.words ?? []);
      for (const [index, slice] of slices.entries()) slice.add(values[index] ?? '');
      if (unit.kind === 'user') owners.add(owner ?? '');
    },

    finish({ finalCodes, ...names }, counts) {
      const records = tokens.length;
      const { order, unitOffsets, unitsOverLimit } =
        unit.kind === 'user'
          ? groupByUnit(owners.codes(), owners.names(), unit.maxRecords, seed)
          : { order: undefined, unitOffsets: range(records + 1), unitsOverLimit: 0 };
      const kept = order ?? range(records);
      const codes = labelCodes.view().map((code) => finalCodes[code]!);
      const columns: LabelColumns = {
        codes,
        offsets: labelOffsets.view(),
        positions: positions.view(),
        targets: targets.view(),
        starts: starts.view(),
      };
      const labels = pickLabels(labelsOf(task, names, columns), kept);
      return {
        records: kept.length,
        units: unitOffsets.length - 1,
        unitOffsets,
        ...tokens.finish(kept),
        labels,
        slices: slices.map((slice) => ({
          column: slice.column,
          names: slice.names(),
          codes: pick(slice.codes(), kept),
        })),
        counts: { ...counts, unitsOverLimit, overLimit: records - kept.length },
      };
    },
  };
}

/**
 * Records of each unit together, at most `maxRecords` of them. Which ones depends on the seed and the unit's own key and
 * number of records only: so two data sets that differ in one user's records differ in that user's records after it, too.
 */
function groupByUnit(
  owners: Int32Array,
  keys: readonly string[],
  maxRecords: number,
  seed: string | number,
): { order: Uint32Array; unitOffsets: Uint32Array; unitsOverLimit: number } {
  const recordsOf: number[][] = keys.map(() => []);
  for (const [record, owner] of owners.entries()) recordsOf[owner]!.push(record);
  let unitsOverLimit = 0;
  const kept = recordsOf.map((records, unit) => {
    if (records.length <= maxRecords) return records;
    unitsOverLimit += 1;
    return records
      .map((record, nth) => ({ record, priority: keyedUniform(seed, ['keep', keys[unit], nth]) }))
      .sort((a, b) => a.priority - b.priority)
      .slice(0, maxRecords)
      .map(({ record }) => record)
      .sort((a, b) => a - b);
  });
  const unitOffsets = new Uint32Array(kept.length + 1);
  for (const [unit, records] of kept.entries()) unitOffsets[unit + 1] = unitOffsets[unit]! + records.length;
  return { order: Uint32Array.from(kept.flat()), unitOffsets, unitsOverLimit };
}

/** Labels as they came in, of which a task uses its own. */
interface LabelColumns extends WordTags {
  readonly targets: Float64Array;
  readonly starts: Uint32Array;
}

/** The labels of all records, in the order in which they came. */
function labelsOf(
  task: Task,
  names: LabelNames,
  { codes, offsets, positions, targets, starts }: LabelColumns,
): Labels {
  switch (task) {
    case 'unlabelled':
      return { task };
    case 'generation':
      return { task, starts };
    case 'regression':
      return { task, values: targets };
    case 'single-label':
      return { task, names, codes };
    case 'token-classification':
      return { task, names, offsets, codes, positions };
    default:
      return { task, names, offsets, codes };
  }
}

function createTokenColumns(): {
  readonly length: number;
  add(encoding: Encoding, isEmpty: boolean): void;
  finish(kept: Uint32Array): Pick<TokenStore, 'ids' | 'offsets' | 'typeIds' | 'flags' | 'unknown'>;
} {
  let ids: Growable<Uint16Array> | Growable<Int32Array> = new Growable((length) => new Uint16Array(length));
  let isWide = false;
  let typeIds: Growable<Uint8Array> | undefined;
  const offsets = new Growable((length) => new Uint32Array(length));
  const flags = new Growable((length) => new Uint8Array(length));
  const unknown = new Growable((length) => new Uint16Array(length));
  offsets.push(0);
  return {
    get length() {
      return flags.length;
    },
    add(encoding, isEmpty) {
      checkTokenTotal(ids.length + encoding.ids.length);
      if (!isWide && largest(encoding.ids) > 0xffff) {
        const wide = new Growable((length) => new Int32Array(length));
        wide.append(ids.view());
        ids = wide;
        isWide = true;
      }
      if (encoding.typeIds && !typeIds && largest(encoding.typeIds) > 0) {
        typeIds = new Growable((length) => new Uint8Array(length));
        typeIds.append(new Uint8Array(ids.length));
      }
      ids.append(encoding.ids);
      typeIds?.append(encoding.typeIds ?? new Uint8Array(encoding.ids.length));
      offsets.push(ids.length);
      flags.push((encoding.truncated ? TRUNCATED : 0) | (isEmpty ? EMPTY : 0));
      unknown.push(Math.min(encoding.unknown, 0xffff));
    },
    finish(kept) {
      const picked = pickRows<Uint16Array | Int32Array>(ids.view(), offsets.view(), kept);
      return {
        ids: picked.values,
        offsets: picked.offsets,
        typeIds: typeIds && pickRows(typeIds.view(), offsets.view(), kept).values,
        flags: pick(flags.view(), kept),
        unknown: pick(unknown.view(), kept),
      };
    },
  };
}

/** Strings as codes in order of first appearance. */
function createCategories(): {
  add(name: string): void;
  names(): string[];
  codes(): Int32Array;
} {
  const codeOf = new Map<string, number>();
  const codes = new Growable((length) => new Int32Array(length));
  return {
    add(name) {
      const code = codeOf.get(name) ?? codeOf.size;
      if (code === codeOf.size) codeOf.set(name, code);
      codes.push(code);
    },
    names: () => [...codeOf.keys()],
    codes: () => codes.view(),
  };
}

function range(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, index) => index);
}

function largest(values: ArrayLike<number>): number {
  let maximum = 0;
  for (let index = 0; index < values.length; index++) {
    if (values[index]! > maximum) maximum = values[index]!;
  }
  return maximum;
}
