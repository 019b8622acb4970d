import type { TradeOffFamily } from './family.ts';
import { checkGuesses, checkLevel, largestRefuted, type Guesses } from './one-run.ts';

/**
 * Whether these guesses refute that training was f-differentially private for one canary. A statement about that curve alone: it
 * gives an epsilon only inside a family of curves.
 * Reference: Mahloujifar, Melis, Chaudhuri, arXiv:2410.22235, algorithm 3 (with a cap on guesses).
 * @param blowUp - x -> f(1 - x), for the claimed curve f or anything below it
 */
export function refutesTradeOff(
  blowUp: (x: number) => number,
  guesses: Guesses,
  significance: number,
): boolean {
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
 * Lower bound of the leakage CONDITIONAL on a family of curves: valid where the training's own curve for a canary is one of them, and
 * no statement about other mechanisms. Far more powerful than `oneRunBound`.
 * @param known - a bound by other guesses; returned unless these refute more
 */
export function oneRunLeakage(
  family: TradeOffFamily,
  guesses: Guesses,
  significance: number,
  known = 0,
): number {
  const refutes = (leakage: number) => refutesTradeOff(family.blowUp(leakage), guesses, significance);
  return largestRefuted(refutes, family.limit, known, family.resolution);
}
