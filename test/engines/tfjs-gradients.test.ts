import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine, Taken, Tensor, Tensors } from '../../src/engines/engine.ts';
import { createTfjsEngine } from '../../src/engines/tfjs/engine.ts';
import { plainGradient, privateGradient } from '../../src/graph/index.ts';
import type { GradientGraph } from '../../src/graph/index.ts';
import { type GradientCase, gradientCases, modelCases, opCases, ruleSizes } from '../support/cases.ts';
import { relativeError } from '../support/sums.ts';
import { backendsHere } from './tfjs-backends.ts';

/** Of float32 against PyTorch's float64. */
const tolerance = 1e-5;

const backends = await backendsHere();
const named = (cases: readonly GradientCase[]) => cases.map((golden) => [golden.name, golden] as const);

function clipped(
  { request, expected }: GradientCase,
  kind = 'flat',
  rule: keyof typeof ruleSizes = 'ghost',
): GradientGraph {
  const clipping = { kind: kind as 'flat', norm: expected.clipNorm, gamma: 0.01 };
  return privateGradient({ ...request, clipping, sizes: ruleSizes[rule] });
}

async function run(
  engine: Engine,
  gradient: GradientGraph,
  params: Tensors,
  ...batches: Tensors[]
): Promise<Taken> {
  await engine.write(params);
  const program = await engine.loadGradient(gradient);
  // A golden's inputs are those of its model; an architecture may need fewer.
  const used = (inputs: Tensors) =>
    Object.fromEntries(gradient.graph.inputs.map(({ name }) => [name, inputs[name]!]));
  await Promise.all(batches.map((inputs) => program.add(used(inputs))));
  const taken = await engine.take();
  await program.dispose();
  return taken;
}

/** The largest error of any sum, relative to it, or to a thousandth of all where it is 0 but for rounding. */
function errorOf(sums: Taken['sums'], wanted: Readonly<Record<string, ArrayLike<number>>>): number {
  expect(Object.keys(sums).sort()).toEqual(Object.keys(wanted).sort());
  const scale = Math.hypot(...Object.values(wanted).map((sum) => Math.hypot(...Array.from(sum))));
  return Math.max(
    ...Object.entries(wanted).map(([name, sum]) =>
      relativeError(Array.from(sums[name]!), Array.from(sum), 1e-2 * scale),
    ),
  );
}

/** Inputs of some units alone. An input with an axis of records or units first belongs to them; others are shared. */
function unitsOf(
  { graph }: GradientGraph,
  inputs: Tensors,
  units: number,
  from: number,
  to: number,
): Tensors {
  return Object.fromEntries(
    graph.inputs.map(({ name, value }) => {
      const { dims, data } = inputs[name]!;
      if (!/records|units/.test(String(value.shape[0]))) return [name, { dims, data }];
      const [rows, ...rest] = dims as [number, ...number[]];
      const part = (data.length / units) | 0;
      return [
        name,
        { dims: [(rows / units) * (to - from), ...rest], data: data.slice(from * part, to * part) },
      ];
    }),
  );
}

describe.each(backends)('tfjs %s', (backend) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createTfjsEngine({ backend });
  });
  afterAll(() => engine.dispose());

  test.each(named(gradientCases))('PyTorch gradients: %s', async (_name, golden) => {
    const { request, inputs, params, expected } = golden;
    const plain = await run(engine, plainGradient(request), params, inputs);
    expect(relativeError(Array.from(plain.losses[0]!), expected.losses)).toBeLessThan(tolerance);
    expect(errorOf(plain.sums, expected.sums)).toBeLessThan(tolerance);
    for (const [kind, sums] of Object.entries(expected.clipped)) {
      for (const rule of ['ghost', 'direct'] as const) {
        const actual = await run(engine, clipped(golden, kind, rule), params, inputs);
        expect(relativeError(Array.from(actual.norms[0]!), expected.norms)).toBeLessThan(tolerance);
        expect(errorOf(actual.sums, sums)).toBeLessThan(tolerance);
      }
    }
  });

  test.each(named(modelCases))('G6 one unit at a time gives the same sums: %s', async (_name, golden) => {
    const { inputs, params, expected } = golden;
    const gradient = clipped(golden);
    const units = expected.norms.length;
    const whole = await run(engine, gradient, params, inputs);
    const single = Array.from({ length: units }, (_, at) => unitsOf(gradient, inputs, units, at, at + 1));
    const parts = await run(engine, gradient, params, ...single);
    expect(errorOf(parts.sums, whole.sums)).toBeLessThan(2e-6);
    expect(parts.norms).toHaveLength(units);
    expect(
      relativeError(
        parts.norms.map((norms) => norms[0]!),
        Array.from(whole.norms[0]!),
      ),
    ).toBeLessThan(2e-6);
  });

  test.each(named(modelCases))(
    'G5 the other units stay bit-equal when one changes: %s',
    async (_name, golden) => {
      const { inputs, params, expected } = golden;
      const gradient = clipped(golden);
      const units = expected.norms.length;
      const [before] = (await run(engine, gradient, params, inputs)).norms;
      // Unit 0 gets unit 1's numbers.
      const second = unitsOf(gradient, inputs, units, 1, 2);
      const moved = Object.fromEntries(
        Object.entries(second).map(([name, other]): [string, Tensor] => {
          const tensor = inputs[name]!;
          if (other.data.length === tensor.data.length) return [name, tensor];
          const data = tensor.data.slice();
          data.set(other.data, 0);
          return [name, { dims: tensor.dims, data }];
        }),
      );
      const [after] = (await run(engine, gradient, params, moved)).norms;
      expect(after![0]).not.toBe(before![0]);
      expect(after!.slice(1)).toEqual(before!.slice(1));
    },
  );

  const withFloats = opCases.filter(({ inputs }) => inputs['x']?.data instanceof Float32Array);
  test.each(named(withFloats))(
    'G3 a non-finite unit moves the sums by at most C: %s',
    async (_name, golden) => {
      const { inputs, params, expected } = golden;
      const gradient = clipped(golden);
      const units = expected.norms.length;
      const rest = unitsOf(gradient, inputs, units, 1, units);
      const wanted = await run(engine, gradient, params, rest);
      for (const poison of [NaN, 3e38]) {
        const x = { dims: inputs['x']!.dims, data: inputs['x']!.data.slice() };
        x.data.fill(poison, 0, x.data.length / units);
        const first = await run(engine, gradient, params, { ...inputs, x });
        const isFinite = first.norms[0]!.every(Number.isFinite);
        const norm = Math.hypot(...Object.values(first.sums).map((sum) => Math.hypot(...sum)));
        expect(norm).toBeLessThanOrEqual(isFinite ? units * expected.clipNorm * (1 + 1e-5) : 0);
        // As the trainer does: a batch that came back non-finite is added again without those units.
        const { sums } = isFinite ? first : await run(engine, gradient, params, rest);
        const moved = Math.hypot(
          ...Object.entries(sums).flatMap(([name, sum]) =>
            Array.from(sum, (v, i) => v - wanted.sums[name]![i]!),
          ),
        );
        expect(moved).toBeLessThanOrEqual(expected.clipNorm * (1 + 1e-5));
      }
    },
  );
});
