import { InvalidParameterError } from '../../privacy/index.ts';
import { clustersOf, type ClusterOptions } from './clusters.ts';
import { normalised, principalComponents, type Points } from './points.ts';

export interface MauveFigures {
  /** 0 to 1: 1 where the two look alike. */
  readonly mauve: number;
  /** With half a text more in every cluster of either side (MAUVE*): steadier where there are few texts. */
  readonly smoothed: number;
  readonly clusters: number;
  /** Compared. */
  readonly texts: { readonly reference: number; readonly written: number };
}

const varianceKept = 0.9;
const textsPerCluster = 10;
const starts = 5;
const rounds = 500;
/** Constant c of the divergence curve. */
const scale = 5;
/** Points of the curve between its ends, and how near to 0 and 1 the first and last mixtures come. */
const [mixtures, margin] = [25, 1e-6];

/**
 * MAUVE (Pillutla et al., NeurIPS 2021, arXiv:2102.01454; smoothed: JMLR 24, 2023): how much two sets of texts look alike, from
 * their features. Features are normalised and projected on the principal components of 90 % of their variance, both sets
 * are quantised together into a tenth as many clusters as the smaller has texts, and what is measured is the area under
 * the frontier of Kullback-Leibler divergences between the two histograms and their mixtures. Constants and conventions
 * are those of mauve-text 0.4.0; clusters, which depend on random starts there as here, differ.
 * @param reference - features of the texts to resemble
 * @param written - of as many columns
 * @throws InvalidParameterError where a feature is not finite
 */
export function mauveOf(reference: Points, written: Points, rng: ClusterOptions['rng']): MauveFigures {
  const { width } = reference;
  const both = new Float64Array((reference.count + written.count) * width);
  both.set(reference.data);
  both.set(written.data, reference.data.length);
  if (!both.every(Number.isFinite)) {
    throw new InvalidParameterError('features: some are not finite numbers. Take another encoder.');
  }
  const points = normalised({ count: reference.count + written.count, width, data: both });
  const clusters = Math.max(2, roundedHalfEven(Math.min(reference.count, written.count) / textsPerCluster));
  const nearest = clustersOf(principalComponents(points, varianceKept), { clusters, starts, rounds, rng });
  const p = countsOf(nearest.subarray(0, reference.count), clusters);
  const q = countsOf(nearest.subarray(reference.count), clusters);
  return {
    mauve: frontierArea(p, q),
    smoothed: frontierArea(
      p.map((count) => count + 0.5),
      q.map((count) => count + 0.5),
    ),
    clusters,
    texts: { reference: reference.count, written: written.count },
  };
}

function countsOf(clusterOf: Uint32Array, clusters: number): number[] {
  const counts = Array.from({ length: clusters }, () => 0);
  for (const cluster of clusterOf) counts[cluster]! += 1;
  return counts;
}

/** As Python rounds. */
function roundedHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/**
 * Area under the divergence frontier of two histograms, the mean of both ways to integrate it: with mixtures r of both,
 * the points (exp(-c KL(q|r)), exp(-c KL(p|r))), between (1, 0) and (0, 1).
 * @param p - counts, at least one above 0
 * @param q - of as many bins
 */
export function frontierArea(p: readonly number[], q: readonly number[]): number {
  const [a, b] = [shares(p), shares(q)];
  const curve = Array.from({ length: mixtures }, (_, at): readonly [number, number] => {
    const weight = margin + (at / (mixtures - 1)) * (1 - 2 * margin);
    const mixture = a.map((share, bin) => weight * share + (1 - weight) * b[bin]!);
    return [Math.exp(-scale * divergence(b, mixture)), Math.exp(-scale * divergence(a, mixture))];
  });
  // From (1, 0) to (0, 1), whichever way the curve runs where points coincide.
  const points = [[1, 0] as const, ...curve, [0, 1] as const];
  const flipped = points.map(([x, y]) => [y, x] as const).toReversed();
  return (areaUnder(points) + areaUnder(flipped)) / 2;
}

function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / total);
}

/** Kullback-Leibler divergence in nats; `of` is 0 wherever `from` is. */
function divergence(of: readonly number[], from: readonly number[]): number {
  return of.reduce((sum, share, bin) => (share > 0 ? sum + share * Math.log(share / from[bin]!) : sum), 0);
}

/** By the trapezoidal rule, of points whose x falls. */
function areaUnder(points: readonly (readonly [number, number])[]): number {
  return points
    .slice(1)
    .reduce((sum, [x, y], at) => sum + ((points[at]![0] - x) * (points[at]![1] + y)) / 2, 0);
}
