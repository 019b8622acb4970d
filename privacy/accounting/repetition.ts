import { exp, expm1, log, log1p } from './elementary.ts';
import type { RepeatAndSelectEvent } from './events.ts';

/** Renyi divergence bound as a function of the order (> 1), in nats. */
export type RdpFunction = (order: number) => number;

/** Orders tried for the second, free order of the bound. */
const otherOrders = Array.from({ length: 60 }, (_, k) => 1 + 1.25 ** (k - 24));

/**
 * The best of a random number K of runs (Papernot and Steinke, arXiv:2110.03620v2). Truncated negative binomial K of
 * shape n > -1 and mean m, theorem 2, for every second order b:
 *   R(a) <= r(a) + (1 + n) (1 - 1/b) r(b) + (1 + n) log(1 / g) / b + log(m) / (a - 1)
 * Poisson K, theorem 6: R(a) <= r(a) + m d + log(m) / (a - 1), where a run is (log(1 + 1/(a - 1)), d)-DP.
 * In the proofs, the second term is about the neighbours the other way round than the first.
 * @param base - r(a), of one run in the direction that is asked for
 * @param either - r(b) and what gives d: the larger of both directions
 */
export function repeatedRdp(
  event: RepeatAndSelectEvent,
  base: RdpFunction,
  either: RdpFunction,
): RdpFunction {
  const { mean, shape } = event;
  const others = otherOrders.map(either);
  if (shape === 'poisson') {
    return (order) => base(order) + mean * deltaAt(others, log1p(1 / (order - 1))) + log(mean) / (order - 1);
  }
  const logInverse = -logParameterOf(mean, shape);
  let least = Infinity;
  for (const [k, order] of otherOrders.entries()) {
    least = Math.min(least, (1 + shape) * ((1 - 1 / order) * others[k]! + logInverse / order));
  }
  return (order) => base(order) + least + Math.max(0, log(mean)) / (order - 1);
}

/** delta at epsilon from Renyi bounds at `otherOrders` (Canonne, Kamath, Steinke, arXiv:2004.00010v4, proposition 12). */
function deltaAt(rdp: readonly number[], epsilon: number): number {
  let least = 1;
  for (const [k, order] of otherOrders.entries()) {
    const exponent = (order - 1) * (rdp[k]! - epsilon + log1p(-1 / order)) - log(order);
    least = Math.min(least, exp(Math.min(0, exponent)));
  }
  return least;
}

/** The logarithm of the parameter g in (0, 1) of the truncated negative binomial with the given mean, which falls with g. */
export function logParameterOf(mean: number, shape: number): number {
  let low = -745;
  let high = 0;
  for (let k = 0; k < 200; k++) {
    const middle = (low + high) / 2;
    if (meanOf(middle, shape) > mean) low = middle;
    else high = middle;
  }
  // The smaller one: log(1 / g) is rounded up.
  return low;
}

function meanOf(logParameter: number, shape: number): number {
  const rest = -expm1(logParameter);
  const parameter = exp(logParameter);
  if (shape === 0) return rest / (parameter * -logParameter);
  return (shape * rest) / (parameter * -expm1(shape * logParameter));
}
