import { InvalidParameterError } from '../../privacy/index.ts';

/** Scores of records by an attack, larger for "was trained on", and who was. */
export interface Scored {
  readonly scores: ArrayLike<number>;
  readonly members: readonly boolean[];
}

/** How well scores tell members from others. Descriptive: of these records, with no confidence attached. */
export interface Roc {
  /** Probability that a random member scores above a random other, ties counting half. */
  readonly auc: number;
  /** Points in the order of falling thresholds, from (0, 0) to (1, 1). */
  readonly points: readonly { readonly fpr: number; readonly tpr: number }[];
}

/** @throws InvalidParameterError unless there are members, others, and a number for each */
export function rocOf({ scores, members }: Scored): Roc {
  checkScored({ scores, members });
  const positives = members.filter(Boolean).length;
  const negatives = members.length - positives;
  if (positives === 0 || negatives === 0) {
    throw new InvalidParameterError(
      `members=${positives} of ${members.length}: some must be members and some not. Score both.`,
    );
  }
  const order = Uint32Array.from(members, (_, k) => k).sort((a, b) => scores[b]! - scores[a]!);
  const points = [{ fpr: 0, tpr: 0 }];
  let [tp, fp, area] = [0, 0, 0];
  for (let k = 0; k < order.length;) {
    const [before, score] = [tp, scores[order[k]!]!];
    const from = fp;
    for (; k < order.length && scores[order[k]!] === score; k++) {
      if (members[order[k]!]) tp += 1;
      else fp += 1;
    }
    area += ((fp - from) * (before + tp)) / 2;
    points.push({ fpr: fp / negatives, tpr: tp / positives });
  }
  return { auc: area / (positives * negatives), points };
}

/** The largest true positive rate of a threshold whose false positive rate is at most `rate`. */
export function truePositiveRate({ points }: Roc, rate: number): number {
  return points.reduce((best, { fpr, tpr }) => (fpr <= rate ? Math.max(best, tpr) : best), 0);
}

/** @throws InvalidParameterError for a score that is no number, or lists of unequal length */
export function checkScored({ scores, members }: Scored): void {
  if (scores.length !== members.length) {
    throw new InvalidParameterError(
      `scores=${scores.length}, members=${members.length}: must be as many. Give one score for each record.`,
    );
  }
  for (let k = 0; k < scores.length; k++) {
    if (Number.isNaN(scores[k])) {
      throw new InvalidParameterError(`scores[${k}]=NaN: must be a number. Score it, or leave it out.`);
    }
  }
}
