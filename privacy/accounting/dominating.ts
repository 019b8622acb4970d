import { UnsupportedEventError } from '../errors.ts';
import {
  discreteGaussian,
  discreteLaplace,
  logMixture,
  pureDp,
  randomizedResponse,
} from './discrete-pairs.ts';
import { exp, log, log1p } from './elementary.ts';
import type { DpEvent, Relation } from './events.ts';
import { normalTail } from './normal.ts';
import { halfLogTwoPi } from './tails.ts';
import type { Atom, LossPair, SmoothPiece, Term } from './pairs.ts';

/**
 * Which neighbour comes first in the divergence. Under add-or-remove-one and zero-out both are needed: the worst pair
 * of one step need not be the worst of a composition (Lebeda et al., arXiv:2405.20769). Under replace-one the pairs
 * here are their own mirror images.
 */
export type PairDirection = 'remove' | 'add' | 'replace';

/** The directions that an answer under the relation has to cover. */
export function directionsOf(relation: Relation): readonly PairDirection[] {
  return relation === 'replace-one' ? ['replace'] : ['remove', 'add'];
}

/** Largest sensitivity / noise for which losses are put on a lattice. */
const largestRate = 100;

/**
 * A pair that dominates the leaf `event` in one direction, or null where only Renyi bounds are known.
 * The factor that the relation puts on a sensitivity is applied here and nowhere else: 1 for a unit that is added,
 * removed or zeroed, 2 (a unit's presence taken away and another's put in) for one that is replaced.
 * @throws UnsupportedEventError where nothing is known for this event under this relation
 */
export function dominatingPair(
  event: DpEvent,
  relation: Relation,
  direction: PairDirection,
): LossPair | null {
  const factor = relation === 'replace-one' ? 2 : 1;
  switch (event.kind) {
    case 'non-private':
      return { pieces: [], atoms: [], infinite: 1 };
    case 'gaussian':
      return gaussianMixture([[1, factor / event.noiseMultiplier]], [[1, 0]]);
    case 'laplace': {
      const scale = event.noiseMultiplier / factor;
      return 1 / scale > largestRate ? pureDp(1 / scale, 0) : laplace(1, scale);
    }
    case 'discrete-gaussian':
      return oriented(discreteGaussian(1, event.sigma, event.sensitivity * factor), direction);
    case 'discrete-laplace':
      return oriented(discreteLaplace(1, event.parameter, event.sensitivity * factor), direction);
    case 'randomized-response':
      return randomizedResponse(event, relation);
    case 'exponential':
    case 'permute-and-flip':
      return pureDp(event.epsilon, 0);
    case 'epsilon-delta':
      return pureDp(event.epsilon, event.delta);
    case 'mixture-of-gaussians': {
      if (relation === 'replace-one')
        throw unsupported(event.kind, relation, 'add-or-remove-one or zero-out');
      const centres = event.sensitivities.map(
        (sensitivity, k) => [event.probabilities[k]!, sensitivity / event.noiseMultiplier] as const,
      );
      // Beyond, a mixture is bounded by its largest component (divergences are jointly convex).
      const largest = Math.max(...centres.map(([, centre]) => centre));
      if (largest > largestRate) return gaussianMixture([[1, largest]], [[1, 0]]);
      return oriented(
        gaussianMixture(
          centres.filter(([weight]) => weight > 0),
          [[1, 0]],
        ),
        direction,
      );
    }
    case 'poisson-sampled':
      return sampledPair(event.event, event.rate, relation, direction);
    case 'sampled-without-replacement':
      return withoutReplacement(event.event, event.sampleSize / event.datasetSize, relation);
    default:
      return null;
  }
}

/** Poisson sampling at `rate`: a unit that takes part is one component of a mixture. */
function sampledPair(event: DpEvent, rate: number, relation: Relation, direction: PairDirection): LossPair {
  const replace = relation === 'replace-one';
  switch (event.kind) {
    case 'gaussian': {
      const shift = 1 / event.noiseMultiplier;
      const sampled = [
        [1 - rate, 0],
        [rate, shift],
      ] as const;
      if (replace) {
        return gaussianMixture(sampled, [
          [1 - rate, 0],
          [rate, -shift],
        ]);
      }
      return oriented(gaussianMixture(sampled, [[1, 0]]), direction);
    }
    case 'laplace':
      if (replace) break;
      return oriented(laplace(rate, event.noiseMultiplier), direction);
    case 'discrete-gaussian':
      if (replace) break;
      return oriented(discreteGaussian(rate, event.sigma, event.sensitivity), direction);
    case 'discrete-laplace':
      if (replace) break;
      return oriented(discreteLaplace(rate, event.parameter, event.sensitivity), direction);
    default:
      throw new UnsupportedEventError(
        `event=poisson-sampled of ${event.kind}: amplification is known here for gaussian, laplace, ` +
          'discrete-gaussian and discrete-laplace only. Account for the inner event without sampling.',
      );
  }
  throw unsupported(`poisson-sampled of ${event.kind}`, relation, 'add-or-remove-one or zero-out');
}

/**
 * Sampling without replacement under replace-one: with M's own pair (P, Q) under replacement, the profile is at most that
 * of ((1 - rate) Q + rate P, Q) at orders above 1 and of (P, (1 - rate) P + rate Q) below (Zhu, Dong, Wang,
 * arXiv:2106.08567, theorem 11). One pair has both: the first one's losses above 0, the second one's below, and the
 * rest of the mass at 0.
 */
function withoutReplacement(event: DpEvent, rate: number, relation: Relation): LossPair {
  if (event.kind !== 'gaussian') {
    throw new UnsupportedEventError(
      `event=sampled-without-replacement of ${event.kind}: known here for gaussian only. Account for it unsampled.`,
    );
  }
  if (relation !== 'replace-one') throw unsupported('sampled-without-replacement', relation, 'replace-one');
  const shift = 2 / event.noiseMultiplier;
  if (rate === 0) return { pieces: [], atoms: [{ mass: 1, loss: 0 }], infinite: 0 };
  if (rate === 1) return gaussianMixture([[1, shift]], [[1, 0]]);
  const above = gaussianMixture(
    [
      [1 - rate, 0],
      [rate, shift],
    ],
    [[1, 0]],
  );
  // The loss of the mixture is 0 halfway; that of its mirror image at minus that.
  const middle = shift / 2;
  const [high] = above.pieces;
  const [low] = swapped(above).pieces;
  const tail = normalTail(middle);
  const massAbove = (1 - rate) * tail + rate * (1 - tail);
  return {
    pieces: [
      { ...high!, from: middle },
      { ...low!, to: -middle },
    ],
    atoms: [{ mass: 1 - massAbove - tail, loss: 0 }],
    infinite: 0,
  };
}

function unsupported(event: string, relation: Relation, nearest: string): UnsupportedEventError {
  return new UnsupportedEventError(
    `relation=${relation}: no bound is known here for ${event} under it. Ask under ${nearest}.`,
  );
}

function oriented(pair: LossPair, direction: PairDirection): LossPair {
  return direction === 'add' ? swapped(pair) : pair;
}

function mirrored(terms: readonly Term[]): Term[] {
  return terms.map((term) => ({ ...term, rate: term.rate === 0 ? 0 : -term.rate }));
}

/** The pair (Q, P). Both must have the same support. */
export function swapped(pair: LossPair): LossPair {
  return {
    pieces: pair.pieces.map((piece) => ({
      curvature: piece.curvature,
      p: mirrored(piece.q),
      q: mirrored(piece.p),
      from: -piece.to,
      to: -piece.from,
    })),
    atoms: pair.atoms.map(({ mass, loss }) => ({ mass: mass * exp(-loss), loss: -loss })),
    infinite: pair.infinite,
  };
}

type Component = readonly [weight: number, centre: number];

/** Mixtures of unit Gaussians, P centred at or above 0, Q at or below. */
function gaussianMixture(p: readonly Component[], q: readonly Component[]): LossPair {
  const terms = (components: readonly Component[]): Term[] =>
    components.map(([weight, centre]) => ({
      log: log(weight) - 0.5 * centre * centre - halfLogTwoPi,
      rate: centre,
      weight,
    }));
  const piece: SmoothPiece = { curvature: 1, p: terms(p), q: terms(q), from: -Infinity, to: Infinity };
  return { pieces: [piece], atoms: [], infinite: 0 };
}

/** (1 - rate) Laplace(0, b) + rate Laplace(1, b) against Laplace(0, b): constant loss outside [0, 1]. */
function laplace(rate: number, b: number): LossPair {
  const outside = (shift: number): number => log(1 - rate + rate * exp(shift / b));
  const rest = rate < 1 ? [{ log: log1p(-rate) - log(2), rate: -1, weight: 1 - rate }] : [];
  // In units of the scale b.
  const width = 1 / b;
  const piece: SmoothPiece = {
    curvature: 0,
    p: [...rest, { log: log(rate) - log(2) - width, rate: 1, weight: rate }],
    q: [{ log: -log(2), rate: -1, weight: 1 }],
    from: 0,
    to: width,
  };
  const lowest = rate < 1 ? outside(-1) : -width;
  const highest = rate < 1 ? logMixture(rate, width) : width;
  const atoms: Atom[] = [
    { mass: 0.5 * exp(lowest), loss: lowest },
    { mass: 0.5 * exp(highest - width), loss: highest },
  ];
  return { pieces: [piece], atoms, infinite: 0 };
}
