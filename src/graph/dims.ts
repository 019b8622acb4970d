import { InvalidParameterError } from '../../privacy/errors.ts';
import type { Dim, Shape } from './ir.ts';

/** A dimension as factor times a sorted list of symbol names, repeated where squared. */
interface Monomial {
  readonly factor: number;
  readonly names: readonly string[];
}

function parse(dim: Dim): Monomial {
  if (typeof dim === 'number') return { factor: dim, names: [] };
  const parts = dim.split('*');
  const head = parts[0]!;
  return /^\d+$/.test(head) ? { factor: Number(head), names: parts.slice(1) } : { factor: 1, names: parts };
}

function print({ factor, names }: Monomial): Dim {
  if (factor === 0 || names.length === 0) return factor;
  const sorted = [...names].sort().join('*');
  return factor === 1 ? sorted : `${factor}*${sorted}`;
}

/** The canonical form of a dimension: names sorted, one leading factor. Throws where it is malformed or negative. */
export function canonicalDim(dim: Dim): Dim {
  const { factor, names } = parse(dim);
  const valid = Number.isSafeInteger(factor) && factor >= 0 && names.every((n) => /^[A-Za-z_]\w*$/.test(n));
  if (!valid) {
    throw new InvalidParameterError(
      `dimension=${dim}: must be a whole number >= 0, a name, or their product; write it as '2*records*tokens'`,
    );
  }
  return print({ factor, names });
}

/** The product of dimensions; 1 for none. */
export function productDim(dims: Shape): Dim {
  let factor = 1;
  const names: string[] = [];
  for (const dim of dims) {
    const part = parse(dim);
    factor *= part.factor;
    names.push(...part.names);
  }
  return print({ factor, names });
}

/** a / b where that is a dimension again, else undefined. */
export function quotientDim(a: Dim, b: Dim): Dim | undefined {
  const over = parse(b);
  const { factor, names } = parse(a);
  const left = [...names];
  for (const name of over.names) {
    const at = left.indexOf(name);
    if (at < 0) return undefined;
    left.splice(at, 1);
  }
  if (over.factor === 0 || factor % over.factor !== 0) return undefined;
  return print({ factor: factor / over.factor, names: left });
}

/** a + sign * b where both have the same symbols (or one is 0), else undefined. */
export function sumDim(a: Dim, b: Dim, sign: 1 | -1 = 1): Dim | undefined {
  if (b === 0) return a;
  const left = parse(a);
  const right = parse(b);
  if (a !== 0 && left.names.join('*') !== right.names.join('*')) return undefined;
  const factor = left.factor + sign * right.factor;
  return factor < 0 ? undefined : print({ factor, names: right.names });
}

/** The names in a dimension. */
export function symbolsOf(dim: Dim): readonly string[] {
  return parse(dim).names;
}

/** Replaces names by dimensions. */
export function substituteDim(dim: Dim, replacements: Readonly<Record<string, Dim>>): Dim {
  const { factor, names } = parse(dim);
  return productDim([factor, ...names.map((name) => replacements[name] ?? name)]);
}

/** The number that a dimension stands for, given the size of each symbol. */
export function evaluateDim(dim: Dim, sizes: Readonly<Record<string, number>>): number {
  const { factor, names } = parse(dim);
  return names.reduce((product, name) => {
    const size = sizes[name];
    if (size === undefined) {
      throw new InvalidParameterError(`sizes.${name}=undefined: dimension ${dim} needs it; give its size`);
    }
    return product * size;
  }, factor);
}

/** A shape for messages: `[records, tokens, 384]`. */
export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** NumPy broadcasting of two shapes; undefined where they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const dims: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    dims.push(left === 1 ? right : left);
  }
  return dims;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}
