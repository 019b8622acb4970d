import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine, Taken, Tensor, Tensors } from '../../src/engines/index.ts';
import { plainGradient, privateGradient } from '../../src/graph/index.ts';
import type { GradientGraph } from '../../src/graph/index.ts';
import { type GradientCase, gradientCases, modelCases, opCases, ruleSizes } from '../support/cases.ts';
import { relativeError } from '../support/sums.ts';

/** Of float32 against PyTorch's float64. */
const tolerance = 1e-5;

export const named = (cases: readonly GradientCase[]) =>
  cases.map((golden) => [golden.name, golden] as const);

/** The private gradient of a case with its clipping norm. */
export function clipped(
  { request, expected }: GradientCase,
  kind = 'flat',
  rule: keyof typeof ruleSizes = 'ghost',
): GradientGraph {
  const clipping = { kind: kind as 'flat', norm: expected.clipNorm, gamma: 0.01 };
  return privateGradient({ ...request, clipping, sizes: ruleSizes[rule] });
}

/** What the engine takes after these micro-batches, added without waiting. */
export async function run(
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

/** The largest error of any sum, relative to it, or to a hundredth of all where it is 0 but for rounding. */
export function errorOf(sums: Taken['sums'], wanted: Readonly<Record<string, ArrayLike<number>>>): number {
  expect(Object.keys(sums).sort()).toEqual(Object.keys(wanted).sort());
  const scale = Math.hypot(...Object.values(wanted).map((sum) => Math.hypot(...Array.from(sum))));
  const errors = Object.entries(wanted).map(([name, sum]) =>
    relativeError(Array.from(sums[name]!), Array.from(sum), 1e-2 * scale),
  );
  return Math.max(...errors);
}

/** Inputs of some units alone. An input with an axis of records or units first belongs to them; others are shared. */
export function unitsOf(
  { graph }: GradientGraph,
  inputs: Tensors,
  units: number,
  from: number,
  to: number,
): Tensors {
  const part = (name: string, { dims, data }: Tensor, first: unknown): [string, Tensor] => {
    if (!/records|units/.test(String(first))) return [name, { dims, data }];
    const [rows, ...rest] = dims as [number, ...number[]];
    const size = data.length / units;
    return [
      name,
      { dims: [(rows / units) * (to - from), ...rest], data: data.slice(from * size, to * size) },
    ];
  };
  return Object.fromEntries(graph.inputs.map(({ name, value }) => part(name, inputs[name]!, value.shape[0])));
}

/** The same records with more padding on the right: masked out, without targets. */
function padded({ graph }: GradientGraph, inputs: Tensors, more: number): Tensors {
  const pad = (name: string, { dims, data }: Tensor, axis: number): Tensor => {
    if (axis < 0) return { dims, data };
    const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
    const [from, to] = [dims[axis]! * inner, (dims[axis]! + more) * inner];
    const wide = new (data.constructor as Float32ArrayConstructor)((data.length / from) * to);
    if (name === 'labels') wide.fill(-1);
    for (let row = 0; row < data.length / from; row++) {
      wide.set(data.subarray(row * from, (row + 1) * from), row * to);
    }
    return { dims: dims.with(axis, dims[axis]! + more), data: wide };
  };
  return Object.fromEntries(
    graph.inputs.map(({ name, value }) => [name, pad(name, inputs[name]!, value.shape.indexOf('tokens'))]),
  );
}

/** What any engine must do with every golden gradient. */
export function describeGradients(engineName: string, start: () => Promise<Engine>): void {
  describe(`gradients of ${engineName}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await start();
    });
    afterAll(() => engine.dispose());

    test.each(named(gradientCases))('G2 PyTorch gradients and norms: %s', async (_name, golden) => {
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
      const norms = parts.norms.map((each) => each[0]!);
      expect(relativeError(norms, Array.from(whole.norms[0]!))).toBeLessThan(2e-6);
    });

    // The decoders' goldens are as long as their models allow.
    const encoders = modelCases.filter(({ name }) => name.includes('bert'));
    test.each(named(encoders))('G6 more padding gives the same sums: %s', async (_name, golden) => {
      const { inputs, params } = golden;
      const gradient = clipped(golden);
      const before = await run(engine, gradient, params, inputs);
      const after = await run(engine, gradient, params, padded(gradient, inputs, 1));
      expect(errorOf(after.sums, before.sums)).toBeLessThan(2e-6);
    });

    test.each(named(modelCases))(
      'G5 other units stay bit-equal when one changes: %s',
      async (_name, golden) => {
        const { inputs, params, expected } = golden;
        const gradient = clipped(golden);
        const units = expected.norms.length;
        const [before] = (await run(engine, gradient, params, inputs)).norms;
        // Unit 0 gets unit 1's numbers.
        const second = unitsOf(gradient, inputs, units, 1, 2);
        const moved: Record<string, Tensor> = {};
        for (const [input, { data: other }] of Object.entries(second)) {
          const tensor = inputs[input]!;
          const data = tensor.data.slice();
          if (other.length < data.length) data.set(other, 0);
          moved[input] = { dims: tensor.dims, data };
        }
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
          const isNothing = Object.values(first.sums).every((sum) => sum.every((v) => v === 0));
          expect(isFinite || isNothing).toBe(true);
          // As the trainer does: a micro-batch that came back non-finite is added again without those units.
          const { sums } = isFinite ? first : await run(engine, gradient, params, rest);
          const moved = Object.entries(sums).flatMap(([param, sum]) =>
            Array.from(sum, (v, i) => v - wanted.sums[param]![i]!),
          );
          expect(Math.hypot(...moved)).toBeLessThanOrEqual(expected.clipNorm * (1 + 1e-5));
        }
      },
    );
  });
}
