import { exp, expm1, log, rotation } from './elementary.ts';
import { argumentBound, logRatio } from './mixture.ts';
import type { Cut, Mixture, Ratio, Side } from './mixture.ts';
import { logNormalTail, millsRatio } from './normal.ts';
import { halfLogTwoPi } from './tails.ts';

/** Heights of the strip that are tried, as parts of the largest useful one. */
const heights = [1, 0.7, 0.5, 0.35, 0.25, 0.17, 0.12] as const;

/**
 * log of a bound of what the trapezoidal rule with this step errs by in the integral of p e^(zl), z = tilt + i omega,
 * |omega| <= frequency. For an integrand that is analytic for |Im x| < a and whose integral of the modulus along every
 * line of that strip is at most C, the error is at most 2 C / (e^(2 pi a / step) - 1) (Trefethen and Weideman, SIAM
 * Review 56, 2014, theorem 5.1).
 *
 * C: with R = density / that of N(0, 1), the integrand is n(x) R_P^(1+z) R_Q^(-z). At x = u + iv |n(x)| = n(u) e^(v^2/2),
 * |R_P(x)| <= R_P(u), |R_Q(x)| >= cos(v reach / 2) R_Q(u) (all terms have arguments within v reach of each other), and
 * |R^z| <= |R|^(Re z) e^(omega |arg R|). For v reach < pi / 2 no R is 0, so that the powers are analytic. A cut of width s
 * adds the factor int_x^inf n((y - at) / s) dy / s, of modulus at most e^(v^2 / 2 s^2) times its value at u.
 */
export function logQuadratureError(mixture: Mixture, step: number, tilt: number, frequency: number): number {
  const bend = bendOf(mixture.cut);
  const most = Math.min(1.5 / Math.max(mixture.p.reach, mixture.q.reach), (2 * Math.PI) / step / bend);
  let least = Infinity;
  for (const part of heights) {
    const height = part * most;
    const gain = (2 * Math.PI * height) / step;
    if (gain < 1) break;
    const found = log(2.2) + logModulus(mixture, tilt, frequency, height) - gain - log(-expm1(-gain));
    if (!(found < least)) break;
    least = found;
  }
  return least;
}

/** -d^2 log / dx^2 of the normal density and, beyond it, of the cut. */
function bendOf({ at, width }: Cut): number {
  return at < Infinity ? 1 + 1 / (width * width) : 1;
}

/** Widest cell on which the integrand's parts are bounded by their larger ends. */
const cell = 0.25;

/** log of a bound of the integral of the modulus along Im x = height. */
function logModulus({ p, q, cut }: Mixture, tilt: number, frequency: number, height: number): number {
  const turnsP = turnsOf(p, height);
  const turnsQ = turnsOf(q, height);
  // The logarithm of n R_P^(1 + tilt) R_Q^(-tilt) has a slope of at most steepest - u, and at least -u.
  const steepest = (1 + tilt) * p.reach + tilt * q.reach;
  const bend = bendOf(cut);
  const to = cut.at < Infinity ? cut.at + 1 + (1.2 * steepest) / bend : steepest + 3;
  const count = Math.ceil((to - from) / cell);
  const [cosine] = turn(0.5 * q.reach * height);
  const fixed = 0.5 * height * height * bend - tilt * log(cosine) - halfLogTwoPi + 1e-9 * (1 + tilt);
  const value = (u: number): number => {
    logRatio(p, u, ratio);
    let sum = (1 + tilt) * ratio.value;
    logRatio(q, u, ratio);
    sum -= tilt * ratio.value;
    return fixed + sum;
  };
  // Left of `from` the modulus rises with u.
  let argument = argumentBound(q, from, turnsQ, height);
  let peak =
    value(from) -
    0.5 * from * from +
    frequency * (argumentBound(p, from, turnsP, height) + q.reach * height) +
    log(millsRatio(-from));
  let total = 1;
  const add = (term: number): void => {
    if (term <= peak) total += exp(term - peak);
    else {
      total = total * exp(peak - term) + 1;
      peak = term;
    }
  };
  let u = from;
  for (let k = 0; k < count; k++) {
    const next = from + (k + 1) * cell;
    const nearest = u > 0 ? u : next < 0 ? next : 0;
    const kept = cut.at < Infinity ? logNormalTail((u - cut.at) / cut.width) : 0;
    const turned = argumentBound(p, next, turnsP, height) + argument;
    add(value(next) - 0.5 * nearest * nearest + kept + frequency * turned + log(cell));
    argument = argumentBound(q, next, turnsQ, height);
    u = next;
  }
  // Right of the last cell it falls at a rate that grows with u.
  const beyond = cut.at < Infinity ? (u - cut.at) / cut.width : 0;
  const fall = u + beyond / cut.width - steepest;
  add(value(u) - 0.5 * (u * u + beyond * beyond) + frequency * (p.reach * height + argument) - log(fall));
  return fall > 0 ? peak + log(total) : Infinity;
}

/** Where cells begin. */
const from = -9;
const ratio: Ratio = { value: 0, error: 0 };

function turnsOf(side: Side, height: number): (readonly [number, number])[] {
  return side.components.map(({ rate }) => turn(rate * height));
}

/** [cos, sin] of x. */
function turn(x: number): readonly [number, number] {
  const { re, im } = rotation(x);
  return [1 + re, im];
}
