import { InvalidParameterError } from '../../privacy/index.ts';
import type { Candidate } from './design.ts';
import type { Guesses } from './one-run.ts';
import { checkScored } from './roc.ts';
import type { ErrorCounts } from './two-worlds.ts';

/** Canaries, or trials, with their scores by name and the truth. */
export interface ScoredCanaries {
  readonly scores: Readonly<Record<string, ArrayLike<number>>>;
  readonly members: readonly boolean[];
  /** With a held-out selection: on which of them rules are chosen. Set without a look at scores or members. */
  readonly choosing?: readonly boolean[];
}

/** Signed scores of some of the canaries, and the truth. */
interface Part {
  readonly values: Float64Array;
  readonly members: readonly boolean[];
}

/** @throws InvalidParameterError for a score that is not there */
function partOf(canaries: ScoredCanaries, { score, sign }: Candidate, places: readonly number[]): Part {
  const scores = canaries.scores[score];
  if (!scores) {
    const known = Object.keys(canaries.scores).join(', ');
    throw new InvalidParameterError(`score=${score}: must be one of ${known}. Correct the design.`);
  }
  checkScored({ scores, members: canaries.members });
  return {
    values: Float64Array.from(places, (place) => sign * scores[place]!),
    members: places.map((place) => canaries.members[place]!),
  };
}

/**
 * What a rule's guesses about some canaries of ONE run came to. A guess that ties would leave to the order of the records is
 * not made, and counts as wrong.
 * @param scale - factor of the numbers of guesses, for a part of another size than the one they were stated for
 */
export function guessesOf(
  canaries: ScoredCanaries,
  candidate: Candidate,
  places: readonly number[],
  scale = 1,
): Guesses {
  const { values, members } = partOf(canaries, candidate, places);
  const m = values.length;
  const { rule } = candidate;
  if (rule.kind === 'threshold') {
    const limit = candidate.sign * rule.at;
    const called = [...values.keys()].filter((k) => values[k]! >= limit);
    return { m, r: called.length, v: called.filter((k) => members[k]).length };
  }
  const [top, bottom] = [Math.round(rule.members * scale), Math.round(rule.others * scale)];
  if (top + bottom > m) {
    throw new InvalidParameterError(
      `guesses=${top + bottom}: more than the ${m} canaries that they are made on. Plan fewer.`,
    );
  }
  const ascending = values.slice().sort();
  const above = top === m ? -Infinity : ascending[m - 1 - top]!;
  const below = bottom === m ? Infinity : ascending[bottom]!;
  const right = (k: number): boolean =>
    (members[k]! && top > 0 && (top === m || values[k]! > above)) ||
    (!members[k]! && bottom > 0 && (bottom === m || values[k]! < below));
  return { m, r: top + bottom, v: [...values.keys()].filter(right).length };
}

/** Errors of a threshold over INDEPENDENT trials. */
export function errorsOf(
  canaries: ScoredCanaries,
  candidate: Candidate,
  places: readonly number[],
): ErrorCounts {
  const { rule, sign } = candidate;
  if (rule.kind !== 'threshold') {
    throw new InvalidParameterError('rule=extremes: independent trials need a threshold. Give at.');
  }
  const { values, members } = partOf(canaries, candidate, places);
  const called = (k: number): boolean => values[k]! >= sign * rule.at;
  const trials = [...values.keys()];
  const positives = trials.filter((k) => members[k]);
  const negatives = trials.filter((k) => !members[k]);
  return {
    negatives: negatives.length,
    falsePositives: negatives.filter(called).length,
    positives: positives.length,
    falseNegatives: positives.filter((k) => !called(k)).length,
  };
}
