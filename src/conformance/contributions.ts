import type { Clipping, Phase } from '../../privacy/index.ts';
import type { Span } from './noise-tests.ts';
import type { Stage } from './stage.ts';
import type { Verdicts } from './verdicts.ts';

/** How much less than planned a unit may be clipped: rounding of norms and sums, far below any mistake. */
const slack = 0.01;
/** Norms err on the high side, by more where much cancels: a unit may be clipped this much more than planned. */
const excess = 0.5;
/** Share of a gradient below which a part of it may be rounding alone. */
const rounding = 1e-4;
/** The run clips to 2^-10 below the norm that it promises, so that rounding never reaches the promise. */
export const strict = 1 + 1e-6;

/** A unit's gradient without clipping and noise. */
export interface Gradient {
  readonly unit: number;
  readonly values: Float32Array;
  readonly norm: number;
}

/**
 * A unit's contribution is its gradient times one factor for each group that is clipped together, and that factor is the
 * planned one: no tensor is left out, none is left unclipped, and the sum was divided by the planned constant.
 */
export function compareContribution(
  { spans }: Stage,
  verdicts: Verdicts,
  { clipping, clipThreshold, name: phase }: Phase,
  gradient: Float32Array,
  sum: Float32Array,
): void {
  const groups = groupsOf(spans, clipping);
  const whole = lengthOf(gradient);
  for (const group of groups) {
    const [squares, product] = [inner(gradient, gradient, group), inner(gradient, sum, group)];
    const added = inner(sum, sum, group);
    verdicts.clipping.must(
      `a group is clipped to its share in phase ${phase}`,
      added <= (strict * clipping.norm) ** 2 / groups.length,
    );
    // Where everything cancels, as in the bias of an attention's keys, a gradient is rounding and has no direction.
    if (squares <= (rounding * whole) ** 2) continue;
    const factor = product / squares;
    const planned = factorFor(Math.sqrt(squares), clipping, clipThreshold, groups.length);
    verdicts.clipping.must(`a unit is clipped as planned in phase ${phase}`, factor <= (1 + slack) * planned);
    verdicts.divisor.must(
      `a unit counts as planned in phase ${phase}`,
      factor >= (1 - excess) * planned && factor <= (1 + slack) * planned,
    );
    for (const span of group) {
      let [off, size] = [0, 0];
      for (let i = span.start; i < span.end; i++) {
        off += (sum[i]! - factor * gradient[i]!) ** 2;
        size += (factor * gradient[i]!) ** 2;
      }
      verdicts.coverage.must(
        `${span.name} is clipped as a part of the whole in phase ${phase}`,
        Math.sqrt(off) <= 2 * slack * Math.sqrt(size) + rounding * clipping.norm,
      );
    }
  }
}

/** Tensors that are clipped together: all, or those of one module. */
function groupsOf(spans: readonly Span[], { kind }: Clipping): Span[][] {
  if (kind !== 'per-layer') return [[...spans]];
  const groups = new Map<string, Span[]>();
  for (const span of spans) {
    const module = span.name.slice(0, Math.max(0, span.name.lastIndexOf('.'))) || span.name;
    groups.set(module, [...(groups.get(module) ?? []), span]);
  }
  return [...groups.values()];
}

/** By the definition of the clipping rule, in float64. */
function factorFor(length: number, clipping: Clipping, norm: number, groups: number): number {
  const bound = norm / Math.sqrt(groups);
  return clipping.kind === 'automatic' ? bound / (length + clipping.gamma) : Math.min(1, bound / length);
}

/** L2 norm. */
export function lengthOf(values: ArrayLike<number>): number {
  let square = 0;
  for (let i = 0; i < values.length; i++) square += values[i]! ** 2;
  return Math.sqrt(square);
}

/** The inner product over some tensors. */
function inner(a: Float32Array, b: Float32Array, spans: readonly Span[]): number {
  let product = 0;
  for (const { start, end } of spans) for (let i = start; i < end; i++) product += a[i]! * b[i]!;
  return product;
}

/** L2 norm of the difference. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let square = 0;
  for (let i = 0; i < a.length; i++) square += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(square);
}
