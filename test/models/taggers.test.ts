import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { createOnnxEngine } from '../../src/engines/index.ts';
import { openModel } from '../../src/formats/index.ts';
import { privateGradient } from '../../src/graph/index.ts';
import {
  adapterUsage,
  architectureOf,
  buildNetwork,
  exportedHead,
  feedsOf,
  loadParameters,
  tensorsOf,
  trainableNames,
  type Batch,
  type Network,
  type ParameterValues,
} from '../../src/models/index.ts';
import { goldenBatch } from './export-cases.ts';
import { goldenTags, taggerCases, tagNames, trainedTagger, writeTagger } from './tagger-cases.ts';
import { mergeLora } from '../support/merge.ts';

interface Tagger {
  files: Record<string, string>;
  /** Of the tokens that are no padding. */
  logits: number[];
  adapterLogits: number[];
  norms: number[];
  /** Per parameter of the clipped sum: L2 norm, first and last value. */
  sums: Record<string, [number, number, number]>;
  adapterNorms: number[];
}
const golden = JSON.parse(
  readFileSync(fileURLToPath(new URL('../golden/models/taggers.json', import.meta.url)), 'utf8'),
) as { clip: number; taggers: Record<string, Tagger> };
const directory = mkdtempSync(join(tmpdir(), 'dptune-taggers-'));
const engine = await createOnnxEngine({ threads: 2 });
afterAll(() => engine.dispose());

const batchOf = (model: string): Batch => ({ ...goldenBatch(model), labels: Int32Array.from(goldenTags) });

async function logitsOf(network: Network, values: ParameterValues, batch: Batch): Promise<number[]> {
  await engine.write(tensorsOf(network.params, values));
  const program = await engine.load(network.graph);
  const { data } = (await program.run(feedsOf(network, batch)))[network.output]!;
  await program.dispose();
  const width = tagNames.length;
  return [...data].filter((_, at) => batch.mask![Math.floor(at / width)] === 1);
}

async function gradientOf(network: Network, values: ParameterValues, method: 'full' | 'lora', batch: Batch) {
  await engine.write(tensorsOf(network.params, values));
  const program = await engine.loadGradient(
    privateGradient({
      network: network.graph,
      loss: 'loss',
      trainable: trainableNames(network.params, { method }),
      clipping: { kind: 'flat', norm: golden.clip },
      sizes: { tokens: batch.tokens },
    }),
  );
  await program.add(feedsOf(network, batch));
  const taken = await engine.take();
  await program.dispose();
  return taken;
}

const relativeError = (found: ArrayLike<number>, expected: readonly number[]) =>
  Math.max(...expected.map((value, at) => Math.abs(value - found[at]!) / Math.max(1, Math.abs(value))));

/** The exported model, opened as any other. */
async function openedAgain(model: string) {
  const to = join(directory, model);
  await writeTagger(model, to);
  const opened = await openModel(join(to, 'model'));
  const architecture = architectureOf(opened.config);
  const network = buildNetwork({ architecture, task: 'token-classification', labels: tagNames.length });
  const loaded = await loadParameters(opened.weights, {
    architecture,
    params: network.params,
    rng: reproducibleRng(0),
    head: 'checkpoint',
  });
  await opened.close();
  return { to, config: opened.config, network, architecture, ...loaded };
}

describe.each(taggerCases)('%s as a token classifier', (model) => {
  const { files, logits, adapterLogits, norms, sums, adapterNorms } = golden.taggers[model]!;

  it('is exported as the very files that transformers and peft loaded, and our logits equal theirs', async () => {
    const { to, config } = await openedAgain(model);
    const digests = Object.keys(files).map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(to, path)))
        .digest('hex'),
    ]);
    expect(Object.fromEntries(digests)).toEqual(files);
    expect(exportedHead(config)).toEqual({
      head: 'token',
      task: 'token-classification',
      labelNames: tagNames,
    });
    const { network, values } = await trainedTagger(model);
    const ours = await logitsOf(network, values, batchOf(model));
    expect(relativeError(ours, logits)).toBeLessThan(1e-4);
    expect(relativeError(ours, adapterLogits)).toBeLessThan(1e-4);
    expect(Math.max(...ours.map(Math.abs))).toBeGreaterThan(0.3);
  });

  it('opened again has the very same weights', async () => {
    const { values, fresh, unused } = await openedAgain(model);
    expect({ fresh, unused }).toEqual({ fresh: [], unused: [] });
    const trained = await trainedTagger(model);
    const merged = mergeLora(trained.network.adapted, trained.values, trained.lora);
    for (const [name, data] of values) expect(data).toEqual(merged.get(name));
  });

  it("has every record's gradient of PyTorch's vmap(grad): the mean over its own words, none where it has none (G1, G2)", async () => {
    const { network, values } = await openedAgain(model);
    const found = await gradientOf(network, values, 'full', batchOf(model));
    expect(relativeError(found.norms[0]!, norms)).toBeLessThan(1e-4);
    expect(found.norms[0]![1]).toBe(0);
    expect(Object.keys(found.sums).toSorted()).toEqual(Object.keys(sums).toSorted());
    const errors = Object.entries(sums).map(([name, expected]) => {
      const sum = found.sums[name]!;
      return relativeError([Math.hypot(...sum), sum[0]!, sum.at(-1)!], expected);
    });
    expect(Math.max(...errors)).toBeLessThan(1e-4);
  });

  it("has peft's gradients over LoRA factors and head (G2)", async () => {
    const { architecture, lora, values } = await trainedTagger(model);
    const network = buildNetwork({
      architecture,
      task: 'token-classification',
      labels: tagNames.length,
      lora: { ...lora, dropout: 0 },
    });
    const found = await gradientOf(network, values, 'lora', batchOf(model));
    expect(relativeError(found.norms[0]!, adapterNorms)).toBeLessThan(1e-4);
  });
});

it("G1 a record alone adds what it adds beside longer ones, and the others' tags do not matter", async () => {
  const { network, values } = await openedAgain('bert');
  const batch = batchOf('bert');
  const only = (record: number, tokens: number): Batch => {
    const rows = <A extends Int32Array | Float32Array>(data: A): A =>
      data.slice(record * batch.tokens, record * batch.tokens + tokens) as A;
    return {
      records: 1,
      tokens,
      ids: rows(batch.ids!),
      typeIds: rows(batch.typeIds!),
      mask: rows(batch.mask!),
      labels: rows(batch.labels as Int32Array),
    };
  };
  // One record at a time without padding; the sum of what they add is the batch's.
  const sums: Record<string, Float64Array> = {};
  const norms: number[] = [];
  for (const [record, length] of [9, 1, 5].entries()) {
    const found = await gradientOf(network, values, 'full', only(record, length));
    norms.push(found.norms[0]![0]!);
    for (const [name, sum] of Object.entries(found.sums)) {
      sums[name] ??= new Float64Array(sum.length);
      for (const [at, value] of sum.entries()) sums[name][at]! += value;
    }
  }
  const together = await gradientOf(network, values, 'full', batch);
  expect(relativeError(together.norms[0]!, norms)).toBeLessThan(1e-5);
  for (const [name, sum] of Object.entries(sums)) {
    expect(relativeError(together.sums[name]!, [...sum])).toBeLessThan(1e-5);
  }
  // Another record's tags change nothing of this one's norm, by a bit (G5).
  const labels = Int32Array.from(batch.labels!, (tag, at) => (at < batch.tokens && tag >= 0 ? 4 - tag : tag));
  const other = await gradientOf(network, values, 'full', { ...batch, labels });
  expect(other.norms[0]![2]).toBe(together.norms[0]![2]);
  expect(other.norms[0]![0]).not.toBe(together.norms[0]![0]);
});

it('says how peft loads the adapter, and refuses what does not go together', () => {
  const architecture = architectureOf({
    model_type: 'gpt2',
    vocab_size: 8,
    n_embd: 4,
    n_layer: 1,
    n_head: 1,
    n_positions: 8,
  });
  const task = 'token-classification';
  expect(() => buildNetwork({ architecture, task, labels: 3 })).toThrow(/do not see what follows/);
  const usage = adapterUsage({ task, head: 'token', labels: 5, baseModel: 'bert', path: 'adapter' });
  expect(usage).toContain('AutoModelForTokenClassification.from_pretrained("bert", num_labels=5)');
  expect(usage).toContain('logits = model(**batch).logits\n'.trimEnd());
});
