import { InvalidParameterError } from '../../privacy/index.ts';

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
