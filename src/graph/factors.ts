import { InvalidParameterError } from '../../privacy/errors.ts';
import type { Clipping } from '../../privacy/index.ts';
import type { GraphBuilder } from './builder.ts';
import type { Value } from './ir.ts';

export interface Clipped {
  /** The norm of each unit's whole gradient before clipping, [units]; not finite where its square is not. */
  readonly norms: Value;
  /** The factor of each unit's gradient, [units], by parameter. */
  readonly factors: ReadonlyMap<string, Value>;
}

/**
 * The factors that bound each unit's gradient g, all parameters together, by the clipping norm C.
 *   flat: min(1, C / ||g||)
 *   per-layer: the same for each of L layers with C / sqrt(L); a layer is the parameters of one module, those whose
 *     names agree up to their last dot
 *   automatic: C / (||g|| + gamma), AUTO-S (Bu et al., arXiv:2206.07136v3, section 4)
 * A square that overflowed, is NaN, or through rounding is negative, gives a norm that is not finite: such a unit is
 * dropped, never clipped by a wrong factor (G3).
 * @param squares - the squared norm of each parameter's gradient, [units], by name
 */
export function clipFactors(
  b: GraphBuilder,
  squares: ReadonlyMap<string, Value>,
  clipping: Clipping,
): Clipped {
  checkPositive('clipping.norm', clipping.norm);
  if (clipping.kind === 'automatic') checkPositive('clipping.gamma', clipping.gamma);
  const names = [...squares.keys()];
  const layers = clipping.kind === 'per-layer' ? [...new Set(names.map(layerOf))] : undefined;
  const groups = layers?.map((layer) => names.filter((name) => layerOf(name) === layer)) ?? [names];
  const bound = clipping.norm / Math.sqrt(groups.length);

  const factors = new Map<string, Value>();
  const groupNorms = groups.map((group) =>
    rootOfSum(
      b,
      group.map((name) => squares.get(name)!),
    ),
  );
  groups.forEach((group, i) => {
    const norms = groupNorms[i]!;
    const factor =
      clipping.kind === 'automatic'
        ? b.div(b.scalar(bound), b.affine(norms, 1, clipping.gamma))
        : b.minimum(b.div(b.scalar(bound), norms), b.scalar(1));
    group.forEach((name) => factors.set(name, factor));
  });
  const norms =
    layers === undefined
      ? groupNorms[0]!
      : rootOfSum(
          b,
          groupNorms.map((n) => b.mul(n, n)),
        );
  return { norms, factors };
}

function layerOf(param: string): string {
  const dot = param.lastIndexOf('.');
  return dot < 0 ? param : param.slice(0, dot);
}

function rootOfSum(b: GraphBuilder, values: readonly Value[]): Value {
  return b.sqrt(values.reduce((sum, value) => b.add(sum, value)));
}

function checkPositive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new InvalidParameterError(`${name}=${value}: must be a finite number > 0; 1 is a usual value`);
  }
}
