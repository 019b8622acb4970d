import { exp, log } from './elementary.ts';
import { rule5 } from './gauss-legendre.ts';
import { logDensity, lossAt, steepestSlope } from './pairs.ts';
import type { LossPair, SmoothPiece } from './pairs.ts';

/** Cumulant generating function of the loss under P, psi(t) = log E_P e^(tL), with its first two derivatives. */
export type Cumulant = { readonly value: number; readonly mean: number; readonly variance: number };

export type CumulantFunction = (t: number) => Cumulant;

/** Terms below e^-45 of the largest change nothing in float64. */
const negligible = 45;
/** More quadrature nodes than this mean orders that are out of reach: the moment then counts as infinite. */
const maxNodes = 50_000;

/** Growing list of quadrature nodes of one piece: log weight (with the density of P) and loss. */
type Nodes = { logWeight: Float64Array; loss: Float64Array; count: number };

/**
 * psi by composite Gauss-Legendre quadrature, with panels narrow against both the noise and the bend of the loss:
 * relative error of E e^(tL) about 1e-10 (test/accounting/cumulant.test.ts). Certified results do not rest on it.
 * @param below - leave out x above it
 * @param above - leave out x below it
 */
export function cumulantOf(pair: LossPair, below = Infinity, above = -Infinity): CumulantFunction {
  const grids = pair.pieces.map((piece) => nodesOf(piece, below, above));
  return (t) => {
    let largest = -Infinity;
    for (const atom of pair.atoms) largest = Math.max(largest, log(atom.mass) + t * atom.loss);
    for (const grid of grids) largest = Math.max(largest, grid.peak(t));
    if (largest === Infinity) return { value: Infinity, mean: NaN, variance: NaN };
    let sum = 0;
    let first = 0;
    let second = 0;
    for (const atom of pair.atoms) {
      const weight = exp(log(atom.mass) + t * atom.loss - largest);
      sum += weight;
      first += weight * atom.loss;
      second += weight * atom.loss * atom.loss;
    }
    for (const { nodes } of grids) {
      for (let k = 0; k < nodes.count; k++) {
        const exponent = nodes.logWeight[k]! + t * nodes.loss[k]! - largest;
        if (exponent < -negligible) continue;
        const loss = nodes.loss[k]!;
        const weight = exp(exponent);
        sum += weight;
        first += weight * loss;
        second += weight * loss * loss;
      }
    }
    const mean = first / sum;
    return { value: largest + log(sum), mean, variance: Math.max(0, second / sum - mean * mean) };
  };
}

type Grid = { readonly nodes: Nodes; peak(t: number): number };

function nodesOf(piece: SmoothPiece, below: number, above: number): Grid {
  const nodes: Nodes = { logWeight: new Float64Array(256), loss: new Float64Array(256), count: 0 };
  const rates = [...piece.p, ...piece.q].map((term) => term.rate);
  const largest = Math.max(...rates);
  const smallest = Math.min(...rates);
  const to = Math.min(piece.to, below);
  let next = Math.max(piece.from, above, piece.curvature === 1 ? smallest - 13 : -Infinity);
  const panel = Math.min(0.7, 1.5 / Math.max(largest - smallest, 1e-3));
  return {
    nodes,
    peak(t) {
      let peak = -Infinity;
      for (let k = 0; k < nodes.count; k++) peak = Math.max(peak, nodes.logWeight[k]! + t * nodes.loss[k]!);
      while (next < to) {
        const last = nodes.count - 1;
        if (
          last > 0 &&
          nodes.logWeight[last]! + t * nodes.loss[last]! < peak - negligible &&
          next > steepestSlope(piece, t, next)
        ) {
          break;
        }
        if (nodes.count >= maxNodes) return Infinity;
        const half = Math.min(panel, to - next) / 2;
        for (let k = 0; k < rule5.nodes.length; k++) {
          const x = next + (1 + rule5.nodes[k]!) * half;
          const loss = lossAt(piece, x);
          const logWeight = logDensity(piece, x) + log(rule5.weights[k]! * half);
          append(nodes, logWeight, loss);
          peak = Math.max(peak, logWeight + t * loss);
        }
        next += 2 * half;
      }
      return peak;
    },
  };
}

function append(nodes: Nodes, logWeight: number, loss: number): void {
  if (nodes.count === nodes.loss.length) {
    nodes.logWeight = grown(nodes.logWeight);
    nodes.loss = grown(nodes.loss);
  }
  nodes.logWeight[nodes.count] = logWeight;
  nodes.loss[nodes.count] = loss;
  nodes.count++;
}

function grown(old: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(old.length * 2);
  larger.set(old);
  return larger;
}
