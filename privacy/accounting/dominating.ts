import { UnsupportedEventError } from '../errors.ts';
import { allocationPair } from './allocation.ts';
import {
  discreteGaussian,
  discreteLaplace,
  flippedPair,
  pureDp,
  randomizedResponse,
  replacedDiscreteGaussian,
  replacedDiscreteLaplace,
} from './discrete-pairs.ts';
import type { DpEvent, Relation } from './events.ts';
import { isNoiseless, leastSampledNoise } from './noise-limits.ts';
import type { LossPair } from './pairs.ts';
import type { Side } from './profile.ts';
import {
  mixtureOfGaussians,
  poissonGaussian,
  withoutReplacement,
  withoutReplacementLower,
} from './sampled-pairs.ts';
import { gaussianMixture, laplace, replacedLaplace, swapped } from './smooth-pairs.ts';
import { truncatedPoissonLower, truncatedPoissonPair } from './truncated-poisson.ts';

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
 * A pair that dominates the leaf `event` in one direction, or null where only Renyi bounds are known. On the lower side:
 * a pair that some mechanism of the kind, on some data, shows at least; null where none is known.
 * The factor that the relation puts on a sensitivity is applied here and nowhere else: 1 for a unit that is added,
 * removed or zeroed, 2 (a unit's presence taken away and another's put in) for one that is replaced.
 * @throws UnsupportedEventError where nothing is known for this event under this relation
 */
export function dominatingPair(
  event: DpEvent,
  relation: Relation,
  direction: PairDirection,
  side: Side = 'upper',
): LossPair | null {
  const factor = relation === 'replace-one' ? 2 : 1;
  const isLower = side === 'lower';
  switch (event.kind) {
    case 'non-private':
      return { pieces: [], atoms: [], infinite: 1 };
    case 'gaussian':
      return gaussianMixture([[1, factor / event.noiseMultiplier]], [[1, 0]]);
    case 'laplace': {
      const scale = event.noiseMultiplier / factor;
      if (1 / scale <= largestRate) return laplace(1, scale);
      // More noise shows less: Laplace(b') is Laplace(b) plus independent noise for b' > b.
      return isLower ? laplace(1, 1 / largestRate) : pureDp(1 / scale, 0);
    }
    case 'discrete-gaussian':
      return oriented(discreteGaussian(1, event.sigma, event.sensitivity * factor), direction);
    case 'discrete-laplace':
      return oriented(discreteLaplace(1, event.parameter, event.sensitivity * factor), direction);
    case 'randomized-response':
      return randomizedResponse(event, relation);
    case 'exponential':
      // Two candidates whose scores change places have losses of epsilon / 2 and its opposite.
      return pureDp(isLower ? event.epsilon / 2 : event.epsilon, 0);
    case 'permute-and-flip':
      return isLower ? flippedPair(event.epsilon) : pureDp(event.epsilon, 0);
    case 'epsilon-delta':
      return pureDp(event.epsilon, event.delta);
    case 'mixture-of-gaussians': {
      const largest = Math.max(...event.sensitivities) / event.noiseMultiplier;
      const known = event.probabilities.map((p, k) => (p > 0 ? k : -1)).filter((k) => k >= 0);
      // Beyond, a mixture is bounded by its largest component (divergences are jointly convex), from below by more noise.
      if (largest > largestRate && !isLower) return gaussianMixture([[1, factor * largest]], [[1, 0]]);
      const scale = event.noiseMultiplier * Math.max(1, largest / largestRate);
      return oriented(
        mixtureOfGaussians(
          known.map((k) => event.probabilities[k]!),
          known.map((k) => event.sensitivities[k]! / scale),
          relation,
        ),
        relation === 'replace-one' ? 'remove' : direction,
      );
    }
    case 'poisson-sampled':
      return sampledPair(event.event, event.rate, relation, direction);
    case 'ranked-selection':
      // Its own mirror image, so that one pair serves either direction.
      return dominatingPair(event.event, 'replace-one', 'replace', side);
    case 'truncated-poisson-sampled': {
      const make = isLower ? truncatedPoissonLower : truncatedPoissonPair;
      return oriented(make(event, shiftOf(event.kind, event.event), relation), direction);
    }
    case 'sampled-without-replacement': {
      const shift = 2 * shiftOf(event.kind, event.event);
      if (relation !== 'replace-one') throw unsupported(event.kind, relation, 'replace-one');
      const make = isLower ? withoutReplacementLower : withoutReplacement;
      return make(event.sampleSize / event.datasetSize, shift);
    }
    case 'random-allocation':
      // leavesOf has made one allocation of each choice.
      if (direction === 'replace') throw unsupported(event.kind, relation, 'add-or-remove-one or zero-out');
      return allocationPair(event.steps, 1 / shiftOf(event.kind, event.event), direction, side);
    default:
      return null;
  }
}

/**
 * Whether the pair on the lower side differs from the one that dominates, so that upper and lower bounds have to be
 * computed apart.
 */
export function isLoose(event: DpEvent, relation: Relation): boolean {
  switch (event.kind) {
    case 'exponential':
    case 'permute-and-flip':
    case 'truncated-poisson-sampled':
    case 'sampled-without-replacement':
    case 'random-allocation':
    case 'balls-in-bins':
    case 'zcdp':
    case 'rdp-curve':
    case 'repeat-and-select':
    case 'one-of':
      return true;
    case 'tree':
      return (event.maxParticipations ?? 1) > 1;
    case 'laplace':
      return (relation === 'replace-one' ? 2 : 1) / event.noiseMultiplier > largestRate;
    case 'mixture-of-gaussians':
      return Math.max(...event.sensitivities) / event.noiseMultiplier > largestRate;
    case 'poisson-sampled':
      return isNoiseless(event.event) || isLoose(event.event, relation);
    case 'ranked-selection':
      return isLoose(event.event, 'replace-one');
    case 'banded-matrix':
      return event.noiseMultiplier / (event.columnNorm ?? 1) < leastSampledNoise;
    case 'composed':
      return event.events.some((part) => isLoose(part, relation));
    case 'self-composed':
      return isLoose(event.event, relation);
    default:
      return false;
  }
}

/** Noise is in units of presence: one participation moves the mean of unit noise by this much. */
function shiftOf(kind: string, event: DpEvent): number {
  if (event.kind === 'gaussian') return 1 / event.noiseMultiplier;
  throw new UnsupportedEventError(
    `event=${kind} of ${event.kind}: known here for gaussian only. Account for it unsampled.`,
  );
}

/**
 * Poisson sampling at `rate`: a unit that takes part is one component of a mixture. Under replace-one Laplace and
 * discrete noise are those of one number: with log-concave noise f the ratio of (1 - q) f(x) + q f(x - u) and
 * (1 - q) f(x) + q f(x - v), u >= v, rises where it is above 1, so that H_a is a supremum over half-lines for a >= 1, and
 * largest for u and -v at their limits; below 1 the roles change.
 */
function sampledPair(event: DpEvent, rate: number, relation: Relation, direction: PairDirection): LossPair {
  const replace = relation === 'replace-one';
  switch (event.kind) {
    case 'gaussian':
      return oriented(poissonGaussian(rate, 1 / event.noiseMultiplier, relation), direction);
    case 'laplace':
      if (replace) return replacedLaplace(rate, event.noiseMultiplier);
      return oriented(laplace(rate, event.noiseMultiplier), direction);
    case 'discrete-gaussian':
      if (replace) return replacedDiscreteGaussian(rate, event.sigma, event.sensitivity);
      return oriented(discreteGaussian(rate, event.sigma, event.sensitivity), direction);
    case 'discrete-laplace':
      if (replace) return replacedDiscreteLaplace(rate, event.parameter, event.sensitivity);
      return oriented(discreteLaplace(rate, event.parameter, event.sensitivity), direction);
    default:
      throw new UnsupportedEventError(
        `event=poisson-sampled of ${event.kind}: amplification is known here for gaussian, laplace, ` +
          'discrete-gaussian and discrete-laplace only. Account for the inner event without sampling.',
      );
  }
}

function unsupported(event: string, relation: Relation, nearest: string): UnsupportedEventError {
  return new UnsupportedEventError(
    `relation=${relation}: no bound is known here for ${event} under it. Ask under ${nearest}.`,
  );
}

function oriented(pair: LossPair, direction: PairDirection): LossPair {
  return direction === 'add' ? swapped(pair) : pair;
}
