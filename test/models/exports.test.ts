import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { createOnnxEngine } from '../../src/engines/index.ts';
import { openModel, writeModel } from '../../src/formats/index.ts';
import {
  adapterOf,
  adapterUsage,
  architectureOf,
  buildDecoder,
  buildNetwork,
  exportedHead,
  exportModel,
  feedsOf,
  loadParameters,
  tensorsOf,
  type Batch,
  type Network,
  type ParameterValues,
} from '../../src/models/index.ts';
import { greedy, writeTokens } from '../../src/generate/index.ts';
import {
  decoderCases,
  exportCases,
  goldenBatch,
  trainedClassifier,
  writeDecoderExports,
  writeExports,
} from './export-cases.ts';
import { mergeLora } from '../support/merge.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const temporary = () => mkdtempSync(join(tmpdir(), 'dptune-export-'));
const golden = JSON.parse(readFileSync(here('../golden/models/exports.json'), 'utf8')) as {
  exports: Record<string, { files: Record<string, string>; logits: number[]; adapterLogits: number[] }>;
  decoders: Record<
    string,
    { files: Record<string, string>; texts: { prompt: number[]; tokens: number[] }[] }
  >;
};

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

const engine = await createOnnxEngine({ threads: 2 });
afterAll(() => engine.dispose());

async function outputOf(network: Network, values: ParameterValues, batch: Batch) {
  await engine.write(tensorsOf(network.params, values));
  const program = await engine.load(network.graph);
  const { data } = (await program.run(feedsOf(network, batch)))[network.output]!;
  await program.dispose();
  return [...data];
}

const largestError = (found: readonly number[], expected: readonly number[]) =>
  Math.max(...expected.map((value, at) => Math.abs(value - found[at]!)));

describe('decoders that transformers and peft wrote with', () => {
  it.each(decoderCases)('%s: the same files again, and the same text', async (model) => {
    const { files, texts } = golden.decoders[model]!;
    const directory = temporary();
    await writeDecoderExports(model, directory);
    const digests = Object.keys(files).map((path) => [path, digestOf(join(directory, path))]);
    expect(Object.fromEntries(digests)).toEqual(files);
    const opened = await openModel(join(directory, 'model'));
    const architecture = architectureOf(opened.config);
    const decoder = buildDecoder(architecture, architecture.maxTokens);
    const { params } = decoder;
    const rng = reproducibleRng(0);
    const { values } = await loadParameters(opened.weights, {
      architecture,
      params,
      rng,
      head: 'checkpoint',
    });
    await opened.close();
    await engine.write(tensorsOf(params, values));
    const program = await engine.load(decoder.graph);
    const written = await writeTokens(
      { decoder, program },
      texts.map(({ prompt }) => prompt),
      { ...greedy, maxNewTokens: 8, endIds: [] },
    );
    await program.dispose();
    expect(written).toEqual(texts.map(({ tokens }) => tokens));
  });
});

describe('exports that transformers and peft loaded', () => {
  it.each(exportCases)(
    '$name: the same files again, and our logits equal theirs',
    async ({ name, model, head }) => {
      const { files, logits, adapterLogits } = golden.exports[name]!;
      const directory = temporary();
      await writeExports(model, head, directory);
      const digests = Object.keys(files).map((path) => [path, digestOf(join(directory, path))]);
      expect(Object.fromEntries(digests)).toEqual(files);

      const { network, values } = await trainedClassifier(model, head);
      const ours = await outputOf(network, values, goldenBatch(model));
      expect(largestError(ours, logits)).toBeLessThan(1e-4);
      expect(largestError(ours, adapterLogits)).toBeLessThan(1e-4);
      expect(Math.max(...ours.map(Math.abs))).toBeGreaterThan(0.3);
    },
  );

  it.each(exportCases)('$name: opened again, the head is the very same', async ({ model, head }) => {
    const directory = temporary();
    await writeExports(model, head, directory);
    const opened = await openModel(join(directory, 'model'));
    const labelNames = ['no', 'perhaps', 'yes'];
    expect(exportedHead(opened.config)).toEqual({ head, task: 'single-label', labelNames });
    const architecture = architectureOf(opened.config);
    const network = buildNetwork({ architecture, task: 'single-label', labels: 3, head, to: 'logits' });
    const options = {
      architecture,
      params: network.params,
      rng: reproducibleRng(0),
      head: 'checkpoint',
    } as const;
    const { values, fresh, unused } = await loadParameters(opened.weights, options);
    await opened.close();
    expect({ fresh, unused }).toEqual({ fresh: [], unused: [] });
    const trained = await trainedClassifier(model, head);
    expect(architecture.layers).toBe(trained.architecture.layers);
    const merged = mergeLora(trained.network.adapted, trained.values, trained.lora);
    for (const { name } of network.params) expect(values.get(name)).toEqual(merged.get(name));
  });
});

it('an export is a base model like any other: another head on it, exported again, has the right number of layers', async () => {
  const directory = temporary();
  await writeExports('bert', 'mean', directory);
  const opened = await openModel(join(directory, 'model'));
  const { config } = opened;
  const architecture = architectureOf(config);
  const { params } = buildNetwork({ architecture, task: 'multi-label', labels: 2, head: 'first' });
  const options = { architecture, params, rng: reproducibleRng(0) };
  const { values, fresh, unused } = await loadParameters(opened.weights, options);
  await opened.close();
  expect({ fresh, unused }).toEqual({
    fresh: ['head.weight', 'head.bias'],
    unused: ['head.weight', 'head.bias'],
  });
  const common = {
    config,
    architecture,
    task: 'multi-label',
    labelNames: ['a', 'b'],
    params,
    values,
  } as const;
  const first = exportModel({ ...common, head: 'first' });
  expect(first.config).toMatchObject({
    num_hidden_layers: 2,
    dptune: { head: 'first', task: 'multi-label' },
  });
  expect(exportModel({ ...common, head: 'mean' }).config['num_hidden_layers']).toBe(3);
});

describe('mergedWeight', () => {
  it.each(['gpt2', 'llama'])('%s: the merged model computes what the adapted one does', async (model) => {
    const opened = await openModel(here(`../golden/models/${model}`));
    const architecture = architectureOf(opened.config);
    const lora = { rank: 2, alpha: 3, dropout: 0, targets: ['all-linear'] };
    const adapted = buildNetwork({ architecture, task: 'causal-lm', lora, to: 'logits' });
    const rng = reproducibleRng('merge');
    const { values } = await loadParameters(opened.weights, {
      architecture,
      params: adapted.params,
      rng,
      head: 'checkpoint',
    });
    await opened.close();
    const batch = goldenBatch(model);
    const plain = buildNetwork({ architecture, task: 'causal-lm', to: 'logits' });
    const before = await outputOf(plain, values, batch);
    expect(await outputOf(adapted, values, batch)).toEqual(before);
    for (const [name, data] of values) {
      if (name.endsWith('lora_B.weight'))
        values.set(
          name,
          data.map(() => 0.3 * rng.normal()),
        );
    }
    const after = await outputOf(adapted, values, batch);
    expect(largestError(before, after)).toBeGreaterThan(0.1);
    const merged = await outputOf(plain, mergeLora(adapted.adapted, values, lora), batch);
    expect(largestError(merged, after)).toBeLessThan(1e-4);
  });
});

describe('what an export cannot be', () => {
  it('a linear head with more labels than the width holds, which is said before anything is trained', async () => {
    const { architecture } = await trainedClassifier('bert', 'mean');
    const options = { architecture, task: 'single-label', labels: 8 } as const;
    expect(() => buildNetwork({ ...options, head: 'mean' })).toThrow(
      /labels=8; a model of width 16 holds at most 7/,
    );
    expect(() => buildNetwork({ ...options, labels: 7, head: 'mean' })).not.toThrow();
    expect(() => buildNetwork({ ...options, head: 'first' })).not.toThrow();
    const { architecture: distilbert } = await trainedClassifier('distilbert', 'first');
    expect(() => buildNetwork({ ...options, architecture: distilbert, head: 'first' })).toThrow(/labels=8/);
  });

  it("a classifier on the mean of a decoder's states", async () => {
    const opened = await openModel(here('../golden/models/gpt2'));
    await opened.close();
    const options = {
      config: opened.config,
      architecture: architectureOf(opened.config),
      params: [],
      values: new Map(),
    };
    expect(() => exportModel({ ...options, task: 'single-label' })).toThrow(/no class for a gpt2/);
    const { architecture } = options;
    expect(() => buildNetwork({ architecture, task: 'single-label', labels: 2 })).toThrow(
      /Use head: last-token/,
    );
  });

  it('an adapter without factors', async () => {
    const { architecture, values, lora } = await trainedClassifier('bert', 'mean');
    const network = buildNetwork({ architecture, task: 'single-label', labels: 3 });
    const options = { architecture, network, values, lora, task: 'single-label', baseModel: 'x' } as const;
    expect(() => adapterOf(options)).toThrow(/no LoRA factors/);
  });
});

describe('language models', () => {
  it('go out under the class of their family, tensor for tensor', async () => {
    const opened = await openModel(here('../golden/models/bert-masked'));
    const architecture = architectureOf(opened.config);
    const { params } = buildNetwork({ architecture, task: 'masked-lm' });
    const options = { architecture, params, rng: reproducibleRng(0), head: 'if-present' } as const;
    const { values, fresh } = await loadParameters(opened.weights, options);
    expect(fresh).toEqual([]);
    const exported = exportModel({ config: opened.config, architecture, task: 'masked-lm', params, values });
    expect(exported.config['architectures']).toEqual(['BertForMaskedLM']);
    const directory = temporary();
    await writeModel(directory, { ...exported, tokenizerFrom: here('../golden/formats/tiny-bert') });
    const again = await openModel(directory);
    for (const name of again.weights.tensors.keys()) {
      expect(await again.weights.read(name)).toEqual(await opened.weights.read(name));
    }
    expect([...again.weights.tensors.keys()].toSorted()).toEqual(
      [...opened.weights.tensors.keys()].toSorted(),
    );
    expect((await again.digests()).map(({ path }) => path)).toContain('vocab.txt');
    await again.close();
    await opened.close();
  });
});

describe('the Python of an adapter', () => {
  const common = { task: 'single-label', labels: 2, path: 'adapter' } as const;
  it('names the class that the head needs, and the commit', () => {
    const mean = adapterUsage({ ...common, head: 'mean', baseModel: `a/b@${'c'.repeat(40)}` });
    expect(mean).toContain(
      `AutoModelForTokenClassification.from_pretrained("a/b", revision="${'c'.repeat(40)}", num_labels=2)`,
    );
    const pooler = adapterUsage({ ...common, head: 'pooler', baseModel: 'dir@home' });
    expect(pooler).toContain('AutoModelForSequenceClassification.from_pretrained("dir@home", num_labels=2)');
  });

  it('leaves out the layer that an export has on top', async () => {
    const directory = temporary();
    await writeExports('bert', 'mean', directory);
    const opened = await openModel(join(directory, 'model'));
    await opened.close();
    const architecture = architectureOf(opened.config);
    expect(adapterUsage({ ...common, baseModel: 'x', architecture })).toContain('num_hidden_layers=2');
  });

  it('goes with a pinned base model', async () => {
    const { architecture, network, values, lora } = await trainedClassifier('bert', 'mean');
    const options = { architecture, network, values, lora, task: 'single-label' } as const;
    const { baseModel, revision } = adapterOf({ ...options, baseModel: `a/b@${'d'.repeat(40)}` });
    expect({ baseModel, revision }).toEqual({ baseModel: 'a/b', revision: 'd'.repeat(40) });
  });
});
