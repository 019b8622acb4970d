/** Values in ascending order, equal values together. */
export interface Ranking {
  /** Indices of the values, ascending. */
  readonly order: Uint32Array;
  /** Tie t is order[starts[t]] .. order[starts[t + 1] - 1]. */
  readonly starts: Uint32Array;
}

export function rankingOf(values: Float64Array): Ranking {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const starts = [0];
  for (let i = 1; i < order.length; i++) {
    if (values[order[i]!] !== values[order[i - 1]!]) starts.push(i);
  }
  if (order.length > 0) starts.push(order.length);
  return { order, starts: Uint32Array.from(starts) };
}

/**
 * Area under the ROC curve: the probability that a positive record ranks above a negative one, half for equal values
 * (Mann-Whitney U over the number of pairs).
 * @param positive - 1 for a positive record and 0 for a negative one, in ascending order of the values
 * @param weights - how often each record occurs, by record
 * @returns NaN where there is no positive or no negative record
 */
export function areaUnderRoc({ order, starts }: Ranking, positive: Uint8Array, weights: Uint32Array): number {
  let [below, positives, area] = [0, 0, 0];
  for (let tie = 0, i = 0; tie + 1 < starts.length; tie++) {
    const end = starts[tie + 1]!;
    let [up, count] = [0, 0];
    for (; i < end; i++) {
      const weight = weights[order[i]!]!;
      count += weight;
      up += weight * positive[i]!;
    }
    area += up * (below + (count - up) / 2);
    below += count - up;
    positives += up;
  }
  return area / (positives * below);
}

/** Ranks from 1 of the records that occur, the mean rank for equal values, into `ranks`; 0 weight: any rank. */
export function fillRanks({ order, starts }: Ranking, weights: Uint32Array, ranks: Float64Array): void {
  let below = 0;
  for (let tie = 0; tie + 1 < starts.length; tie++) {
    let count = 0;
    for (let i = starts[tie]!; i < starts[tie + 1]!; i++) count += weights[order[i]!]!;
    const rank = below + (count + 1) / 2;
    for (let i = starts[tie]!; i < starts[tie + 1]!; i++) ranks[order[i]!] = rank;
    below += count;
  }
}
