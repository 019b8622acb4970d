/** A figure, or the reason why it is undefined. */
export type Figure = number | string;

/**
 * Figures of records that occur so many times each, `weights` [records]. All ones: the records themselves; other counts: a
 * resample of them. Whatever doesn't depend on the counts is worked out before, once.
 */
export type Measure<Name extends string> = (weights: Uint32Array) => Record<Name, Figure>;

/** The same reason for every figure. */
export function allUndefined<Name extends string>(
  names: readonly Name[],
  reason: string,
): Record<Name, Figure> {
  return Object.fromEntries(names.map((name) => [name, reason])) as Record<Name, Figure>;
}

/** Mean of the numbers, none of them left out. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
