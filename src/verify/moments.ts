import { UnsupportedEventError, type DpEvent, type Relation } from '../../privacy/index.ts';

/** Log moment generating function K(t) = log E_P[exp(t log(P/Q))] of a composition's privacy loss. */
export interface Moment {
  /** K at a real t > 0. */
  value(t: number): number;
  /** Real and imaginary part of K(c + i s) - K(c); of the latter only the multiple of 2 pi is arbitrary. */
  alongLine(c: number): (s: number) => readonly [number, number];
}

/** A mixture of Gaussians of standard deviation 1: weight and centre of each part. */
type Mixture = readonly (readonly [weight: number, centre: number])[];

interface Part {
  readonly p: Mixture;
  readonly q: Mixture;
  readonly count: number;
}

/**
 * The moments of an event made of Gaussian mechanisms, Poisson-sampled or not: one for each order of the two neighbours.
 * Written from the definition of the pairs, without the accountant's own.
 *   add or remove one, zero out: (1-q) N(0,1) + q N(1/sigma,1) against N(0,1), and the other way round
 *   replace one:                 (1-q) N(0,1) + q N(1/sigma,1) against (1-q) N(0,1) + q N(-1/sigma,1)
 * Reference: Zhu, Dong, Wang, arXiv:2106.08567, theorem 11 and its remarks on Poisson sampling.
 * @throws UnsupportedEventError for another mechanism
 */
export function momentsOf(event: DpEvent, relation: Relation): readonly Moment[] {
  const parts = partsOf(event, relation, 1);
  const forth = composed(parts);
  if (relation === 'replace-one') return [forth];
  return [forth, composed(parts.map(({ p, q, count }) => ({ p: q, q: p, count })))];
}

function partsOf(event: DpEvent, relation: Relation, count: number): Part[] {
  switch (event.kind) {
    case 'no-op':
      return [];
    case 'composed':
      return event.events.flatMap((inner) => partsOf(inner, relation, count));
    case 'self-composed':
      return partsOf(event.event, relation, count * event.count);
    case 'gaussian':
      return [partOf(1, event.noiseMultiplier, relation, count)];
    case 'ranked-selection':
      // One unit more or fewer in the data replaces at most one of the selected.
      if (relation === 'add-or-remove-one') return partsOf(event.event, 'replace-one', count);
      break;
    case 'banded-matrix': {
      // arXiv:2306.08153, theorem 4: a unit has one turn in `bands` steps, and moves the columns of its turn alone.
      const noise = event.noiseMultiplier / (event.columnNorm ?? 1);
      return [partOf(event.rate, noise, relation, count * Math.ceil(event.iterations / event.bands))];
    }
    case 'poisson-sampled':
      if (event.event.kind === 'gaussian') {
        return [partOf(event.rate, event.event.noiseMultiplier, relation, count)];
      }
  }
  throw new UnsupportedEventError(
    `event=${event.kind}: the second accountant knows Gaussian mechanisms, their Poisson sampling and selections by rank only. ` +
      'Rely on the first accountant for this event.',
  );
}

function partOf(rate: number, noiseMultiplier: number, relation: Relation, count: number): Part {
  const shifted = (centre: number): Mixture =>
    rate === 1
      ? [[1, centre]]
      : [
          [1 - rate, 0],
          [rate, centre],
        ];
  const shift = 1 / noiseMultiplier;
  return { p: shifted(shift), q: relation === 'replace-one' ? shifted(-shift) : [[1, 0]], count };
}

function composed(parts: readonly Part[]): Moment {
  const value = (t: number): number =>
    parts.reduce((sum, each) => sum + each.count * logMoment(tilted(each, t)), 0);
  return {
    value,
    alongLine: (c) => {
      const grids = parts.map((each) => ({ count: each.count, gridFor: gridsOf(each, c) }));
      return (s) => {
        let [real, imaginary] = [0, 0];
        for (const { count, gridFor } of grids) {
          const [size, angle] = characteristic(gridFor(s), s);
          real += count * size;
          imaginary += count * angle;
        }
        return [real, imaginary];
      };
    },
  };
}

/** p(x) exp(c L(x)) on an even grid of x, as weights below 1 and the log of their scale. */
interface Grid {
  readonly losses: Float64Array;
  readonly weights: Float64Array;
  readonly logScale: number;
}

/** Where a single step's transform dies away so slowly that a finer grid is asked for, what is left is below the tolerance. */
const MOST_REFINED = 3;
/** Below e^-this times the largest value nothing is summed. */
const NEGLIGIBLE = 46;

/** Finer grids for larger s, where exp(i s L) turns faster; each is made once. */
function gridsOf(part: Part, c: number): (s: number) => Grid {
  const grids: Grid[] = [];
  const width = widthOf(part);
  return (s) => {
    // The grid's own frequency, 2 pi / step, must stay clear of the largest one in the integrand, s times the loss's slope.
    const level = Math.min(MOST_REFINED, Math.max(0, Math.ceil(Math.log2((s * width) / 25))));
    return (grids[level] ??= tilted(part, c, 2 ** level));
  };
}

function widthOf({ p, q }: Part): number {
  const centres = [...p, ...q].map(([, centre]) => centre);
  return Math.max(Math.max(...centres) - Math.min(...centres), 1e-12);
}

/**
 * The trapezoidal rule on an analytic integrand that decays like a Gaussian converges exponentially; poles of the loss lie
 * pi / (distance of the centres) off the real line, which bounds the step.
 */
function tilted(part: Part, c: number, refinement = 1): Grid {
  const { p, q } = part;
  const centres = [...p, ...q].map(([, centre]) => centre);
  const [lowest, highest] = [Math.min(...centres), Math.max(...centres)];
  const width = widthOf(part);
  const logWeight = (x: number): number => {
    const logP = logDensity(p, x);
    return logP + c * (logP - logDensity(q, x));
  };
  // The tilt moves a Gaussian's mode by at most c times the distance of the centres.
  const reach = c * width + 12;
  const coarse = Math.max(0.25, (2 * reach + width) / 20_000);
  let [from, to, top] = [Infinity, -Infinity, -Infinity];
  for (let x = lowest - reach; x <= highest + reach; x += coarse) top = Math.max(top, logWeight(x));
  for (let x = lowest - reach; x <= highest + reach; x += coarse) {
    if (logWeight(x) < top - NEGLIGIBLE) continue;
    from = Math.min(from, x - coarse);
    to = Math.max(to, x + coarse);
  }
  const points = Math.ceil((to - from) / (Math.min(0.1, 0.2 / width) / refinement)) + 1;
  const step = (to - from) / (points - 1);
  const losses = new Float64Array(points);
  const logs = new Float64Array(points);
  for (let j = 0; j < points; j++) {
    const x = from + j * step;
    const logP = logDensity(p, x);
    losses[j] = logP - logDensity(q, x);
    logs[j] = logP + c * losses[j]!;
  }
  const largest = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  return {
    losses,
    weights: logs.map((value) => Math.exp(value - largest) * step),
    logScale: largest,
  };
}

function logMoment({ weights, logScale }: Grid): number {
  return logScale + Math.log(weights.reduce((sum, weight) => sum + weight, 0));
}

/** log size and angle of E[exp(i s L)] under the tilted distribution. */
function characteristic({ losses, weights }: Grid, s: number): readonly [number, number] {
  let [real, imaginary, total] = [0, 0, 0];
  for (let j = 0; j < losses.length; j++) {
    real += weights[j]! * Math.cos(s * losses[j]!);
    imaginary += weights[j]! * Math.sin(s * losses[j]!);
    total += weights[j]!;
  }
  return [Math.log(Math.hypot(real, imaginary) / total), Math.atan2(imaginary, real)];
}

const HALF_LOG_TWO_PI = Math.log(2 * Math.PI) / 2;

function logDensity(mixture: Mixture, x: number): number {
  let [top, sum] = [-Infinity, 0];
  for (const [weight, centre] of mixture) {
    const value = Math.log(weight) - (x - centre) ** 2 / 2;
    if (value > top) [sum, top] = [sum * Math.exp(top - value) + 1, value];
    else sum += Math.exp(value - top);
  }
  return top + Math.log(sum) - HALF_LOG_TWO_PI;
}
