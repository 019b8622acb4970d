import type { GradientGraph } from '../../src/graph/index.ts';
import { interpret, type Dense, type DenseInput } from './interpreter.ts';

export interface Gradient {
  readonly sums: Readonly<Record<string, readonly number[]>>;
  readonly norms: readonly number[];
  readonly losses: readonly number[];
}

/** What an engine would accumulate, in float64. */
export function runGradient(
  { graph, sums, norms, losses }: GradientGraph,
  inputs: Readonly<Record<string, DenseInput>>,
  params: Readonly<Record<string, DenseInput>>,
): Gradient {
  const outputs = interpret(graph, inputs, params);
  const totals: Record<string, number[]> = {};
  for (const sum of sums) {
    const total = (totals[sum.param] ??= Array.from(params[sum.param]!.data, () => 0));
    if (sum.kind === 'dense') outputs[sum.output]!.data.forEach((x, i) => (total[i]! += x));
    else addRows(total, outputs[sum.ids]!, outputs[sum.rows]!);
  }
  return { sums: totals, norms: Array.from(outputs[norms]!.data), losses: Array.from(outputs[losses]!.data) };
}

function addRows(total: number[], ids: Dense, rows: Dense): void {
  const width = rows.dims[1]!;
  rows.data.forEach((x, i) => (total[ids.data[Math.floor(i / width)]! * width + (i % width)]! += x));
}

/** ||a - b|| relative to the larger of ||b|| and `floor`. */
export function relativeError(a: readonly number[], b: readonly number[], floor = 0): number {
  if (a.length !== b.length) return Infinity;
  const distance = Math.hypot(...a.map((x, i) => x - b[i]!));
  return distance === 0 ? 0 : distance / Math.max(Math.hypot(...b), floor);
}

/** All parameters' numbers, in the order of `names`. */
export function flatten(sums: Gradient['sums'], names: readonly string[]): number[] {
  return names.flatMap((name) => sums[name]!);
}
