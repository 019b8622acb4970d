import { UnsupportedEventError } from '../errors.ts';
import { exp, log, log1p } from './elementary.ts';
import type { Relation } from './events.ts';
import type { Atom, LossPair } from './pairs.ts';

/** log(1 - rate + rate e^x). */
export function logMixture(rate: number, x: number): number {
  if (x > 30) return log(rate) + x + log1p(((1 - rate) / rate) * exp(-x));
  return log1p(rate * (exp(x) - 1));
}

/** More outcomes than this are refused. */
const maxOutcomes = 2_000_000;

function tooManyOutcomes(value: string, nearest: string): UnsupportedEventError {
  return new UnsupportedEventError(
    `${value}: more than ${maxOutcomes} outcomes of discrete noise. Ask for kind "${nearest}".`,
  );
}

export function discreteGaussian(rate: number, sigma: number, sensitivity: number): LossPair {
  // Beyond 14 sigma lies less than 1e-42.
  const reach = Math.ceil(14 * sigma) + 1;
  if (2 * reach + sensitivity > maxOutcomes) {
    throw tooManyOutcomes(`sigma=${sigma}`, 'gaussian');
  }
  const height = (x: number): number => exp((-x * x) / (2 * sigma * sigma));
  let total = 0;
  for (let x = -reach; x <= reach; x++) total += height(x);
  const atoms: Atom[] = [];
  for (let x = -reach; x <= reach + sensitivity; x++) {
    // The shifted noise against the unshifted.
    const loss = (sensitivity * (2 * x - sensitivity)) / (2 * sigma * sigma);
    addOutcome(atoms, rate, height(x) / total, height(x - sensitivity) / total, loss);
  }
  return { pieces: [], atoms, infinite: 1e-40 };
}

export function discreteLaplace(rate: number, parameter: number, sensitivity: number): LossPair {
  if (sensitivity > maxOutcomes) {
    throw tooManyOutcomes(`sensitivity=${sensitivity}`, 'laplace');
  }
  const keep = exp(-parameter);
  const atoms: Atom[] = [];
  const scale = (1 - keep) / (1 + keep);
  // x <= 0, and x >= sensitivity, have one loss each.
  const tail = 1 / (1 + keep);
  const shift = exp(-parameter * sensitivity);
  addOutcome(atoms, rate, tail, tail * shift, -parameter * sensitivity);
  for (let x = 1; x < sensitivity; x++) {
    const loss = parameter * (2 * x - sensitivity);
    addOutcome(atoms, rate, scale * exp(-parameter * x), scale * exp(-parameter * (sensitivity - x)), loss);
  }
  addOutcome(atoms, rate, tail * shift, tail, parameter * sensitivity);
  return { pieces: [], atoms, infinite: 0 };
}

/**
 * (1 - rate) X + rate (X + sensitivity) against (1 - rate) X + rate (X - sensitivity): a sampled unit that is replaced.
 * @param height - log of the probability of X = x, up to a constant
 * @param mass - P(from <= X <= to)
 */
function replaced(
  rate: number,
  sensitivity: number,
  cells: Iterable<readonly [from: number, to: number]>,
  height: (x: number) => number,
  mass: (from: number, to: number) => number,
): LossPair {
  const atoms: Atom[] = [];
  for (const [from, to] of cells) {
    const x = from === -Infinity ? to : from;
    const p = (1 - rate) * mass(from, to) + rate * mass(from - sensitivity, to - sensitivity);
    const up = logMixture(rate, height(x - sensitivity) - height(x));
    const down = logMixture(rate, height(x + sensitivity) - height(x));
    if (p > 0) atoms.push({ mass: p, loss: up - down });
  }
  return { pieces: [], atoms, infinite: 0 };
}

function* points(from: number, to: number): Generator<readonly [number, number]> {
  for (let x = from; x <= to; x++) yield [x, x];
}

/** A sampled unit that is replaced, under discrete Gaussian noise. */
export function replacedDiscreteGaussian(rate: number, sigma: number, sensitivity: number): LossPair {
  const reach = Math.ceil(14 * sigma) + 1;
  if (2 * (reach + sensitivity) > maxOutcomes) throw tooManyOutcomes(`sigma=${sigma}`, 'gaussian');
  const exponent = (x: number): number => (-x * x) / (2 * sigma * sigma);
  let total = 0;
  for (let x = -reach; x <= reach; x++) total += exp(exponent(x));
  const cells = points(-reach - sensitivity, reach + sensitivity);
  const pair = replaced(rate, sensitivity, cells, exponent, (x) => exp(exponent(x)) / total);
  return { ...pair, infinite: 1e-40 };
}

/** A sampled unit that is replaced, under discrete Laplace noise: constant loss beyond the sensitivity. */
export function replacedDiscreteLaplace(rate: number, parameter: number, sensitivity: number): LossPair {
  if (2 * sensitivity > maxOutcomes) throw tooManyOutcomes(`sensitivity=${sensitivity}`, 'laplace');
  const keep = exp(-parameter);
  const above = (x: number): number => exp(-parameter * x) / (1 + keep);
  const mass = (from: number, to: number): number => {
    if (from === -Infinity) return to <= 0 ? above(-to) : 1 - above(to + 1);
    if (to === Infinity) return from >= 0 ? above(from) : 1 - above(1 - from);
    return ((1 - keep) / (1 + keep)) * exp(-parameter * Math.abs(from));
  };
  const cells = [
    [-Infinity, -sensitivity] as const,
    ...points(1 - sensitivity, sensitivity - 1),
    [sensitivity, Infinity] as const,
  ];
  return replaced(rate, sensitivity, cells, (x) => -parameter * Math.abs(x), mass);
}

/** One outcome of (1 - rate) Q + rate P against Q, from its masses and loss at rate 1. */
function addOutcome(atoms: Atom[], rate: number, qMass: number, pMass: number, loss: number): void {
  const mass = (1 - rate) * qMass + rate * pMass;
  if (mass > 0) atoms.push({ mass, loss: rate === 1 ? loss : logMixture(rate, loss) });
}

export function randomizedResponse(
  event: { readonly noiseParameter: number; readonly buckets: number },
  relation: Relation,
): LossPair {
  if (relation !== 'replace-one') {
    throw new UnsupportedEventError(
      `relation=${relation}: no bound is known here for randomized-response under it. Ask under replace-one.`,
    );
  }
  const { noiseParameter, buckets } = event;
  const other = noiseParameter / buckets;
  const own = 1 - noiseParameter + other;
  if (other === 0) return { pieces: [], atoms: [], infinite: 1 };
  const loss = log(own) - log(other);
  const atoms: Atom[] = [
    { mass: own, loss },
    { mass: other, loss: -loss },
  ];
  if (buckets > 2) atoms.push({ mass: (buckets - 2) * other, loss: 0 });
  return { pieces: [], atoms, infinite: 0 };
}

/** The pair that dominates every (epsilon, delta)-DP mechanism (Kairouz, Oh, Viswanath, arXiv:1311.0776, theorem 3.3). */
export function pureDp(epsilon: number, delta: number): LossPair {
  if (epsilon === 0) return { pieces: [], atoms: [{ mass: 1 - delta, loss: 0 }], infinite: delta };
  const high = (1 - delta) / (1 + exp(-epsilon));
  const atoms: Atom[] = [
    { mass: high, loss: epsilon },
    { mass: high * exp(-epsilon), loss: -epsilon },
  ];
  return { pieces: [], atoms, infinite: delta };
}

/**
 * Permute-and-flip with two candidates whose scores change places, the best that an attacker can make of two: the
 * better one is chosen with probability 1 - e^(-epsilon / 2) / 2 (McKenna and Sheldon 2020, algorithm 1).
 */
export function flippedPair(epsilon: number): LossPair {
  const worse = exp(-epsilon / 2) / 2;
  const loss = log1p(-worse) - log(worse);
  return {
    pieces: [],
    atoms: [
      { mass: 1 - worse, loss },
      { mass: worse, loss: -loss },
    ],
    infinite: 0,
  };
}
