import { checkGuesses, checkLevel, largestRefuted, type Guesses, type Level } from './one-run.ts';
import { epsilonOfMu, normalCdf, normalQuantile } from './normal.ts';

/** A trade-off function f: the least false negative rate at a false positive rate; decreasing, convex, its own inverse. */
export type TradeOff = (falsePositiveRate: number) => number;

/**
 * Whether these guesses refute that training was f-differentially private for one canary. A statement about that curve alone: it
 * gives an epsilon only inside a family of curves.
 * Reference: Mahloujifar, Melis, Chaudhuri, arXiv:2410.22235, algorithm 3 (`audit_rh` with a cap on guesses).
 * @param f - the claimed curve, or anything below it
 */
export function refutesTradeOff(f: TradeOff, guesses: Guesses, significance: number): boolean {
  return refutes((x) => f(1 - x), guesses, significance);
}

/** @param blowUp - x -> f(1 - x), given so that a small x keeps its digits */
function refutes(blowUp: (x: number) => number, guesses: Guesses, significance: number): boolean {
  checkGuesses(guesses);
  checkLevel({ delta: 0, significance });
  const { m, r: most, v } = guesses;
  // Right and wrong: what is left, for each canary, of the probability of at least so many right guesses.
  let right = (significance * v) / m;
  let wrong = (significance * (most - v)) / m;
  for (let i = v - 1; i >= 0; i--) {
    const next = Math.max(wrong, blowUp(right));
    if (!(next > wrong)) break;
    right = Math.min(1, right + (i / (most - i)) * (next - wrong));
    wrong = next;
  }
  return right + wrong > most / m;
}

/**
 * Lower bound of mu among Gaussian trade-off curves.
 * @param known - a bound by other guesses; returned unless these refute more
 */
export function gaussianOneRunMu(guesses: Guesses, significance: number, known = 0): number {
  return largestRefuted(
    (mu) => refutes((x) => normalCdf(normalQuantile(x) - mu), guesses, significance),
    64,
    known,
  );
}

/**
 * Lower bound of epsilon CONDITIONAL on the training being a Gaussian mechanism: valid where its trade-off curve for a canary is
 * that of N(0, 1) against N(mu, 1) for some mu, and no statement about other mechanisms. Far more powerful than `oneRunBound`.
 */
export function gaussianOneRunBound(guesses: Guesses, { delta, significance }: Level): number {
  checkLevel({ delta, significance });
  return epsilonOfMu(gaussianOneRunMu(guesses, significance), delta);
}
