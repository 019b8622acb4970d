/** Exponential moving average of a parameter vector: post-processing, so it costs no privacy. */
export interface Average {
  /** What would be released: the average, or the parameters themselves where there is none. */
  readonly values: Float32Array;
  add(parameters: Float32Array): void;
}

/**
 * @param parameters - shared, not copied, where `decay` is 0
 * @param decay - weight of the past; early on it is less, so that the start does not linger: min(decay, (1 + t) / (10 + t))
 * @param saved - the average's values, on resume, and `steps` added before
 */
export function createAverage(
  parameters: Float32Array,
  decay: number,
  saved?: { readonly values: Float32Array; readonly steps: number },
): Average {
  if (decay === 0) return { values: parameters, add: () => undefined };
  const values = (saved?.values ?? parameters).slice();
  let steps = saved?.steps ?? 0;
  return {
    values,
    add(latest) {
      const past = Math.min(decay, (1 + steps) / (10 + steps));
      steps += 1;
      for (let i = 0; i < values.length; i++) values[i] = past * values[i]! + (1 - past) * latest[i]!;
    },
  };
}
