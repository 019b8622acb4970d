import { upperRate } from './binomial.ts';
import { epsilonOfMu, normalQuantile } from './normal.ts';
import { checkLevel, type Level } from './one-run.ts';
import { InvalidParameterError } from '../../privacy/index.ts';

/** Errors of one test, fixed beforehand, over INDEPENDENT trials in two worlds: without the canary, and with it. */
export interface ErrorCounts {
  /** Trials without the canary, and those of them called "with". */
  readonly negatives: number;
  readonly falsePositives: number;
  /** Trials with the canary, and those of them called "without". */
  readonly positives: number;
  readonly falseNegatives: number;
}

/** Upper limits of both error rates that hold together. */
function errorLimits(counts: ErrorCounts, significance: number): readonly [fpr: number, fnr: number] {
  const { negatives, falsePositives, positives, falseNegatives } = counts;
  return [
    upperRate(falsePositives, negatives, significance / 2),
    upperRate(falseNegatives, positives, significance / 2),
  ];
}

/**
 * Lower bound of epsilon from Clopper-Pearson limits of both error rates: any mechanism, any test.
 *   epsilon >= log((1 - fnr - delta) / fpr) / k   and with the rates exchanged.
 * Two-sided in the sense of Jagielski, Ullman, Oprea, arXiv:2006.07709: the better of the two directions, which hold together.
 * @param copies - k: records that the worlds differ in
 */
export function clopperPearsonBound(counts: ErrorCounts, level: Level, copies = 1): number {
  checkLevel(level);
  if (!(Number.isInteger(copies) && copies >= 1)) {
    throw new InvalidParameterError(
      `copies=${copies}: must be a whole number from 1. Give 1 for one canary.`,
    );
  }
  const [fpr, fnr] = errorLimits(counts, level.significance);
  const direction = (a: number, b: number): number => Math.log((1 - a - level.delta) / b) / copies;
  const bound = Math.max(0, ...[direction(fnr, fpr), direction(fpr, fnr)].filter((x) => x > 0));
  return Number.isFinite(bound) ? bound : 0;
}

/**
 * Lower bound of mu CONDITIONAL on a Gaussian mechanism: mu >= Phi^-1(1 - fpr) - Phi^-1(fnr).
 * Reference: Nasr et al., arXiv:2302.07956, section 4.
 */
export function gaussianTwoWorldMu(counts: ErrorCounts, significance: number): number {
  checkLevel({ delta: 0, significance });
  const [fpr, fnr] = errorLimits(counts, significance);
  const mu = -normalQuantile(fpr) - normalQuantile(fnr);
  return Number.isFinite(mu) ? Math.max(0, mu) : 0;
}

/** The same as an epsilon at delta. */
export function gaussianTwoWorldBound(counts: ErrorCounts, { delta, significance }: Level): number {
  checkLevel({ delta, significance });
  return epsilonOfMu(gaussianTwoWorldMu(counts, significance), delta);
}
