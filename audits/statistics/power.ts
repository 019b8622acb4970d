import { muOfEpsilon, normalCdf } from './normal.ts';
import { gaussianFamily } from './family.ts';
import { oneRunLeakage } from './one-run-trade-off.ts';
import { oneRunBound, type Guesses, type Level } from './one-run.ts';

/** What an audit of one run can be expected to say, before it is run. */
export interface OneRunPower {
  /** Largest epsilon that any attack could certify: every guess right. */
  readonly ceiling: number;
  /** The same within the Gaussian family. */
  readonly gaussianCeiling: number;
  /** Expected share of right guesses. */
  readonly accuracy: number;
  /** Bound at the expected number of right guesses. */
  readonly epsilonLower: number;
  readonly gaussianEpsilonLower: number;
}

/**
 * Power of a one-run audit whose canaries leak as much as a Gaussian mechanism of `epsilon` at the level's delta can: each
 * score is N(mu, 1) for a member and N(0, 1) for others, and the most extreme scores are guessed. A final model shows less.
 * @param plan - m canaries and r guesses, half of them on each side
 */
export function oneRunPower(
  { m, r }: { readonly m: number; readonly r: number },
  epsilon: number,
  level: Level,
): OneRunPower {
  const gaussian = (guesses: Guesses): number =>
    gaussianFamily.epsilon(oneRunLeakage(gaussianFamily, guesses, level.significance), level.delta);
  const accuracy = accuracyOfExtremes(muOfEpsilon(epsilon, level.delta), r / m);
  const perfect = { m, r, v: r };
  const expected = { m, r, v: Math.floor(accuracy * r) };
  return {
    ceiling: oneRunBound(perfect, level),
    gaussianCeiling: gaussian(perfect),
    accuracy,
    epsilonLower: oneRunBound(expected, level),
    gaussianEpsilonLower: gaussian(expected),
  };
}

/** Probability that a guess is right if the `share` most extreme scores are guessed, half of them on each side. */
function accuracyOfExtremes(mu: number, share: number): number {
  // Around mu / 2 the two worlds mirror each other: the upper side is enough.
  const right = (distance: number): number => normalCdf(mu / 2 - distance);
  const wrong = (distance: number): number => normalCdf(-mu / 2 - distance);
  let [low, high] = [0, mu / 2 + 40];
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (right(middle) + wrong(middle) > share) low = middle;
    else high = middle;
  }
  return right(low) / (right(low) + wrong(low));
}
