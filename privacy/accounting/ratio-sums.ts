/**
 * Distributions of a likelihood ratio under Q: `mass[i]` at `value[i]`, values ascending, means kept.
 *
 * Hockey-stick divergences are expectations of convex functions of the ratio: E_Q (R - a)+ and E_Q (1 - a R)+. So a
 * spread that keeps the mean (each bin's mass to its two ends) gives a pair that dominates, a contraction (each bin to
 * its mean) one that is dominated, and both survive sums of independent ratios (convex order).
 */
export type Ratios = { readonly value: Float64Array; readonly mass: Float64Array };

/** Mass and first moment (from the lower end) of each bin [edge_k, edge_(k+1)). */
export type Bins = {
  readonly edges: Float64Array;
  readonly mass: Float64Array;
  readonly moment: Float64Array;
};

export function emptyBins(edges: Float64Array): Bins {
  return { edges, mass: new Float64Array(edges.length - 1), moment: new Float64Array(edges.length - 1) };
}

/** Each bin's mass to its two ends. */
export function spread({ edges, mass, moment }: Bins): Ratios {
  const spreadMass = new Float64Array(edges.length);
  for (let k = 0; k < mass.length; k++) {
    const up = Math.min(mass[k]!, moment[k]! / (edges[k + 1]! - edges[k]!));
    spreadMass[k]! += mass[k]! - up;
    spreadMass[k + 1]! += up;
  }
  return { value: edges, mass: spreadMass };
}

/** Masses below this may have underflowed: a lower bound goes without them. */
const smallest = 1e-290;

/** Each bin's mass to its mean. */
export function contraction({ edges, mass, moment }: Bins): Ratios {
  const value = new Float64Array(mass.length);
  for (let k = 0; k < mass.length; k++) {
    const mean = mass[k]! > 0 ? edges[k]! + moment[k]! / mass[k]! : edges[k]!;
    value[k] = Math.min(edges[k + 1]!, Math.max(mean, edges[k]!));
  }
  return { value, mass: mass.map((own) => (own < smallest ? 0 : own)) };
}

/**
 * The sum of independent draws from two distributions, by bins. Only positive numbers are added: every mass has a
 * relative error below (terms + 4) 2^-53, however small it is.
 */
export function sumOf(a: Ratios, b: Ratios, edges: Float64Array): Bins {
  const bins = emptyBins(edges);
  const { mass, moment } = bins;
  const last = mass.length - 1;
  const same = a === b;
  let start = 0;
  for (let i = 0; i < a.value.length; i++) {
    const weight = a.mass[i]!;
    const value = a.value[i]!;
    const from = same ? i : 0;
    while (start < last && edges[start + 1]! <= value + b.value[from]!) start++;
    if (weight === 0) continue;
    let bin = start;
    for (let j = from; j < b.value.length; j++) {
      const sum = value + b.value[j]!;
      while (bin < last && edges[bin + 1]! <= sum) bin++;
      const product = same && j > i ? 2 * weight * b.mass[j]! : weight * b.mass[j]!;
      mass[bin]! += product;
      moment[bin]! += product * (sum - edges[bin]!);
    }
  }
  return bins;
}

/** Mean and variance. */
export function momentsOfRatios({ value, mass }: Ratios): {
  readonly mean: number;
  readonly variance: number;
} {
  let total = 0;
  let first = 0;
  for (let k = 0; k < value.length; k++) {
    total += mass[k]!;
    first += mass[k]! * value[k]!;
  }
  const mean = first / total;
  let second = 0;
  for (let k = 0; k < value.length; k++) second += mass[k]! * (value[k]! - mean) ** 2;
  return { mean, variance: second / total };
}
