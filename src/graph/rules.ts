import type { GraphBuilder } from './builder.ts';
import type { Use } from './derivatives/index.ts';
import { evaluateDim, productDim, quotientDim } from './dims.ts';
import type { AnyNode, Dim, Shape, Value } from './ir.ts';
import { recordsAxis } from './records.ts';

/**
 * How the norm of a linear map's gradient is found, for each unit:
 *   ghost: from the inner products of its positions, sum over t, t' of <x_t, x_t'> <g_t, g_t'>, without the gradient
 *   direct: from the gradient itself, which is then reused for the clipped sum
 * Reference: Li et al., arXiv:2110.05679v6, section 4 (ghost); Bu et al., arXiv:2210.00038v3 (the choice by cost).
 */
export type NormRule = 'ghost' | 'direct';

/**
 * Multiply-adds that take as long as moving one number of a unit's gradient through memory three times (made, squared,
 * summed). Per unit, ghost spends P^2 (K + N) of them and direct moves K N numbers. Measured with onnxruntime on two
 * AVX2 cores: at widths 384 and 1,536 both take equally long at about 128 positions; at 180 ghost adds 15 % to a whole
 * gradient and direct 1 to 2 %, at 32 ghost adds 3 %.
 */
const ghostBalance = 80;

/**
 * Bound on the rounding error of a norm's square, relative to the sum of its terms' magnitudes; adding it makes norms
 * err on the high side (G1). A ghost norm's terms cancel where a unit's positions look alike and their output gradients
 * add up to nothing, as a key map's do: unbounded, the square is then off by several percent, or negative, and the unit
 * is clipped too little. At most 12 roundings of float32 (2^-24) were seen with onnxruntime and OpenBLAS, for random,
 * alike and cancelling positions, widths of 8 to 30,522 and up to 256 positions; this is 32.
 */
const roundingBound = 2 ** -19;

/**
 * The sum of all of each unit's numbers, [units, ...] -> [units]. Axis by axis: onnxruntime sums the squares of a
 * [3072, 768] matrix at once 2.5e-4 too low, and to 1e-7 so.
 */
function sumOfUnit(b: GraphBuilder, x: Value): Value {
  return x.shape.length === 1 ? x : sumOfUnit(b, b.sum(x, [-1]));
}

/** The square of the norm of each unit's gradient, [units, ...] -> [units], not below the exact one. */
export function squareOfUnit(b: GraphBuilder, gradients: Value): Value {
  return b.affine(sumOfUnit(b, b.mul(gradients, gradients)), 1 + roundingBound);
}

/**
 * The cheaper rule for a parameter [K, N] used at these numbers of positions per unit.
 * @param positions - one count for each use
 */
export function cheaperRule(
  positions: readonly number[],
  [rows, columns]: readonly [number, number],
): NormRule {
  let pairs = 0;
  positions.forEach((p, i) => positions.slice(i).forEach((q) => (pairs += p * q)));
  return pairs * (rows + columns) <= ghostBalance * rows * columns ? 'ghost' : 'direct';
}

/** How many positions of each unit the leading axes of an activation hold. */
function positionsOf(leading: Shape, units: Dim): Dim {
  return quotientDim(productDim(leading), units)!;
}

/**
 * The rule for every trainable parameter whose uses are all linear maps, by name.
 * @param nodes - the network's nodes, on records
 * @param sizes - the size of each symbol but `records`
 */
export function rulesFor(
  nodes: readonly AnyNode[],
  trainable: ReadonlyMap<Value, string>,
  recordsPerUnit: Dim,
  sizes: Readonly<Record<string, number>>,
): ReadonlyMap<string, NormRule> {
  const rules = new Map<string, NormRule>();
  for (const [param, name] of trainable) {
    const uses = nodes.filter((node) => node.inputs.includes(param));
    if (!uses.every((node) => node.op === 'linear')) continue;
    const positions = uses.map(({ inputs: [x] }) => positionsOf(x!.shape.slice(0, -1), recordsAxis));
    const counts = positions.map((p) => evaluateDim(productDim([p, recordsPerUnit]), sizes));
    rules.set(name, cheaperRule(counts, param.shape as [number, number]));
  }
  return rules;
}

/** A use of a matrix, by unit: its gradient is the sum over positions of the outer product of `rows` and `columns`. */
export type MatrixUse =
  | { readonly kind: 'linear'; readonly rows: Value; readonly columns: Value }
  /** rows are one-hot at `ids` [units, positions]. */
  | { readonly kind: 'embed'; readonly ids: Value; readonly columns: Value };

/** [..., N] -> [units, positions, N]. */
export function byUnit(b: GraphBuilder, value: Value, units: Dim): Value {
  return b.reshape(value, [units, positionsOf(value.shape.slice(0, -1), units), value.shape.at(-1)!]);
}

/** A linear or embedding use with its positions gathered by unit. */
export function matrixUse(b: GraphBuilder, use: Exclude<Use, { kind: 'vector' }>, units: Dim): MatrixUse {
  const g = byUnit(b, use.g, units);
  if (use.kind === 'embed') {
    return { kind: 'embed', ids: b.reshape(use.ids, [units, positionsOf(use.ids.shape, units)]), columns: g };
  }
  const x = byUnit(b, use.x, units);
  return use.layout === 'out-in'
    ? { kind: 'linear', rows: g, columns: x }
    : { kind: 'linear', rows: x, columns: g };
}

/** The inner product of the gradients that two uses of one matrix make, for each unit: [units], not below the exact one. */
export function innerProduct(b: GraphBuilder, left: MatrixUse, right: MatrixUse): Value {
  const columns = b.matmul(left.columns, right.columns, { transposeB: true });
  const terms = b.mul(rowProducts(b, left, right), columns);
  // The sum of magnitudes is 2 sum(relu) - sum; relu alone might hide a NaN.
  const sum = b.affine(sumOfUnit(b, terms), 1 - roundingBound);
  return b.add(sum, b.affine(sumOfUnit(b, b.relu(terms)), 2 * roundingBound));
}

/** <row_t, row_t'> for each position t of left and t' of right: [units, left positions, right positions]. */
function rowProducts(b: GraphBuilder, left: MatrixUse, right: MatrixUse): Value {
  if (left.kind === 'linear') {
    return right.kind === 'linear'
      ? b.matmul(left.rows, right.rows, { transposeB: true })
      : gatherRows(b, left.rows, right.ids);
  }
  if (right.kind === 'linear') return b.transpose(gatherRows(b, right.rows, left.ids), [0, 2, 1]);
  const [units, p] = left.ids.shape as [Dim, Dim];
  return b.equal(b.reshape(left.ids, [units, p, 1]), b.reshape(right.ids, [units, 1, right.ids.shape[1]!]));
}

/** rows [units, p, V], ids [units, q] -> rows at those ids [units, p, q]. */
function gatherRows(b: GraphBuilder, rows: Value, ids: Value): Value {
  const [units, p] = rows.shape as [Dim, Dim, Dim];
  const q = ids.shape[1]!;
  return b.gatherLast(rows, b.expand(b.reshape(ids, [units, 1, q]), [units, p, q]));
}
