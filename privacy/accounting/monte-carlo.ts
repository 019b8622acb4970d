import { InvalidParameterError, UnsupportedEventError } from '../errors.ts';
import { reproducibleRng } from '../random/reproducible-rng.ts';
import type { ReproducibleRng } from '../random/reproducible-rng.ts';
import type { Interval } from './answer.ts';
import { directionsOf, dominatingPair } from './dominating.ts';
import type { PairDirection } from './dominating.ts';
import { exp, log, log1p } from './elementary.ts';
import type { DpEvent, Relation } from './events.ts';
import { checkSelection } from './leaves.ts';
import { lossAt } from './pairs.ts';
import type { LossPair, SmoothPiece, Term } from './pairs.ts';

export type MonteCarloOptions = {
  readonly epsilon: number;
  readonly relation: Relation;
  /** Recorded with the answer: the same seed gives the same answer. */
  readonly seed: string | number;
  readonly samples: number;
  /** Probability that the interval holds; 0.999 by default. */
  readonly confidence?: number;
};

/**
 * A simulated delta. It is never certified: the interval holds with the stated confidence over the seed, if the
 * generator is as good as random, and somebody who may choose the seed may choose the answer.
 */
export type MonteCarloDelta = {
  readonly certified: false;
  readonly method: 'monte-carlo';
  readonly delta: Interval;
  readonly standardError: number;
  readonly direction: PairDirection;
  readonly epsilon: number;
  readonly relation: Relation;
  readonly seed: string | number;
  readonly samples: number;
  readonly confidence: number;
};

/** Losses drawn per sample in all; more is refused. */
const maxDraws = 1e10;

/** One loss log(P / Q) of an event's outcome under P. */
type Draw = (rng: ReproducibleRng) => number;

/**
 * delta(epsilon) = E_P[(1 - e^(epsilon - loss))+] by simulation, for a check of the certified answers on other
 * mathematics: it draws outcomes of the mechanisms themselves. Allocations of k of t steps and balls in bins are drawn as
 * they are, without the bounds that the certified answers use for k > 1.
 * The interval is an empirical Bernstein bound (Maurer and Pontil, arXiv:0907.3740, theorem 4) on each side.
 * @throws UnsupportedEventError for mechanisms without a known pair of worst distributions
 */
export function monteCarloDelta(event: DpEvent, options: MonteCarloOptions): MonteCarloDelta {
  const { epsilon, relation, seed, samples, confidence = 0.999 } = options;
  if (!(Number.isSafeInteger(samples) && samples >= 100)) {
    throw new InvalidParameterError(
      `samples=${samples}: must be a whole number of 100 or more. Give 100000.`,
    );
  }
  if (!(confidence > 0 && confidence < 1)) {
    throw new InvalidParameterError(`confidence=${confidence}: must be between 0 and 1. Give 0.999.`);
  }
  if (!(epsilon >= 0)) {
    throw new InvalidParameterError(`epsilon=${epsilon}: must be 0 or more. Give the guarantee's.`);
  }
  const directions = directionsOf(relation);
  // Two sides, and as many directions.
  const logTail = log((2 * directions.length * 2) / (1 - confidence));
  const found = directions.map((direction) => {
    const drawers = drawersOf(event, 1, relation, direction);
    const draws = drawers.reduce((total, { count }) => total + count, 0) * samples;
    if (draws > maxDraws) {
      throw new UnsupportedEventError(
        `samples=${samples}: ${draws} draws are more than ${maxDraws}. Ask for fewer samples or steps.`,
      );
    }
    const rng = reproducibleRng(`${seed}`).fork(direction);
    let mean = 0;
    let squares = 0;
    for (let n = 1; n <= samples; n++) {
      let loss = 0;
      for (const { draw, count } of drawers) for (let k = 0; k < count; k++) loss += draw(rng);
      const value = loss > epsilon ? 1 - exp(epsilon - loss) : 0;
      const change = value - mean;
      mean += change / n;
      squares += change * (value - mean);
    }
    const variance = squares / (samples - 1);
    const margin = Math.sqrt((2 * variance * logTail) / samples) + (7 * logTail) / (3 * (samples - 1));
    return { direction, mean, margin, standardError: Math.sqrt(variance / samples) };
  });
  const worst = found.reduce((a, b) => (b.mean > a.mean ? b : a));
  return {
    certified: false,
    method: 'monte-carlo',
    delta: {
      lower: Math.max(0, ...found.map(({ mean, margin }) => mean - margin)),
      estimate: worst.mean,
      upper: Math.min(1, Math.max(...found.map(({ mean, margin }) => mean + margin))),
    },
    standardError: worst.standardError,
    direction: worst.direction,
    epsilon,
    relation,
    seed,
    samples,
    confidence,
  };
}

type Drawer = { readonly draw: Draw; readonly count: number };

function drawersOf(event: DpEvent, count: number, relation: Relation, direction: PairDirection): Drawer[] {
  switch (event.kind) {
    case 'no-op':
      return [];
    case 'composed':
      return event.events.flatMap((part) => drawersOf(part, count, relation, direction));
    case 'self-composed':
      return drawersOf(event.event, count * event.count, relation, direction);
    case 'ranked-selection':
      checkSelection(relation);
      return drawersOf(event.event, count, 'replace-one', 'replace');
    case 'random-allocation':
    case 'balls-in-bins':
      return [{ draw: allocationDraw(event, direction), count }];
    case 'gaussian':
    case 'laplace':
    case 'discrete-gaussian':
    case 'discrete-laplace':
    case 'randomized-response':
    case 'epsilon-delta':
    case 'mixture-of-gaussians':
    case 'poisson-sampled':
      return [{ draw: pairDraw(dominatingPair(event, relation, direction)!), count }];
    default:
      throw new UnsupportedEventError(
        `event=${event.kind}: is not simulated here. Ask for the certified bounds.`,
      );
  }
}

/** An outcome of P, and its loss. */
function pairDraw(pair: LossPair): Draw {
  const sources: { mass: number; draw: Draw }[] = [{ mass: pair.infinite, draw: () => Infinity }];
  for (const { mass, loss } of pair.atoms) sources.push({ mass, draw: () => loss });
  for (const piece of pair.pieces) {
    for (const term of piece.p) {
      const mass = piece.curvature === 1 ? term.weight : massOf(term, piece);
      const position = piece.curvature === 1 ? gaussianPosition(term) : exponentialPosition(term, piece);
      sources.push({ mass, draw: (rng) => lossAt(piece, position(rng)) });
    }
  }
  const total = sources.reduce((sum, { mass }) => sum + mass, 0);
  return (rng) => {
    let at = rng.uniform() * total;
    for (const { mass, draw } of sources) {
      if (at < mass) return draw(rng);
      at -= mass;
    }
    return sources.at(-1)!.draw(rng);
  };
}

function gaussianPosition(term: Term): Draw {
  return (rng) => term.rate + rng.normal();
}

function massOf({ log: height, rate }: Term, { from, to }: SmoothPiece): number {
  return (exp(height + rate * to) - exp(height + rate * from)) / rate;
}

/** A point with density proportional to e^(rate x) on the piece. */
function exponentialPosition({ rate }: Term, { from, to }: SmoothPiece): Draw {
  const far = exp(-Math.abs(rate) * (to - from));
  return (rng) => {
    const distance = -log1p(-rng.uniform() * (1 - far)) / Math.abs(rate);
    return rate > 0 ? to - distance : from + distance;
  };
}

type Allocation = Extract<DpEvent, { kind: 'random-allocation' | 'balls-in-bins' }>;

/**
 * Outputs x of all steps, N(shift, 1) in the chosen ones under P (remove) and N(0, 1) elsewhere. The ratio of P to Q is
 * the mean over all choices of k steps of the product of y_i = e^(shift x_i - shift^2 / 2): an elementary symmetric
 * polynomial over a binomial coefficient, here by the recurrence of means over the steps.
 */
function allocationDraw(event: Allocation, direction: PairDirection): Draw {
  const { event: inner } = event;
  if (direction === 'replace' || inner.kind !== 'gaussian') {
    throw new UnsupportedEventError(
      `event=${event.kind} of ${inner.kind}: is simulated for Gaussian steps under add-or-remove-one or zero-out only. ` +
        'Ask for one of them.',
    );
  }
  const isBins = event.kind === 'balls-in-bins';
  const steps = isBins ? event.bins : event.steps;
  const chosen = isBins ? 1 : event.selected;
  const shift = (isBins ? Math.sqrt(event.epochs) : 1) / inner.noiseMultiplier;
  const isRemove = direction === 'remove';
  const means = new Float64Array(chosen + 1);
  return (rng) => {
    means.fill(0);
    means[0] = 1;
    // Steps are alike: the chosen ones may come first.
    for (let n = 1; n <= steps; n++) {
      const x = rng.normal() + (isRemove && n <= chosen ? shift : 0);
      const ratio = exp(shift * x - (shift * shift) / 2);
      // e_j of n numbers over C(n, j) = (1 - j / n) that of n - 1 + (j / n) ratio times the one before.
      for (let j = Math.min(n, chosen); j > 0; j--) {
        means[j] = (1 - j / n) * means[j]! + (j / n) * ratio * means[j - 1]!;
      }
    }
    const loss = log(means[chosen]!);
    return isRemove ? loss : -loss;
  };
}
