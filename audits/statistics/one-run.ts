import { InvalidParameterError } from '../../privacy/index.ts';
import { binomialTail, logBinomial } from './binomial.ts';

/** What an adversary guessed about the m canaries of one training run. */
export interface Guesses {
  /** Canaries, each in the training data by a fair coin of its own. */
  readonly m: number;
  /** Guesses that the adversary may make at most; fixed before the run. */
  readonly r: number;
  /** Guesses that were right; one that was not made counts as wrong. */
  readonly v: number;
}

/** How sure a bound is, and about which delta. */
export interface Level {
  readonly delta: number;
  /** Probability that the bound is above the truth, at most, such as 0.05. */
  readonly significance: number;
}

/** @throws InvalidParameterError */
export function checkGuesses({ m, r, v }: Guesses): void {
  const whole = [m, r, v].every(Number.isInteger);
  if (!(whole && v >= 0 && r >= v && m >= r && m >= 1)) {
    throw new InvalidParameterError(
      `guesses=${v} right of ${r}, canaries=${m}: must be whole numbers, right <= guesses <= canaries. Count again.`,
    );
  }
}

/** @throws InvalidParameterError */
export function checkLevel({ delta, significance }: Level): void {
  if (!(delta >= 0 && delta < 1)) {
    throw new InvalidParameterError(`delta=${delta}: must be from 0 to below 1. Give that of the claim.`);
  }
  if (!(significance > 0 && significance < 0.5)) {
    throw new InvalidParameterError(
      `significance=${significance}: must be above 0 and below 1/2. Give 0.05 for 95 % confidence.`,
    );
  }
}

/**
 * Probability, at most, of so many right guesses if the training were (epsilon, delta)-differentially private for one canary:
 *   beta + 2 m delta alpha,   beta = P[B >= v],   alpha = max over i = 1..v of P[v - i <= B <= v - 1] / i,
 * with B = Binomial(r, e^epsilon / (1 + e^epsilon)). Any mechanism, any attack.
 * Reference: Steinke, Nasr, Jagielski, arXiv:2305.08846, theorem 5.2.
 * @returns 1 where the numbers fail
 */
export function oneRunPValue({ m, r, v }: Guesses, epsilon: number, delta: number): number {
  if (v === 0) return 1;
  const wrong = 1 / (1 + Math.exp(epsilon));
  const right = 1 / (1 + Math.exp(-epsilon));
  const beta = binomialTail(v, r, right, wrong);
  if (delta === 0) return Number.isNaN(beta) ? 1 : Math.min(1, beta);
  let alpha = 0;
  let range = 0;
  for (let i = 1; i <= v; i++) {
    const mass = Math.exp(logBinomial(v - i, r, right, wrong));
    range += mass;
    alpha = Math.max(alpha, range / i);
    // Below the mean the masses fall, and with them the averages.
    if (mass * i < range && v - i < r * right) break;
  }
  const p = beta + 2 * m * delta * alpha;
  return Number.isNaN(p) ? 1 : Math.min(1, p);
}

/**
 * Lower bound of epsilon from one training run: the largest epsilon that these guesses refute.
 * Direction: never above what theorem 5.2 gives; 0 where nothing is refuted.
 * @param known - a bound by other guesses; returned unless these refute more
 */
export function oneRunBound(guesses: Guesses, level: Level, known = 0): number {
  checkGuesses(guesses);
  checkLevel(level);
  return largestRefuted(
    (epsilon) => oneRunPValue(guesses, epsilon, level.delta) < level.significance,
    // Beyond e^-40 a wrong guess has no probability that float64 arithmetic could tell from its rounding.
    40,
    known,
  );
}

/**
 * The largest x in [known, limit] such that `refutes(x)`; `refutes` is true up to some point and false beyond.
 * @returns `known` if even that is not refuted
 */
export function largestRefuted(
  refutes: (x: number) => boolean,
  limit: number,
  known: number,
  resolution = 1e-9,
): number {
  if (!refutes(known)) return known;
  let [low, high] = [known, Math.max(1, 2 * known)];
  while (refutes(high)) {
    low = high;
    high *= 2;
    if (low >= limit) return limit;
  }
  for (let step = 0; step < 60 && high - low > resolution * high; step++) {
    const middle = (low + high) / 2;
    if (refutes(middle)) low = middle;
    else high = middle;
  }
  return low;
}
