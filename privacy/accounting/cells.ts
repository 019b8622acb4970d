import { exp, expm1 } from './elementary.ts';
import { rule2, rule3, rule5 } from './gauss-legendre.ts';
import { lossAt, positionOf } from './pairs.ts';
import type { LossPair, SmoothPiece } from './pairs.ts';

/**
 * Probability by cells of the privacy loss, [kh, (k + 1)h) from k = `first`. Each cell's P-mass is divided into the
 * part that goes to its upper end and the part that goes to its lower end when both P- and Q-mass are kept
 * (Doroshenko et al., arXiv:2207.04380, "connect the dots"): a loss l = kh + d sends up (1 - e^-d) / (1 - e^-h).
 * Masses are tilted: multiplied by e^(tilt (loss of the lower end) - logScale).
 */
export type Cells = { readonly first: number; readonly up: Float64Array; readonly down: Float64Array };

export type CellGrid = {
  /** Cell width in nats. */
  readonly width: number;
  readonly tilt: number;
  /** Subtracted from the exponent. */
  readonly logScale: number;
  /** Loss of the lattice point 0. */
  readonly offset: number;
  /** Cells outside `first .. last` are left out: the caller accounts for their mass. */
  readonly first: number;
  readonly last: number;
};

/** Relative error of every cell's mass: exponents up to 700 with a few roundings each, and the quadrature. */
export const cellError = 1e-12;

/** Cells of `pair` on x in [xFrom, xTo] (all its atoms included). */
export function cellsOf(pair: LossPair, grid: CellGrid, xFrom: number, xTo: number): Cells {
  const size = grid.last - grid.first + 1;
  const cells: Cells = { first: grid.first, up: new Float64Array(size), down: new Float64Array(size) };
  for (const atom of pair.atoms) addAtom(cells, grid, atom.mass, atom.loss);
  for (const piece of pair.pieces) {
    addPiece(cells, grid, piece, Math.max(xFrom, piece.from), Math.min(xTo, piece.to));
  }
  return cells;
}

function addAtom(cells: Cells, grid: CellGrid, mass: number, loss: number): void {
  const { width, tilt, logScale, offset } = grid;
  const position = loss - offset;
  let k = Math.floor(position / width);
  let within = position - k * width;
  // An atom within rounding of a lattice point is on it.
  if (width - within < 1e-13 * Math.max(width, Math.abs(position))) {
    k += 1;
    within = 0;
  }
  if (k < grid.first || k > grid.last) return;
  const tilted = mass * exp(tilt * (k * width + offset) - logScale);
  const share = expm1(-Math.max(0, within)) / expm1(-width);
  cells.up[k - grid.first]! += tilted * share;
  cells.down[k - grid.first]! += tilted * (1 - share);
}

function addPiece(cells: Cells, grid: CellGrid, piece: SmoothPiece, from: number, to: number): void {
  if (!(to > from)) return;
  const { width, offset } = grid;
  const start = Math.floor((lossAt(piece, from) - offset) / width);
  const end = Math.floor((lossAt(piece, to) - offset) / width);
  let left = Math.max(start, grid.first);
  let edge = left === start ? from : positionOf(piece, left * width + offset, from);
  for (; left <= Math.min(end, grid.last); left++) {
    const next = left === end ? to : positionOf(piece, (left + 1) * width + offset, edge);
    const right = Math.min(Math.max(next, edge), to);
    if (right > edge) addCell(cells, grid, piece, left, edge, right, left > start || edge > from, left < end);
    edge = right;
  }
}

/** Terms of the cell at hand: height at its reference point (P positive, Q negative) and rate. */
let heights = new Float64Array(8);
let rates = new Float64Array(8);

/**
 * One cell. The part that goes up is the integral of P - e^(kh) Q over 1 - e^-h. At the cell's lower end x0 that
 * density is 0, so it is formed as sum a_i (e^(c_i (x - x0)) - 1): no cancellation however narrow the cell. Where the
 * piece ends inside the cell, the upper end serves in the same way.
 */
function addCell(
  cells: Cells,
  grid: CellGrid,
  piece: SmoothPiece,
  k: number,
  from: number,
  to: number,
  lowerIsEdge: boolean,
  upperIsEdge: boolean,
): void {
  const { width, tilt, logScale, offset } = grid;
  const { p, q, curvature } = piece;
  const lowerLoss = k * width + offset;
  const reference = lowerIsEdge || !upperIsEdge ? from : to;
  const fromBelow = reference === from;
  const referenceLoss = fromBelow ? lowerLoss : lowerLoss + width;
  const exponent = tilt * lowerLoss - logScale - 0.5 * curvature * reference * reference;
  let mass = 0;
  let moved = 0;
  // Without an edge at either end the density of the moved part does not start from 0.
  let start = 0;
  const terms = p.length + q.length;
  if (heights.length < terms) {
    heights = new Float64Array(2 * terms);
    rates = new Float64Array(2 * terms);
  }
  for (let i = 0; i < terms; i++) {
    const isP = i < p.length;
    const term = isP ? p[i]! : q[i - p.length]!;
    const height = exp(exponent + term.log + term.rate * reference + (isP ? 0 : referenceLoss));
    heights[i] = isP ? height : -height;
    rates[i] = term.rate;
    start += heights[i]!;
  }
  if (lowerIsEdge || upperIsEdge) start = 0;
  let reach = Math.max(Math.abs(from), Math.abs(to));
  if (curvature === 1) {
    for (let i = 0; i < terms; i++) {
      reach = Math.max(reach, Math.abs(from - rates[i]!), Math.abs(to - rates[i]!));
    }
  } else for (let i = 0; i < terms; i++) reach = Math.max(reach, Math.abs(rates[i]!));
  // On a panel of half-width r the rules err by about (2 / (r reach))^-2n of the integral, below 1e-13: the integrands
  // are entire, and grow by e^(reach d) at a distance d.
  const extent = (to - from) * reach;
  const rule = extent <= 0.002 ? rule2 : extent <= 0.01 ? rule3 : rule5;
  const panels = rule === rule5 ? Math.ceil(extent / 0.1) : 1;
  const half = (to - from) / panels / 2;
  for (let panel = 0; panel < panels; panel++) {
    for (let n = 0; n < rule.nodes.length; n++) {
      const shift = from - reference + (2 * panel + 1 + rule.nodes[n]!) * half;
      const base = rule.weights[n]! * half * expNear(-curvature * shift * (reference + 0.5 * shift));
      let density = 0;
      let gap = start;
      for (let i = 0; i < terms; i++) {
        const change = heights[i]! * expm1Near(rates[i]! * shift);
        gap += change;
        if (i < p.length) density += heights[i]! + change;
      }
      mass += base * density;
      moved += base * gap;
    }
  }
  const index = k - grid.first;
  if (fromBelow) {
    const up = Math.min(mass, Math.max(0, moved / -expm1(-width)));
    cells.up[index]! += up;
    cells.down[index]! += mass - up;
  } else {
    const down = Math.min(mass, Math.max(0, -moved / expm1(width)));
    cells.down[index]! += down;
    cells.up[index]! += mass - down;
  }
}

/** expm1 for mostly tiny arguments: seven Taylor terms below 0.01 (relative error 2e-18). */
function expm1Near(x: number): number {
  if (x > 0.01 || x < -0.01) return expm1(x);
  return x * (1 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720 + x * (1 / 5040)))))));
}

function expNear(x: number): number {
  if (x > 0.01 || x < -0.01) return exp(x);
  return 1 + expm1Near(x);
}
