import { stepOf } from './characteristic.ts';
import type { Step } from './characteristic.ts';
import { contourPlan, tiltedLayers, withCut } from './contour-plan.ts';
import type { ContourPlan, Near, SmoothPhase } from './contour-plan.ts';
import { logDecay } from './decay.ts';
import { exp, expm1, log, log1p, rotation } from './elementary.ts';
import { cutMass, mixtureOf } from './mixture.ts';
import type { Phase } from './parts.ts';
import { spectrumOf } from './spectrum.ts';
import type { Spectrum } from './spectrum.ts';

const unit = 2 ** -53;
/** Most frequencies times nodes: what a lattice of 2^15 points costs. */
const mostWork = 2e7;

/** A certified value of delta, and by cause what its bounds were moved by. */
export type ContourDelta = {
  readonly lower: number;
  readonly estimate: number;
  readonly upper: number;
  readonly truncation: number;
  readonly aliasing: number;
  readonly rounding: number;
};

/** delta(epsilon) near one epsilon. */
export type Contour = {
  readonly tilt: number;
  readonly frequencies: number;
  /** Between frequencies, 1 / nats. */
  readonly spacing: number;
  readonly at: (epsilon: number) => ContourDelta;
};

/**
 * delta(epsilon) = E[(1 - e^(epsilon - S))+], S the sum of all losses under P, as an integral along Re z = t > 0: the
 * Laplace transform of (1 - e^-y)+ is 1 / (z (z + 1)), so that
 *   e^(t epsilon) delta(epsilon) = (1 / 2 pi) int M(t + i omega) / (z (z + 1)) e^(-i omega epsilon) d omega,  M(z) = E e^(zS)
 * (the contour of the saddle-point accountant, Alghamdi et al., arXiv:2208.09595; it is sampled here, not approximated).
 * M is a product of the steps' own transforms, and the trapezoidal rule errs by a known sum, so few frequencies are
 * enough. Its error is bounded part by part:
 *
 * - Aliasing. With spacing 2 pi / W Poisson's formula gives the sum of A(epsilon + mW) over all whole m, A(y) =
 *   e^(ty) delta(y) >= 0. The copies are at most those of Chernoff's bound delta(y) <= E e^(sS) e^(-sy) max_x e^(-sx)
 *   (1 - e^-x), s > t above and 0 <= s < t below; geometric series. They only raise the sum: the upper end needs no care.
 * - Truncation. Frequencies above Omega: |M(t + i omega)| <= M(t) rho, rho the product of `logDecay`; 1 / |z (z + 1)| <=
 *   1 / omega^2, and sum over j > J of (spacing / pi) / (j spacing)^2 <= 1 / (pi Omega).
 * - Rare losses that a `Cut` gave an infinite loss: their mass is added to the upper end.
 * - Quadrature and rounding of each step's transform: `Step`; of powers: `power`; of this sum: below.
 *
 * @returns null where it does not apply (other pairs than Gaussian mixtures) or takes more work than a lattice: few
 *   steps, or rare losses far larger than the others
 */
export function contourOf(phases: readonly Phase[], near: Near): Contour | null {
  const smooth: SmoothPhase[] = [];
  for (const { pair, count, cumulant } of phases) {
    const mixture = mixtureOf(pair);
    if (!mixture) return null;
    smooth.push({ piece: pair.pieces[0]!, mixture, count, cumulant });
  }
  const plan = contourPlan(smooth, near);
  return plan && sampledContour(smooth, plan);
}

/** The contour as planned. A bad plan makes bounds wide, never wrong. */
export function sampledContour(whole: readonly SmoothPhase[], plan: ContourPlan): Contour | null {
  const phases = whole.map((phase, k) => withCut(phase, plan.cuts[k]!));
  const { tilt, highest, lowest, period, nats } = plan;
  const spacing = (2 * Math.PI) / period;
  const last = Math.ceil(plan.cutoff / spacing);
  const total = phases.reduce((sum, { count }) => sum + count, 0);
  const resolution = { tilt, highest, frequency: last * spacing, nats: nats + log(total) };
  const steps: Step[] = [];
  let left = mostWork / last;
  for (const { piece, mixture, count } of phases) {
    const step = stepOf(piece, mixture, count, resolution, left);
    if (!step) return null;
    steps.push(step);
    left -= step.losses.length;
  }
  const sum = (of: (step: Step, k: number) => number): number =>
    steps.reduce((all, step, k) => all + step.count * of(step, k), 0);
  const logMoment = sum((step) => step.logMoment);
  const momentError = sum((step) => step.logMomentError);
  if (!(momentError < 1e-3)) return null;
  const above = copiesAbove(plan, logMoment, (t) => sum((step) => step.momentBound(t)));
  const below = copies(lowest > 0 ? sum((step) => step.momentBound(lowest)) : 0, lowest, tilt, period);
  const decay = sum((step, k) => {
    const layers = tiltedLayers(phases[k]!, tilt, step.logMoment + step.logMomentError);
    return logDecay(layers, last * spacing);
  });
  const infinite = sum((_, k) => cutMass(phases[k]!.mixture.p, plan.cuts[k]!));
  const beyond = exp(decay) / (Math.PI * last * spacing);
  const series = seriesOf(spectrumOf(steps, spacing, last), spacing, tilt);
  const at = (epsilon: number): ContourDelta => {
    const scale = exp(logMoment - tilt * epsilon);
    const value = series.at(epsilon);
    const relative = momentError + 4 * unit * (Math.abs(logMoment) + Math.abs(tilt * epsilon) + 4);
    const estimate = scale * value.sum;
    const rounding = 1.01 * (scale * value.error + Math.abs(estimate) * relative);
    const truncation = 1.01 * scale * beyond;
    const aliasing = above(epsilon) + below(epsilon);
    return {
      lower: Math.max(0, estimate - rounding - truncation - aliasing),
      estimate,
      upper: Math.min(1, estimate + rounding + truncation + infinite),
      truncation: truncation + infinite,
      aliasing,
      rounding,
    };
  };
  return { tilt, frequencies: last + 1, spacing, at };
}

/** Parts of the way from the tilt to the planned order: far above, rare losses may weigh more than was planned for. */
const parts = [1, 0.7, 0.5, 0.35] as const;

/** `copies` above, at the first order that is good enough, or the best of some. */
function copiesAbove(
  { epsilon, tilt, highest, period, nats }: ContourPlan,
  logMoment: number,
  momentBound: (t: number) => number,
): (epsilon: number) => number {
  let best = { order: highest, moment: Infinity };
  let least = Infinity;
  for (const part of parts) {
    const order = tilt + part * (highest - tilt);
    const moment = momentBound(order);
    const exponent = moment - logMoment - (order - tilt) * (epsilon + period);
    if (exponent < least) {
      least = exponent;
      best = { order, moment };
    }
    if (exponent <= -nats) break;
  }
  return copies(best.moment, best.order, tilt, period);
}

/** Bound of e^(-t epsilon) times the sum of A(epsilon + mW) on the side where order s shows it (see `contourOf`). */
function copies(logMoment: number, s: number, tilt: number, period: number): (epsilon: number) => number {
  const decay = Math.abs(s - tilt) * period;
  // The largest value of e^(-sx) (1 - e^-x).
  const weight = s > 0 ? exp(s * log(s) - (1 + s) * log1p(s)) : 1;
  return (epsilon) => (1.01 * weight * exp(logMoment - s * epsilon - decay)) / -expm1(-decay);
}

type Series = { readonly at: (epsilon: number) => { readonly sum: number; readonly error: number } };

/** The spectrum over z (z + 1), times spacing / (2 pi) and twice where a conjugate belongs to it, summed at any epsilon. */
function seriesOf({ re, im, error }: Spectrum, spacing: number, tilt: number): Series {
  const size = re.length;
  const x = new Float64Array(size);
  const y = new Float64Array(size);
  let own = 0;
  let magnitude = 0;
  let turned = 0;
  for (let j = 0; j < size; j++) {
    const omega = j * spacing;
    const a = tilt * (tilt + 1) - omega * omega;
    const b = (2 * tilt + 1) * omega;
    const times = ((j === 0 ? 1 : 2) * spacing) / (2 * Math.PI);
    const square = a * a + b * b;
    x[j] = (times * (re[j]! * a + im[j]! * b)) / square;
    y[j] = (times * (im[j]! * a - re[j]! * b)) / square;
    const modulus = (times * Math.sqrt(re[j]! * re[j]! + im[j]! * im[j]!)) / Math.sqrt(square);
    own += (times * error[j]!) / Math.sqrt(square);
    magnitude += modulus;
    turned += j * modulus;
  }
  return {
    at(epsilon) {
      const turn = rotation(-spacing * epsilon);
      const c = 1 + turn.re;
      const s = turn.im;
      let cos = 1;
      let sin = 0;
      let sum = 0;
      for (let j = 0; j < size; j++) {
        sum += x[j]! * cos - y[j]! * sin;
        const next = cos * c - sin * s;
        sin = cos * s + sin * c;
        cos = next;
      }
      // Each turn is off by the rounding of its angle and root, and of a product; terms by a few roundings, a sum by one each.
      const angle = 8 + 4 * Math.max(1, Math.abs(spacing * epsilon));
      return { sum, error: 1.01 * (own + unit * (magnitude * (16 + size) + turned * angle)) };
    },
  };
}
