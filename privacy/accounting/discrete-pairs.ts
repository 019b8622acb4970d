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

export function discreteGaussian(rate: number, sigma: number, sensitivity: number): LossPair {
  // Beyond 14 sigma lies less than 1e-42.
  const reach = Math.ceil(14 * sigma) + 1;
  if (2 * reach + sensitivity > maxOutcomes) {
    throw new UnsupportedEventError(
      `sigma=${sigma}: more than ${maxOutcomes} outcomes of a discrete Gaussian. Ask for kind "gaussian".`,
    );
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
    throw new UnsupportedEventError(
      `sensitivity=${sensitivity}: more than ${maxOutcomes} outcomes. Ask for kind "laplace".`,
    );
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
