import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { createOnnxEngine, type Taken } from '../../src/engines/index.ts';
import { openModel } from '../../src/formats/index.ts';
import { privateGradient, type Clipping } from '../../src/graph/index.ts';
import {
  architectureOf,
  buildNetwork,
  feedsOf,
  loadParameters,
  tensorsOf,
  trainableNames,
  type Batch,
  type Network,
  type ParameterValues,
  type Trainable,
} from '../../src/models/index.ts';
import { exportCases, goldenBatch, trainedClassifier } from './export-cases.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
interface Gradients {
  clip: number;
  norms: number[];
  /** Per parameter of the clipped sum: L2 norm, first and last value. */
  sums: Record<string, [number, number, number]>;
}
const golden = JSON.parse(readFileSync(here('../golden/models/networks.json'), 'utf8')) as {
  models: Record<string, { gradients: Gradients; causal?: { labels: number[] } }>;
};
const adapters = JSON.parse(readFileSync(here('../golden/models/exports.json'), 'utf8')) as {
  exports: Record<string, { gradientNorms: number[] }>;
};

const engine = await createOnnxEngine({ threads: 2 });
afterAll(() => engine.dispose());

async function gradientOf(
  network: Network,
  values: ParameterValues,
  batch: Batch,
  trainable: readonly string[],
  norm: number,
): Promise<Taken> {
  await engine.write(tensorsOf(network.params, values));
  const clipping: Clipping = { kind: 'flat', norm };
  const request = {
    network: network.graph,
    loss: 'loss',
    trainable,
    clipping,
    sizes: { tokens: batch.tokens },
  };
  const program = await engine.loadGradient(privateGradient(request));
  await program.add(feedsOf(network, batch));
  const taken = await engine.take();
  await program.dispose();
  return taken;
}

/** Largest difference relative to the larger of 1 and the expected value. */
const relativeError = (found: ArrayLike<number>, expected: readonly number[]) =>
  expected.reduce(
    (worst, value, at) => Math.max(worst, Math.abs(value - found[at]!) / Math.max(1, Math.abs(value))),
    0,
  );

describe("every record's gradient over all parameters equals PyTorch's of transformers (G2)", () => {
  it.each(Object.entries(golden.models))('%s', async (model, { gradients, causal }) => {
    const opened = await openModel(here(`../golden/models/${model}`));
    const architecture = architectureOf(opened.config);
    const task = causal
      ? ({ task: 'causal-lm' } as const)
      : ({ task: 'single-label', labels: 3, head: 'pooler' } as const);
    const network = buildNetwork({ architecture, ...task });
    const options = {
      architecture,
      params: network.params,
      rng: reproducibleRng(1),
      head: 'checkpoint',
    } as const;
    const { values } = await loadParameters(opened.weights, options);
    await opened.close();
    const trainable = trainableNames(network.params, { method: 'full' });
    const batch = { ...goldenBatch(model), labels: Int32Array.from(causal?.labels ?? [2, 0, 1]) };
    const { norms, sums } = await gradientOf(network, values, batch, trainable, gradients.clip);
    expect(relativeError(norms[0]!, gradients.norms)).toBeLessThan(1e-4);
    expect(Object.keys(sums).toSorted()).toEqual(Object.keys(gradients.sums).toSorted());
    const errors = Object.entries(gradients.sums).map(([name, expected]) => {
      const sum = sums[name]!;
      return relativeError([Math.hypot(...sum), sum[0]!, sum.at(-1)!], expected);
    });
    expect(Math.max(...errors)).toBeLessThan(1e-4);
  });
});

describe("every record's gradient over LoRA factors and head equals peft's (G2)", () => {
  it.each(exportCases)('$name', async ({ name, model, head }) => {
    const { architecture, lora, values } = await trainedClassifier(model, head);
    const network = buildNetwork({
      architecture,
      task: 'single-label',
      labels: 3,
      head,
      lora: { ...lora, dropout: 0 },
    });
    const trainable = trainableNames(network.params, { method: 'lora' });
    const batch = { ...goldenBatch(model), labels: Int32Array.of(2, 0, 1) };
    const { norms } = await gradientOf(network, values, batch, trainable, 1);
    expect(relativeError(norms[0]!, adapters.exports[name]!.gradientNorms)).toBeLessThan(1e-4);
  });
});

describe('a frozen prefix run apart gives the gradients of the whole (G6)', () => {
  const methods: [string, Trainable, number][] = [
    ['the last layer', { method: 'last', layers: 1 }, 1],
    ['the head', { method: 'head' }, 2],
  ];
  it.each(methods)('%s', async (_, trainable, frozen) => {
    const { architecture, values } = await trainedClassifier('bert', 'mean');
    const common = { architecture, task: 'single-label', labels: 3 } as const;
    const whole = buildNetwork(common);
    const names = trainableNames(whole.params, trainable);
    const batch = { ...goldenBatch('bert'), labels: Int32Array.of(2, 0, 1) };
    const expected = await gradientOf(whole, values, batch, names, 0.5);

    const lower = buildNetwork({ ...common, to: frozen === 2 ? 'features' : { layer: frozen } });
    const upper = buildNetwork({ ...common, from: frozen === 2 ? 'features' : { layer: frozen } });
    await engine.write(tensorsOf(lower.params, values));
    const program = await engine.load(lower.graph);
    const data = (await program.run(feedsOf(lower, batch)))[lower.output]!.data as Float32Array;
    await program.dispose();
    const found = await gradientOf(upper, values, { ...batch, [lower.output]: data }, names, 0.5);
    expect(Object.keys(found.sums).toSorted()).toEqual(names.toSorted());
    const errors = names.map((name) => relativeError(found.sums[name]!, [...expected.sums[name]!]));
    expect(Math.max(...errors, relativeError(found.norms[0]!, [...expected.norms[0]!]))).toBeLessThan(1e-5);
  });
});
