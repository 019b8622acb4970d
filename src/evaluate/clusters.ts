import { pointAt, type Points } from './points.ts';

export interface ClusterOptions {
  readonly clusters: number;
  /** Starts afresh so often; the closest clusters are kept. */
  readonly starts: number;
  /** Most rounds of each start. */
  readonly rounds: number;
  readonly rng: {
    integer(bound: number): number;
    shuffle(items: Uint32Array): Uint32Array;
    fork(label: number): ClusterOptions['rng'];
  };
}

/**
 * Cluster of each point, [count], by Lloyd's k-means from random points: the least sum of squared distances to the clusters'
 * means that was found.
 */
export function clustersOf(points: Points, { clusters, starts, rounds, rng }: ClusterOptions): Uint32Array {
  let best: Found | undefined;
  for (let start = 0; start < starts; start++) {
    const found = fromRandomPoints(points, clusters, rounds, rng.fork(start));
    if (!best || found.spread < best.spread) best = found;
  }
  return best!.nearest;
}

interface Found {
  readonly nearest: Uint32Array;
  readonly spread: number;
}

function fromRandomPoints(
  points: Points,
  clusters: number,
  rounds: number,
  rng: ClusterOptions['rng'],
): Found {
  const { count, width } = points;
  const order = rng.shuffle(Uint32Array.from({ length: count }, (_, index) => index));
  const centres: Points = { count: clusters, width, data: new Float64Array(clusters * width) };
  for (let k = 0; k < clusters; k++) pointAt(centres, k).set(pointAt(points, order[k % count]!));
  const nearest = new Uint32Array(count);
  let found = assign(points, centres, nearest);
  for (let round = 1; round < rounds && found.moved; round++) {
    moveToMeans(points, centres, nearest, rng);
    found = assign(points, centres, nearest);
  }
  return { nearest, spread: found.spread };
}

/** Distances are summed up so many coordinates at a time, and no further than they can matter. */
const stride = 16;

/** Puts the nearest centre of each point into `nearest`, the first of several. */
function assign(
  points: Points,
  centres: Points,
  nearest: Uint32Array,
): { readonly spread: number; readonly moved: boolean } {
  const { width } = points;
  let [spread, moved] = [0, false];
  /** Squared distance, or something above `limit` where it is above. */
  const distance = (point: Float64Array, centre: number, limit: number): number => {
    let [sum, at] = [0, centre * width];
    for (let i = 0; i < width && sum <= limit;) {
      for (const end = Math.min(i + stride, width); i < end; i++, at++) {
        const gap = point[i]! - centres.data[at]!;
        sum += gap * gap;
      }
    }
    return sum;
  };
  for (let index = 0; index < points.count; index++) {
    const point = pointAt(points, index);
    // The centre of the round before is seldom far: others are given up soon.
    let best = nearest[index]!;
    let least = distance(point, best, Infinity);
    for (let k = 0; k < centres.count; k++) {
      if (k === best) continue;
      const gap = distance(point, k, least);
      if (gap < least || (gap === least && k < best)) [best, least] = [k, gap];
    }
    moved ||= best !== nearest[index];
    nearest[index] = best;
    spread += least;
  }
  return { spread, moved };
}

/** A centre that no point is near to starts again at a random point. */
function moveToMeans(
  points: Points,
  centres: Points,
  nearest: Uint32Array,
  rng: ClusterOptions['rng'],
): void {
  const sizes = new Uint32Array(centres.count);
  centres.data.fill(0);
  for (const [index, k] of nearest.entries()) {
    sizes[k]! += 1;
    const [centre, point] = [pointAt(centres, k), pointAt(points, index)];
    for (let i = 0; i < centre.length; i++) centre[i]! += point[i]!;
  }
  for (const [k, size] of sizes.entries()) {
    const centre = pointAt(centres, k);
    if (size === 0) centre.set(pointAt(points, rng.integer(points.count)));
    else for (let i = 0; i < centre.length; i++) centre[i]! /= size;
  }
}
