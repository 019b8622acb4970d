/**
 * Mechanisms as data. A `DpEvent` documents completely what was released; it never says how it is accounted for.
 *
 * Meanings never change: new kinds are added instead. `noiseMultiplier` is always noise scale / sensitivity to one
 * unit's **presence** (C for a clipped sum): the neighbouring relation's factor (1, 2 or 1) is applied in
 * `relation.ts`, nowhere else.
 */
export type DpEvent =
  | NoOpEvent
  | NonPrivateEvent
  | GaussianEvent
  | LaplaceEvent
  | DiscreteGaussianEvent
  | DiscreteLaplaceEvent
  | RandomizedResponseEvent
  | ExponentialEvent
  | PermuteAndFlipEvent
  | EpsilonDeltaEvent
  | ZcdpEvent
  | RdpCurveEvent
  | PoissonSampledEvent
  | TruncatedPoissonSampledEvent
  | SampledWithoutReplacementEvent
  | RandomAllocationEvent
  | BallsInBinsEvent
  | BandedMatrixEvent
  | TreeEvent
  | MixtureOfGaussiansEvent
  | RepeatAndSelectEvent
  | OneOfEvent
  | RankedSelectionEvent
  | ComposedEvent
  | SelfComposedEvent;

/**
 * Which data sets are neighbours.
 * - `add-or-remove-one`: one holds one unit more.
 * - `replace-one`: equal size, one unit differs; the sum moves by at most twice the clipping norm.
 * - `zero-out`: one unit is replaced by one that contributes zero.
 */
export type Relation = 'add-or-remove-one' | 'replace-one' | 'zero-out';

export const relations: readonly Relation[] = ['add-or-remove-one', 'replace-one', 'zero-out'];

/** Nothing was released. */
export type NoOpEvent = { readonly kind: 'no-op' };

/** A release without any guarantee: epsilon is infinite. */
export type NonPrivateEvent = { readonly kind: 'non-private' };

/** N(0, (noiseMultiplier * sensitivity)^2) added to each coordinate of a sum. */
export type GaussianEvent = { readonly kind: 'gaussian'; readonly noiseMultiplier: number };

/** Laplace noise of scale noiseMultiplier * (L1) sensitivity. */
export type LaplaceEvent = { readonly kind: 'laplace'; readonly noiseMultiplier: number };

/** Discrete Gaussian noise of parameter `sigma` on an integer query of integer `sensitivity` (Canonne et al. 2020). */
export type DiscreteGaussianEvent = {
  readonly kind: 'discrete-gaussian';
  readonly sigma: number;
  readonly sensitivity: number;
};

/** P(x) proportional to exp(-parameter |x|) on the integers, on an integer query of integer `sensitivity`. */
export type DiscreteLaplaceEvent = {
  readonly kind: 'discrete-laplace';
  readonly parameter: number;
  readonly sensitivity: number;
};

/** With probability `noiseParameter` the answer is uniform on `buckets` values, else the true one. */
export type RandomizedResponseEvent = {
  readonly kind: 'randomized-response';
  readonly noiseParameter: number;
  readonly buckets: number;
};

/** Exponential mechanism: `epsilon`-DP and `epsilon`-bounded range (Dong et al. 2019). */
export type ExponentialEvent = { readonly kind: 'exponential'; readonly epsilon: number };

/** Permute and flip: `epsilon`-DP (McKenna and Sheldon 2020). */
export type PermuteAndFlipEvent = { readonly kind: 'permute-and-flip'; readonly epsilon: number };

/** Any mechanism known only to be (epsilon, delta)-DP. */
export type EpsilonDeltaEvent = {
  readonly kind: 'epsilon-delta';
  readonly epsilon: number;
  readonly delta: number;
};

/** Any mechanism known only to be (xi, rho)-zCDP: D_alpha <= xi + rho alpha (Bun and Steinke 2016). */
export type ZcdpEvent = { readonly kind: 'zcdp'; readonly rho: number; readonly xi?: number };

/** Any mechanism known only by Renyi divergence bounds at some orders (> 1). */
export type RdpCurveEvent = {
  readonly kind: 'rdp-curve';
  readonly orders: readonly number[];
  readonly rdp: readonly number[];
};

/**
 * Each unit takes part independently with probability `rate`. Under replace-one Laplace and discrete noise are those of
 * one number, not of a vector.
 */
export type PoissonSampledEvent = {
  readonly kind: 'poisson-sampled';
  readonly rate: number;
  readonly event: DpEvent;
};

/**
 * Poisson sampling of `datasetSize` units; batches above `maxBatch` are cut to `maxBatch` uniformly (arXiv:2508.15089). A
 * unit that is zeroed out or replaced keeps its place in the batch. Gaussian `event` only.
 */
export type TruncatedPoissonSampledEvent = {
  readonly kind: 'truncated-poisson-sampled';
  readonly datasetSize: number;
  readonly rate: number;
  readonly maxBatch: number;
  readonly event: DpEvent;
};

/** `sampleSize` of `datasetSize` units, uniformly without replacement. */
export type SampledWithoutReplacementEvent = {
  readonly kind: 'sampled-without-replacement';
  readonly datasetSize: number;
  readonly sampleSize: number;
  readonly event: DpEvent;
};

/**
 * Each unit takes part in `selected` steps of `steps`, chosen uniformly; all the steps of one epoch are one event.
 * Gaussian `event` only.
 */
export type RandomAllocationEvent = {
  readonly kind: 'random-allocation';
  readonly steps: number;
  readonly selected: number;
  readonly event: DpEvent;
};

/** Each unit is put into one of `bins` batches uniformly, once; the bins are passed over `epochs` times. Gaussian only. */
export type BallsInBinsEvent = {
  readonly kind: 'balls-in-bins';
  readonly bins: number;
  readonly epochs: number;
  readonly event: DpEvent;
};

/**
 * Banded matrix mechanism with cyclic Poisson sampling (arXiv:2306.08153): `iterations` steps, `bands` bands,
 * a unit of the current block takes part with probability `rate`, and every column of C has norm <= `columnNorm`.
 */
export type BandedMatrixEvent = {
  readonly kind: 'banded-matrix';
  readonly noiseMultiplier: number;
  readonly iterations: number;
  readonly bands: number;
  readonly rate: number;
  readonly columnNorm?: number;
};

/**
 * Tree aggregation over `steps` leaves, noise on every node. A unit appears at most `maxParticipations` times,
 * with at least `minSeparation` leaves between two of its appearances.
 */
export type TreeEvent = {
  readonly kind: 'tree';
  readonly noiseMultiplier: number;
  readonly steps: number;
  readonly maxParticipations?: number;
  readonly minSeparation?: number;
};

/** A unit moves the sum by `sensitivities[i]` (of one record's) with `probabilities[i]` (arXiv:2401.10294). */
export type MixtureOfGaussiansEvent = {
  readonly kind: 'mixture-of-gaussians';
  readonly noiseMultiplier: number;
  readonly sensitivities: readonly number[];
  readonly probabilities: readonly number[];
};

/**
 * The best of a random number of runs of `event` (Papernot and Steinke 2022): truncated negative binomial of the
 * given `shape` (0: logarithmic, 1: geometric, "poisson": Poisson) and `mean`.
 */
export type RepeatAndSelectEvent = {
  readonly kind: 'repeat-and-select';
  readonly mean: number;
  readonly shape: number | 'poisson';
  readonly event: DpEvent;
};

/** One of these ran, chosen independently of the data; which one is known. */
export type OneOfEvent = { readonly kind: 'one-of'; readonly events: readonly DpEvent[] };

/**
 * `event` ran on a selection of the units: of each class at most a fixed number, the first by a public order that looks at
 * one unit at a time. Where one unit is added or removed, at most one of those selected is replaced by another, or by none,
 * which is a unit that contributes zero: so `event` is bound under replace-one. Known under add-or-remove-one alone.
 */
export type RankedSelectionEvent = { readonly kind: 'ranked-selection'; readonly event: DpEvent };

/** All of these were released; a later one may look at the earlier outputs, its parameters may not. */
export type ComposedEvent = { readonly kind: 'composed'; readonly events: readonly DpEvent[] };

/** `event`, `count` times (0 .. 2^53 - 1). */
export type SelfComposedEvent = {
  readonly kind: 'self-composed';
  readonly count: number;
  readonly event: DpEvent;
};
