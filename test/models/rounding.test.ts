import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { createOnnxEngine } from '../../src/engines/index.ts';
import { openModel } from '../../src/formats/index.ts';
import { privateGradient } from '../../src/graph/index.ts';
import {
  architectureOf,
  buildNetwork,
  feedsOf,
  loadParameters,
  restoredWeight,
  roundable,
  roundWeight,
  tensorsOf,
  trainableNames,
  type Network,
  type ParameterValues,
} from '../../src/models/index.ts';
import { goldenBatch } from './export-cases.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const golden = JSON.parse(readFileSync(here('../golden/models/rounding.json'), 'utf8')) as {
  rank: number;
  alpha: number;
  clip: number;
  models: Record<
    string,
    {
      targets: string[];
      /** SHA-256 of the whole numbers and of the scales. */
      weights: Record<string, [string, string]>;
      logits: number[];
      norms: number[];
      sums: Record<string, number[]>;
    }
  >;
};
const networks = JSON.parse(readFileSync(here('../golden/models/networks.json'), 'utf8')) as {
  models: Record<string, { causal?: { labels: number[] } }>;
};

const engine = await createOnnxEngine({ threads: 1 });
afterAll(() => engine.dispose());

const digest = ({ buffer, byteOffset, byteLength }: NodeJS.ArrayBufferView): string =>
  createHash('sha256')
    .update(Buffer.from(buffer, byteOffset, byteLength))
    .digest('hex');

/** The factors that the golden script makes, too. */
function sines(name: string, length: number): Float32Array {
  return Float32Array.from({ length }, (_, k) => 0.2 * Math.sin(name.length + k));
}

async function roundedModel(model: string) {
  const { targets } = golden.models[model]!;
  const opened = await openModel(here(`../golden/models/${model}`));
  const architecture = architectureOf(opened.config);
  const { causal } = networks.models[model]!;
  const task = causal
    ? ({ task: 'causal-lm' } as const)
    : ({ task: 'single-label', labels: 3, head: 'pooler' } as const);
  const lora = { rank: golden.rank, alpha: golden.alpha, dropout: 0, targets };
  const common = { architecture, ...task, lora };
  const { params } = buildNetwork(common);
  const trainable = trainableNames(params, { method: 'lora' }).filter((name) => name.includes('lora_'));
  const int8 = roundable(params, new Set(trainable));
  const { values } = await loadParameters(opened.weights, {
    architecture,
    params,
    rng: reproducibleRng(1),
    head: 'checkpoint',
  });
  await opened.close();
  const labels = causal ? Int32Array.from(causal.labels) : Int32Array.of(2, 0, 1);
  const network = (to: 'loss' | 'logits', isRounded = true): Network =>
    buildNetwork({ ...common, to, ...(isRounded && { int8 }) });
  return {
    network,
    trainable,
    int8,
    values,
    batch: { ...goldenBatch(model), labels },
    decoder: causal !== undefined,
  };
}

async function logitsOf(network: Network, values: ParameterValues, batch: Parameters<typeof feedsOf>[1]) {
  await engine.write(tensorsOf(network.params, values));
  const program = await engine.load(network.graph);
  const { data } = (await program.run(feedsOf(network, batch)))['logits']!;
  await program.dispose();
  return data as Float32Array;
}

/** Largest difference relative to the larger of 1 and the expected value. */
const errorOf = (found: ArrayLike<number>, expected: readonly number[]): number =>
  found.length === expected.length
    ? expected.reduce(
        (worst, value, at) => Math.max(worst, Math.abs(value - found[at]!) / Math.max(1, Math.abs(value))),
        0,
      )
    : Infinity;

describe("a base in 8 bits equals PyTorch's", () => {
  it.each(Object.keys(golden.models))('%s: whole numbers and scales, to the bit', async (model) => {
    const { network, int8, values } = await roundedModel(model);
    const found = network('loss').params.flatMap((spec) => {
      if (spec.int8 === undefined) return [];
      const { rounded, scales } = roundWeight({ ...spec, int8: spec.int8 }, values.get(spec.name)!);
      return [[spec.name, [digest(rounded), digest(scales)]]] as const;
    });
    expect(Object.fromEntries(found)).toEqual(golden.models[model]!.weights);
    expect(int8).toEqual(new Set(Object.keys(golden.models[model]!.weights)));
  });

  it.each(Object.keys(golden.models))('%s: logits, which are not those of float32', async (model) => {
    const { network, values, batch, decoder } = await roundedModel(model);
    const logits = await logitsOf(network('logits'), values, batch);
    const { mask, tokens, records } = batch;
    const width = logits.length / (decoder ? records * tokens : records);
    const kept = decoder ? logits.filter((_, at) => mask![Math.floor(at / width)] === 1) : logits;
    expect(errorOf(kept, golden.models[model]!.logits)).toBeLessThan(1e-5);
    const exact = await logitsOf(network('logits', false), values, batch);
    expect(errorOf(exact, [...logits])).toBeGreaterThan(1e-3);
  });

  it.each(Object.keys(golden.models))("%s: every record's gradient of the adapters (G2)", async (model) => {
    const { network, trainable, values, batch } = await roundedModel(model);
    const { params, graph } = network('loss');
    for (const name of trainable) values.set(name, sines(name, values.get(name)!.length));
    await engine.write(tensorsOf(params, values));
    const program = await engine.loadGradient(
      privateGradient({
        network: graph,
        loss: 'loss',
        trainable,
        clipping: { kind: 'flat', norm: golden.clip },
        sizes: { tokens: batch.tokens },
      }),
    );
    await program.add(feedsOf(network('loss'), batch));
    const { norms, sums } = await engine.take();
    await program.dispose();
    const expected = golden.models[model]!;
    expect(errorOf(norms[0]!, expected.norms)).toBeLessThan(1e-4);
    expect(Object.keys(sums).toSorted()).toEqual(Object.keys(expected.sums).toSorted());
    for (const [name, sum] of Object.entries(expected.sums)) {
      expect(errorOf(sums[name]!, sum)).toBeLessThan(1e-5);
      expect(Math.max(...sum.map(Math.abs))).toBeGreaterThan(1e-3);
    }
  });
});

describe('rounding a weight', () => {
  const shape = [2, 4];
  const spec = { name: 'w', shape, int8: 'out-in' } as const;

  test('one scale for each output; ties to even; a row of zeros has scale 1', () => {
    const values = Float32Array.of(127, 0.5, 1.5, -2.5, 0, 0, 0, 0);
    expect(roundWeight(spec, values)).toEqual({
      rounded: Int8Array.of(127, 0, 2, -2, 0, 0, 0, 0),
      scales: Float32Array.of(1, 1),
    });
  });

  test('in-out: the outputs are the columns, and come first', () => {
    const values = Float32Array.of(127, 0, 1, 254, 2, 0, -127, 2);
    const rounded = roundWeight({ ...spec, int8: 'in-out' }, values);
    expect(rounded).toEqual({
      rounded: Int8Array.of(127, 2, 0, 0, 1, -127, 127, 1),
      scales: Float32Array.of(1, 1, 1, 2),
    });
    expect(restoredWeight({ shape, int8: 'in-out' }, rounded)).toEqual(values);
  });

  test.each(['out-in', 'in-out'] as const)('%s: no number moves by more than half a scale', (int8) => {
    const rng = reproducibleRng('rounding');
    const size = [16, 24];
    const values = Float32Array.from({ length: 384 }, () => rng.normal());
    const rounded = roundWeight({ name: 'w', shape: size, int8 }, values);
    const restored = restoredWeight({ shape: size, int8 }, rounded);
    const moves = values.map((value, at) => {
      const output = int8 === 'out-in' ? Math.floor(at / 24) : at % 24;
      return Math.abs(value - restored[at]!) / rounded.scales[output]!;
    });
    expect(Math.max(...moves)).toBeLessThan(0.50001);
    expect(Math.max(...moves)).toBeGreaterThan(0.45);
    // Rounded once, a weight stays: nothing drifts when a released model is opened again.
    const again = roundWeight({ name: 'w', shape: size, int8 }, restored);
    expect(again.rounded).toEqual(rounded.rounded);
  });

  test('a scale too small for float32 wraps nothing around', () => {
    const tiny = 2 ** -149;
    const { rounded } = roundWeight({ ...spec, shape: [1, 2] }, Float32Array.of(190 * tiny, -190 * tiny));
    expect(rounded).toEqual(Int8Array.of(127, -127));
  });

  test.each([NaN, Infinity, -Infinity])('%s is refused, not hidden', (value) => {
    expect(() => roundWeight(spec, Float32Array.of(1, value, 0, 0, 0, 0, 0, 0))).toThrow(
      /parameter w: holds (NaN|Infinity), must be finite/,
    );
  });
});

test('what trains cannot be in 8 bits (G4)', async () => {
  const { network, int8 } = await roundedModel('bert');
  const [frozen] = int8;
  expect(() =>
    privateGradient({
      network: network('loss').graph,
      loss: 'loss',
      trainable: [frozen!],
      clipping: { kind: 'flat', norm: 1 },
      sizes: { tokens: 8 },
    }),
  ).toThrow(`trainable=${frozen!}: no per-unit gradient rule covers its use by linearInt8`);
});

test('tables, norms, biases, heads and what trains are not rounded', async () => {
  const { network } = await roundedModel('llama');
  const { params } = network('loss');
  const names = [...roundable(params, new Set(['model.layers.0.mlp.up_proj.weight']))];
  expect(names).toContain('lm_head.weight');
  expect(names).toContain('model.layers.1.mlp.up_proj.weight');
  expect(names.filter((name) => /embed|norm|lora|layers\.0\.mlp\.up_proj/.test(name))).toEqual([]);
});
