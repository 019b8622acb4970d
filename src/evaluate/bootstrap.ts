import type { Measure } from './figure.ts';

/** Where resamples come from. */
export interface Rng {
  /** In [0, 1). */
  uniform(): number;
}

/** Ends of an interval. */
export type Interval = readonly [low: number, high: number];

const TAIL = 0.025;
/** Share of the resamples in which a figure may be undefined before its interval is. */
const MAX_UNDEFINED = 0.05;

/**
 * 95 % percentile bootstrap intervals (Efron and Tibshirani, 1993, section 13.3): groups are drawn with replacement, as
 * many as there are.
 * @param groups - of each record; each record is its own unless given
 * @returns for each figure, or why it has none
 */
export function bootstrapIntervals<Name extends string>(
  measure: Measure<Name>,
  names: readonly Name[],
  { records, groups, resamples, rng }: BootstrapOptions,
): Record<Name, Interval | string> {
  const drawn = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  const members = groups && membersOf(groups);
  const weights = new Uint32Array(records);
  for (let resample = 0; resample < resamples; resample++) {
    weights.fill(0);
    if (members) {
      for (let i = 0; i < members.length; i++) {
        for (const record of members[Math.floor(rng.uniform() * members.length)]!) weights[record]! += 1;
      }
    } else {
      for (let i = 0; i < records; i++) weights[Math.floor(rng.uniform() * records)]! += 1;
    }
    const figures = measure(weights);
    for (const name of names) {
      const figure = figures[name];
      if (typeof figure === 'number') drawn[name].push(figure);
    }
  }
  const intervalOf = (values: number[]): Interval | string => {
    if (values.length < (1 - MAX_UNDEFINED) * resamples) {
      return `undefined in ${resamples - values.length} of ${resamples} resamples`;
    }
    const sorted = Float64Array.from(values).sort();
    return [quantile(sorted, TAIL), quantile(sorted, 1 - TAIL)];
  };
  return Object.fromEntries(names.map((name) => [name, intervalOf(drawn[name])])) as Record<
    Name,
    Interval | string
  >;
}

export interface BootstrapOptions {
  readonly records: number;
  readonly groups: Int32Array | Uint32Array | undefined;
  /** At least 1. */
  readonly resamples: number;
  readonly rng: Rng;
}

function membersOf(groups: Int32Array | Uint32Array): readonly (readonly number[])[] {
  const members = new Map<number, number[]>();
  for (const [record, group] of groups.entries()) {
    const own = members.get(group);
    if (own) own.push(record);
    else members.set(group, [record]);
  }
  return [...members.values()];
}

/** Quantile of sorted values, linear between neighbours (Hyndman and Fan, 1996, definition 7). */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}
