/** Eigenvalues, and their unit eigenvectors as rows of `vectors`, [n, n]; the largest first. */
export interface Eigen {
  readonly values: Float64Array;
  readonly vectors: Float64Array;
}

/**
 * All eigenvectors of a symmetric matrix: Householder's reduction to three diagonals, then implicit QR steps with Wilkinson's
 * shift (Golub and Van Loan, Matrix Computations, 4th ed., algorithms 8.3.1 and 8.3.2).
 * @param matrix - [n, n]; it is overwritten
 */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  const { diagonal, beside, rotation } = tridiagonal(matrix, n);
  diagonalise(diagonal, beside, rotation, n);
  const order = [...diagonal.keys()].sort((a, b) => diagonal[b]! - diagonal[a]!);
  const vectors = new Float64Array(n * n);
  for (const [at, row] of order.entries()) vectors.set(rotation.subarray(row * n, (row + 1) * n), at * n);
  return { values: Float64Array.from(order, (row) => diagonal[row]!), vectors };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Entry k stands beside diagonal entries k and k + 1. */
  readonly beside: Float64Array;
  /** Orthogonal, [n, n]: row k is the direction of diagonal entry k. */
  readonly rotation: Float64Array;
}

/** matrix = rotation^T T rotation. */
function tridiagonal(matrix: Float64Array, n: number): Tridiagonal {
  const beside = new Float64Array(Math.max(0, n - 1));
  /** The reflection of each column: 1 - 2 v v^T / |v|^2 below the diagonal. */
  const reflections: { readonly v: Float64Array; readonly scale: number }[] = [];
  for (let k = 0; k < n - 1; k++) {
    const v = Float64Array.from({ length: n - k - 1 }, (_, i) => matrix[(k + 1 + i) * n + k]!);
    const norm = Math.hypot(...v);
    const alpha = v[0]! > 0 ? -norm : norm;
    beside[k] = alpha;
    v[0]! -= alpha;
    const size = dot(v, v);
    const scale = size > 0 ? 2 / size : 0;
    reflections.push({ v, scale });
    if (scale > 0) reflectBelow(matrix, n, k + 1, v, scale);
  }
  const diagonal = Float64Array.from({ length: n }, (_, k) => matrix[k * n + k]!);
  return { diagonal, beside, rotation: transposed(productOf(reflections, n), n) };
}

/** Reflects the lower right part of a symmetric matrix, from `first` on, on both sides. */
function reflectBelow(matrix: Float64Array, n: number, first: number, v: Float64Array, scale: number): void {
  const row = (i: number) => matrix.subarray((first + i) * n + first, (first + i + 1) * n);
  const w = v.map((_, i) => scale * dot(row(i), v));
  const shared = (scale * dot(w, v)) / 2;
  for (let i = 0; i < w.length; i++) w[i]! -= shared * v[i]!;
  for (let i = 0; i < w.length; i++) {
    const own = row(i);
    for (let j = 0; j < own.length; j++) own[j]! -= v[i]! * w[j]! + w[i]! * v[j]!;
  }
}

/** The product of all reflections, the first to the left, [n, n]. */
function productOf(
  reflections: readonly { readonly v: Float64Array; readonly scale: number }[],
  n: number,
): Float64Array {
  const product = new Float64Array(n * n);
  for (let k = 0; k < n; k++) product[k * n + k] = 1;
  for (const [k, { v, scale }] of [...reflections.entries()].toReversed()) {
    const first = k + 1;
    const sums = new Float64Array(n - first);
    const row = (i: number) => product.subarray((first + i) * n + first, (first + i + 1) * n);
    for (let i = 0; i < v.length; i++) add(sums, row(i), v[i]!);
    for (let i = 0; i < v.length; i++) add(row(i), sums, -scale * v[i]!);
  }
  return product;
}

/** Makes `beside` vanish; the rows of `rotation` turn along. */
function diagonalise(diagonal: Float64Array, beside: Float64Array, rotation: Float64Array, n: number): void {
  for (let end = n - 1; end > 0;) {
    if (isNothing(end - 1)) {
      beside[end - 1] = 0;
      end -= 1;
      continue;
    }
    let start = end - 1;
    while (start > 0 && !isNothing(start - 1)) start -= 1;
    step(start, end);
  }

  function isNothing(k: number): boolean {
    return Math.abs(beside[k]!) <= Number.EPSILON * (Math.abs(diagonal[k]!) + Math.abs(diagonal[k + 1]!));
  }

  /** One step on the block from `start` to `end`: a bulge is made at its top and chased out at its bottom. */
  function step(start: number, end: number): void {
    const last = beside[end - 1]!;
    const half = (diagonal[end - 1]! - diagonal[end]!) / 2;
    const shift = diagonal[end]! - last ** 2 / (half + (half < 0 ? -1 : 1) * Math.hypot(half, last));
    let [x, bulge] = [diagonal[start]! - shift, beside[start]!];
    for (let k = start; k < end; k++) {
      const length = Math.hypot(x, bulge);
      const [c, s] = length > 0 ? [x / length, bulge / length] : [1, 0];
      if (k > start) beside[k - 1] = length;
      const [a, b, h] = [diagonal[k]!, diagonal[k + 1]!, beside[k]!];
      diagonal[k] = c * c * a + 2 * c * s * h + s * s * b;
      diagonal[k + 1] = s * s * a - 2 * c * s * h + c * c * b;
      beside[k] = c * s * (b - a) + (c * c - s * s) * h;
      x = beside[k]!;
      if (k + 1 < end) {
        bulge = s * beside[k + 1]!;
        beside[k + 1]! *= c;
      }
      turn(rotation.subarray(k * n, (k + 1) * n), rotation.subarray((k + 1) * n, (k + 2) * n), c, s);
    }
  }
}

function turn(a: Float64Array, b: Float64Array, c: number, s: number): void {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    a[i] = c * x + s * y;
    b[i] = c * y - s * x;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function add(to: Float64Array, what: Float64Array, times: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += times * what[i]!;
}

function transposed(matrix: Float64Array, n: number): Float64Array {
  return matrix.map((_, at) => matrix[(at % n) * n + Math.floor(at / n)]!);
}
