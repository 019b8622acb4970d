import { InvalidParameterError } from '../errors.ts';

/**
 * What something costs, in whole billionths, rounded up: one number for each order of a Renyi budget, one for zCDP (rho),
 * two for GDP (mu squared, and 10^-12ths of delta). Sums of them are exact, so a budget cannot leak by rounding (G31).
 * `unbounded` stands for everything that is too large to count, and for no bound at all; it never fits a budget.
 */
export type Amounts = readonly number[];

export const unbounded = Number.MAX_SAFE_INTEGER;
const NANO = 1e9;

/**
 * Billionths of a real amount, rounded up. An amount that is a whole number of billionths but for the last bits of a double
 * counts as that number, or ten jobs of rho 0.1 would not fit a budget of 1; less than 10^-15 of an amount is lost by it.
 */
export function nanoUp(value: number): number {
  if (value === 0) return 0;
  if (value < 0)
    throw new InvalidParameterError(`amount=${value}: must be 0 or more. Nothing gives budget back.`);
  const scaled = Math.ceil(value * NANO * (1 - 2 ** -50));
  // NaN is no bound either.
  return scaled < unbounded ? Math.max(1, scaled) : unbounded;
}

/** The real amount that billionths stand for. */
export function fromNano(nano: number): number {
  return nano >= unbounded ? Infinity : nano / NANO;
}

export function addAmounts(a: Amounts, b: Amounts): Amounts {
  return a.map((value, k) => (isUnbounded(value) || isUnbounded(b[k]!) ? unbounded : capped(value + b[k]!)));
}

/** @throws InvalidParameterError unless these are counts, `length` of them */
export function requireAmounts(amounts: unknown, length: number): Amounts {
  const isCounts =
    Array.isArray(amounts) &&
    amounts.length === length &&
    amounts.every((value) => Number.isSafeInteger(value) && (value as number) >= 0);
  if (isCounts) return amounts as Amounts;
  throw new InvalidParameterError(
    `amounts=${JSON.stringify(amounts)}: must be ${length} whole numbers, 0 or more. The ledger was damaged; verify it.`,
  );
}

function isUnbounded(value: number): boolean {
  return value >= unbounded;
}

function capped(value: number): number {
  return Math.min(value, unbounded);
}
