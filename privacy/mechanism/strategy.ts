import { InvalidParameterError } from '../errors.ts';
import { wholeNumber } from '../plan/fields.ts';

/** A strategy is tuned to at most so many steps: beyond them its error hardly depends on the number. */
const LONGEST = 2 ** 14;
/** Room below a column norm of 1 for float64 rounding, of the norm itself and of the noise. */
const NORM_MARGIN = 2 ** -40;
const MOST_BANDS = 1024;
const MOST_ROUNDS = 200;
/** Pairs of steps and gradients that L-BFGS remembers. */
const MEMORY = 8;

/**
 * First column of the banded lower-triangular Toeplitz matrix C under which the noise C^-1 z, independent normal z of
 * `steps` rows, disturbs the running sums of plain SGD least: least mean squared error (1/T) ||A C^-1||_F^2 with A all ones
 * on and below the diagonal, columns of C of norm 1. The guarantee needs the norm alone, never that this is the least.
 *
 * Found by L-BFGS from the first coefficients of (1 - x)^(-1/2), in +, -, *, / and square roots only, so that every machine
 * finds the same.
 * References: Choquette-Choo et al., arXiv:2306.08153, section 4 (banded matrices); McKenna, arXiv:2405.15913, section 3
 * (Toeplitz coefficients).
 * @returns `bands` numbers, the first above 0; sum of squares just below 1
 */
export function bandedStrategy(bands: number, steps: number): number[] {
  wholeNumber('bands', bands, 2, 'One band is independent noise: choose mechanism gaussian.');
  if (bands > Math.min(steps, MOST_BANDS)) {
    throw new InvalidParameterError(
      `bands=${bands}: must be at most the phase's ${steps} steps, and at most ${MOST_BANDS}. Choose fewer.`,
    );
  }
  const horizon = Math.min(steps, LONGEST);
  const start = new Float64Array(bands).fill(1);
  for (let k = 1; k < bands; k++) start[k] = start[k - 1]! * (1 - 1 / (2 * k));
  const found = minimised(start, (column) => objective(column, horizon));
  const norm = Math.sqrt(squareOf(found) / (1 - 2 * NORM_MARGIN));
  return Array.from(found, (value) => value / norm);
}

/**
 * A strategy as the guarantee needs it, whoever made it.
 * @throws InvalidParameterError unless 2 or more finite numbers, the first above 0, sum of squares at most 1 - 2^-40
 */
export function requireStrategy(given: unknown, steps: number, remedy: string): readonly number[] {
  const column = Array.isArray(given) ? (given as unknown[]) : [];
  const isFit =
    column.length >= 2 &&
    column.length <= Math.min(steps, MOST_BANDS) &&
    column.every((value) => typeof value === 'number' && Number.isFinite(value)) &&
    (column[0] as number) > 0 &&
    squareOf(column as number[]) <= 1 - NORM_MARGIN;
  if (isFit) return column as number[];
  throw new InvalidParameterError(
    `strategy=[${column.slice(0, 4).join(', ')}${column.length > 4 ? ', ...' : ''}]: must be 2 to ${Math.min(steps, MOST_BANDS)} numbers, ` +
      `the first above 0, whose squares add up to less than 1, or a unit moves the sums by more than the noise covers. ${remedy}`,
  );
}

/**
 * Weight of the noise z_(t-k) in the sum of the first t steps' noise C^-1 z, for k = 0 .. count - 1: the coefficients of
 * 1 / ((1 - x) c(x)). All 1 for independent noise, `[1]`.
 */
export function prefixWeights(strategy: ArrayLike<number>, count: number): Float64Array {
  return quotient(new Float64Array(count).fill(1), strategy);
}

/**
 * Mean over the steps of the squared error that unit noise leaves on the sum of all steps so far:
 * (1/T) Sum_k (T - k) w_k^2, w the prefix weights. (T + 1) / 2 for independent noise.
 */
export function strategyError(strategy: ArrayLike<number>, steps: number): number {
  return errorOf(prefixWeights(strategy, steps));
}

function errorOf(weights: Float64Array): number {
  const steps = weights.length;
  let sum = 0;
  for (let k = 0; k < steps; k++) sum += (steps - k) * weights[k]! * weights[k]!;
  return sum / steps;
}

/** The series q with (column * q)_k = numerator_k: division of power series. */
function quotient(numerator: Float64Array, column: ArrayLike<number>): Float64Array {
  const result = new Float64Array(numerator.length);
  for (let k = 0; k < result.length; k++) {
    let value = numerator[k]!;
    for (let i = Math.min(k, column.length - 1); i > 0; i--) value -= column[i]! * result[k - i]!;
    result[k] = value / column[0]!;
  }
  return result;
}

function squareOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}

interface Point {
  readonly value: number;
  /** By all coefficients; the first is held. */
  readonly slope: Float64Array;
}

/** Error times squared norm, which no scale of the column changes, and its gradient. */
function objective(column: Float64Array, steps: number): Point {
  const weights = prefixWeights(column, steps);
  const error = errorOf(weights);
  const square = squareOf(column);
  // d weights / d c_i is minus the weights over c(x), delayed by i.
  const change = quotient(weights, column);
  const slope = new Float64Array(column.length);
  for (let i = 1; i < column.length; i++) {
    let sum = 0;
    for (let k = i; k < steps; k++) sum += (steps - k) * weights[k]! * change[k - i]!;
    slope[i] = (-2 * square * sum) / steps + 2 * column[i]! * error;
  }
  return { value: error * square, slope };
}

/** L-BFGS with halved steps; stops where no step helps any more. */
function minimised(start: Float64Array, evaluate: (at: Float64Array) => Point): Float64Array {
  let at = start;
  let here = evaluate(at);
  const pairs: { readonly step: Float64Array; readonly bend: Float64Array; readonly product: number }[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const direction = directionFrom(here, pairs);
    const descent = dot(direction, here.slope);
    if (!(descent < -1e-14 * here.value)) break;
    let scale = 1;
    let next: Float64Array | undefined;
    let there = here;
    for (; scale > 1e-10; scale /= 2) {
      next = at.map((value, i) => value + scale * direction[i]!);
      there = evaluate(next);
      if (there.value <= here.value + 1e-4 * scale * descent) break;
    }
    if (!next || !(there.value < here.value)) break;
    const [before, slope] = [at, here.slope];
    const step = next.map((value, i) => value - before[i]!);
    const bend = there.slope.map((value, i) => value - slope[i]!);
    const product = dot(step, bend);
    if (product > 0) pairs.push({ step, bend, product });
    if (pairs.length > MEMORY) pairs.shift();
    [at, here] = [next, there];
  }
  return at;
}

/** The two-loop recursion (Nocedal and Wright, Numerical Optimization, algorithm 7.4). */
function directionFrom(
  { value, slope }: Point,
  pairs: readonly { readonly step: Float64Array; readonly bend: Float64Array; readonly product: number }[],
): Float64Array {
  const direction = slope.map((part) => -part);
  const factors: number[] = [];
  for (const { step, bend, product } of pairs.toReversed()) {
    const factor = dot(step, direction) / product;
    factors.push(factor);
    for (let i = 0; i < direction.length; i++) direction[i]! -= factor * bend[i]!;
  }
  const last = pairs.at(-1);
  const scale = last ? last.product / dot(last.bend, last.bend) : 1 / value;
  for (let i = 0; i < direction.length; i++) direction[i]! *= scale;
  for (const { step, bend, product } of pairs) {
    const factor = factors.pop()! - dot(bend, direction) / product;
    for (let i = 0; i < direction.length; i++) direction[i]! += factor * step[i]!;
  }
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
