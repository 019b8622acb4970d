import { InvalidParameterError } from '../../privacy/index.ts';
import { fitSkewNormal, logSkewNormalCdf } from './skew-normal.ts';

/**
 * Exposure of a secret in bits: log2 |R| - log2 rank, where the secret's rank among its references is one more than the number
 * of them with a smaller loss. How much the model favours the secret; NOT a bound of epsilon.
 * Reference: Carlini et al., arXiv:1802.08232, section 4.2.
 * @param references - losses (or log perplexities) of secrets that might have been drawn and were not; |R| is their number
 */
export function exposure(secretLoss: number, references: ArrayLike<number>): number {
  if (references.length === 0 || Number.isNaN(secretLoss)) {
    throw new InvalidParameterError(
      `references=${references.length}: the loss of a secret and of at least one reference is needed. Score more.`,
    );
  }
  let rank = 1;
  for (let k = 0; k < references.length; k++) if (references[k]! < secretLoss) rank += 1;
  return Math.log2(references.length) - Math.log2(rank);
}

/**
 * Exposure in bits beyond what ranks among so many references can show: -log2 of the probability that a skew normal
 * distribution, fitted to the references, has a smaller loss. An extrapolation; NOT a bound of epsilon.
 * Reference: Carlini et al., arXiv:1802.08232, section 4.3.
 * @returns one for each secret
 * @throws InvalidParameterError for fewer than three different references
 */
export function extrapolatedExposure(
  secretLosses: ArrayLike<number>,
  references: ArrayLike<number>,
): readonly number[] {
  const fitted = fitSkewNormal(references);
  return Array.from(secretLosses, (loss) => -logSkewNormalCdf(loss, fitted) / Math.LN2);
}

/** How much a model favours the secrets that it was trained on, in bits; of one that it never saw, the median is 1. */
export interface ExposureFigures {
  readonly secrets: number;
  readonly references: number;
  /** Median by rank, and the most that ranks can show. */
  readonly median: number;
  readonly ceiling: number;
  /** By extrapolation. */
  readonly extrapolatedMedian: number;
  readonly extrapolatedLargest: number;
}

/** Fewer on one side, and there are no figures. */
const leastCanaries = 10;

/**
 * Exposure of canaries that trained, among those that did not.
 * @param losses - of all canaries
 * @returns undefined where there are fewer than ten different losses of either, or a loss is not finite
 */
export function exposureFigures(
  losses: ArrayLike<number>,
  members: readonly boolean[],
): ExposureFigures | undefined {
  const secrets = Array.from(losses).filter((_, canary) => members[canary]);
  const references = Array.from(losses).filter((_, canary) => !members[canary]);
  const different = Math.min(new Set(secrets).size, new Set(references).size);
  if (different < leastCanaries || ![...secrets, ...references].every(Number.isFinite)) return undefined;
  const extrapolated = extrapolatedExposure(secrets, references);
  return {
    secrets: secrets.length,
    references: references.length,
    median: median(secrets.map((loss) => exposure(loss, references))),
    ceiling: Math.log2(references.length),
    extrapolatedMedian: median(extrapolated),
    extrapolatedLargest: Math.max(...extrapolated),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
