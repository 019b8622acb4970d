import { InvalidParameterError, logNormalTail } from '../../privacy/index.ts';
import { logNormalDensity } from './normal.ts';

/** Density 2/s phi(z) Phi(shape z) with z = (x - location) / s, s the scale (Azzalini, 1985). */
export interface SkewNormal {
  readonly shape: number;
  readonly location: number;
  /** > 0 */
  readonly scale: number;
}

/** Beyond it the density is a half-normal one in all but name. */
const steepest = 1000;
/** Natural logarithm below the top at which the rest of an integral is left out. */
const negligible = 45;
const intervals = 1024;

/** log of the density of the standard one, location 0 and scale 1. */
function logDensity(z: number, shape: number): number {
  return Math.LN2 + logNormalDensity(z, 0, 1) + logNormalTail(-shape * z);
}

/**
 * log P(X <= x), by Simpson's rule on the density, so that far tails keep their digits; to about 1e-7.
 */
export function logSkewNormalCdf(x: number, { shape, location, scale }: SkewNormal): number {
  const end = (x - location) / scale;
  if (end > 40) return 0;
  // The logarithm is concave: downhill from its top it only falls.
  const top = Math.min(end, peak(shape));
  const reference = logDensity(top, shape);
  let step = 0.01;
  while (logDensity(top - step, shape) > reference - negligible) step *= 1.5;
  const start = top - step;
  // Where Phi(shape z) rises.
  const bend = 8 / Math.max(1, Math.abs(shape));
  const places = [start, ...[-bend, 0, bend, top].filter((at) => at > start && at < end), end];
  const borders = places.sort((a, b) => a - b);
  const sum = borders
    .slice(1)
    .reduce(
      (total, to, k) => total + simpson((z) => Math.exp(logDensity(z, shape) - reference), borders[k]!, to),
      0,
    );
  return Math.min(0, reference + Math.log(sum));
}

function peak(shape: number): number {
  let [low, high] = [-2, 2];
  for (let turn = 0; turn < 60; turn++) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
    if (logDensity(a, shape) < logDensity(b, shape)) low = a;
    else high = b;
  }
  return (low + high) / 2;
}

function simpson(density: (z: number) => number, from: number, to: number): number {
  const width = (to - from) / intervals;
  let sum = density(from) + density(to);
  for (let k = 1; k < intervals; k++) sum += (k % 2 === 1 ? 4 : 2) * density(from + k * width);
  return (sum * width) / 3;
}

/**
 * The skew normal distribution that makes values likeliest, found from their moments on by the simplex method (Nelder and
 * Mead, 1965).
 * @throws InvalidParameterError for fewer than three different values
 */
export function fitSkewNormal(values: ArrayLike<number>): SkewNormal {
  const all = Array.from(values);
  if (new Set(all).size < 3 || !all.every(Number.isFinite)) {
    throw new InvalidParameterError(
      `values=${all.length}: must have three different finite ones at least. Score more canaries.`,
    );
  }
  const surprise = ([shape, location, logScale]: Point): number => {
    if (Math.abs(shape) > steepest) return Infinity;
    const scale = Math.exp(logScale);
    return -all.reduce((sum, value) => sum + logDensity((value - location) / scale, shape) - logScale, 0);
  };
  // Done again from where it ended, a simplex that collapsed too early gets on.
  let best = minimum(surprise, byMoments(all));
  for (let again = 0; again < 3; again++) best = minimum(surprise, best);
  const [shape, location, logScale] = best;
  return { shape, location, scale: Math.exp(logScale) };
}

type Point = readonly [number, number, number];

/** Parameters of the same mean, deviation and, as far as there is such a distribution, skewness. */
function byMoments(values: readonly number[]): Point {
  const moment = (power: number, centre: number): number =>
    values.reduce((sum, value) => sum + (value - centre) ** power, 0) / values.length;
  const mean = moment(1, 0);
  const deviation = Math.sqrt(moment(2, mean));
  const skewness = Math.max(-0.95, Math.min(0.95, moment(3, mean) / deviation ** 3));
  const root = Math.abs(skewness) ** (2 / 3);
  const size = Math.sqrt((Math.PI / 2) * (root / (root + ((4 - Math.PI) / 2) ** (2 / 3))));
  const delta = Math.sign(skewness) * Math.min(size, 0.99);
  const scale = deviation / Math.sqrt(1 - (2 * delta * delta) / Math.PI);
  const location = mean - scale * delta * Math.sqrt(2 / Math.PI);
  return [delta / Math.sqrt(1 - delta * delta), location, Math.log(scale)];
}

function minimum(cost: (point: Point) => number, start: Point): Point {
  const size = Math.exp(start[2]);
  const steps: readonly Point[] = [
    [0, 0, 0],
    [0.5, 0, 0],
    [0, 0.2 * size, 0],
    [0, 0, 0.2],
  ];
  let corners = steps.map((step) => cornerAt(start.map((value, k) => value + step[k]!)));
  function cornerAt(coordinates: readonly number[]) {
    const point = coordinates as unknown as Point;
    return { point, cost: cost(point) };
  }
  for (let turn = 0; turn < 1000; turn++) {
    corners.sort((a, b) => a.cost - b.cost);
    const [best, worst] = [corners[0]!, corners[3]!];
    if (worst.cost - best.cost < 1e-10) break;
    const centre = [0, 1, 2].map(
      (k) => (corners[0]!.point[k]! + corners[1]!.point[k]! + corners[2]!.point[k]!) / 3,
    );
    const along = (by: number) => cornerAt(centre.map((value, k) => value + by * (value - worst.point[k]!)));
    const reflected = along(1);
    if (reflected.cost < best.cost) {
      const further = along(2);
      corners[3] = further.cost < reflected.cost ? further : reflected;
    } else if (reflected.cost < corners[2]!.cost) corners[3] = reflected;
    else {
      const nearer = along(reflected.cost < worst.cost ? 0.5 : -0.5);
      if (nearer.cost < Math.min(reflected.cost, worst.cost)) corners[3] = nearer;
      else
        corners = corners.map(({ point }) => cornerAt(point.map((value, k) => (value + best.point[k]!) / 2)));
    }
  }
  return corners[0]!.point;
}
