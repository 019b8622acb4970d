import type { GraphBuilder } from './builder.ts';
import type { Use } from './derivatives/index.ts';
import { productDim } from './dims.ts';
import type { Dim, Shape, Value } from './ir.ts';
import { byUnit, innerProduct, matrixUse, squareOfUnit, type MatrixUse, type NormRule } from './rules.ts';

/**
 * What is kept of one parameter's gradient until the clip factors are known: the gradient of every unit, or the pairs
 * that it is the product of, with the square of its norm.
 */
export type Account =
  | { readonly kind: 'gradients'; readonly gradients: Value }
  | { readonly kind: 'pairs'; readonly uses: readonly MatrixUse[]; readonly square: Value };

/** The gradient of one parameter, summed over units. */
export interface ParameterSum {
  /** In the parameter's shape; absent where all its uses are lookups. */
  readonly dense?: Value;
  /** Lookups: ids i32 [n] and the gradient of each [n, D]. */
  readonly rows: readonly { readonly ids: Value; readonly rows: Value }[];
}

/** Adds one more use of a parameter to what is known of it. */
export function addUse(
  b: GraphBuilder,
  account: Account | undefined,
  use: Use,
  units: Dim,
  rule: NormRule | undefined,
): Account {
  if (use.kind === 'vector') return addGradients(b, account, b.sum(byUnit(b, use.g, units), [1]));
  const matrix = matrixUse(b, use, units);
  if (rule === 'direct' && matrix.kind === 'linear') {
    return addGradients(b, account, b.matmul(matrix.rows, matrix.columns, { transposeA: true }));
  }
  const others = account?.kind === 'pairs' ? account.uses : [];
  let square = innerProduct(b, matrix, matrix);
  for (const other of others) square = b.add(square, b.affine(innerProduct(b, matrix, other), 2));
  return {
    kind: 'pairs',
    uses: [...others, matrix],
    square: account?.kind === 'pairs' ? b.add(account.square, square) : square,
  };
}

function addGradients(b: GraphBuilder, account: Account | undefined, gradients: Value): Account {
  return {
    kind: 'gradients',
    gradients: account?.kind === 'gradients' ? b.add(account.gradients, gradients) : gradients,
  };
}

/** The square of the norm of every unit's gradient: [units]. */
export function squareNorm(b: GraphBuilder, account: Account): Value {
  return account.kind === 'pairs' ? account.square : squareOfUnit(b, account.gradients);
}

/** The sum over units of the gradient times the unit's factor [units]. */
export function clippedSum(b: GraphBuilder, account: Account, factors: Value): ParameterSum {
  if (account.kind === 'gradients') {
    const { shape } = account.gradients;
    const [units, size] = [shape[0]!, productDim(shape.slice(1))];
    const sum = b.matmul(b.reshape(factors, [1, units]), b.reshape(account.gradients, [units, size]));
    return { dense: b.reshape(sum, shape.slice(1)), rows: [] };
  }
  const weights = b.reshape(factors, [factors.shape[0]!, 1, 1]);
  return sumUses(b, account.uses, (x) => b.mul(x, weights));
}

/** The sum over units of the gradient as it is. */
export function plainSum(b: GraphBuilder, uses: readonly Use[], units: Dim): ParameterSum {
  const matrices: MatrixUse[] = [];
  let dense: Value | undefined;
  for (const use of uses) {
    if (use.kind === 'vector') dense = plus(b, dense, b.sum(flat(b, use.g), [0]));
    else matrices.push(matrixUse(b, use, units));
  }
  return dense === undefined ? sumUses(b, matrices, (x) => x) : { dense, rows: [] };
}

/** @param scale - weights the units of [units, positions, N] */
function sumUses(b: GraphBuilder, uses: readonly MatrixUse[], scale: (x: Value) => Value): ParameterSum {
  const rows: { ids: Value; rows: Value }[] = [];
  let dense: Value | undefined;
  for (const use of uses) {
    if (use.kind === 'embed') {
      rows.push({ ids: b.reshape(use.ids, [productDim(use.ids.shape)]), rows: flat(b, scale(use.columns)) });
      continue;
    }
    // Weighting either side will do: the narrower moves fewer bytes.
    const columnsFirst = width(use.columns) <= width(use.rows);
    const left = flat(b, columnsFirst ? use.rows : scale(use.rows));
    const right = flat(b, columnsFirst ? scale(use.columns) : use.columns);
    dense = plus(b, dense, b.matmul(left, right, { transposeA: true }));
  }
  return dense === undefined ? { rows } : { dense, rows };
}

const width = (x: Value): number => x.shape.at(-1) as number;
const plus = (b: GraphBuilder, a: Value | undefined, c: Value): Value => (a === undefined ? c : b.add(a, c));

/** [..., N] -> [all, N]. */
function flat(b: GraphBuilder, x: Value): Value {
  const leading: Shape = x.shape.slice(0, -1);
  return b.reshape(x, [productDim(leading), x.shape.at(-1)!]);
}
