import { fileURLToPath } from 'node:url';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import {
  openModel,
  openWeights,
  writeSafetensors,
  type JsonObject,
  type NamedTensor,
  type Weights,
} from '../../src/formats/index.ts';
import {
  architectureOf,
  bodyParameters,
  buildNetwork,
  feedsOf,
  frozenLayers,
  loadParameters,
  trainableNames,
  type Architecture,
  type LoadOptions,
  type Trainable,
} from '../../src/models/index.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const rng = reproducibleRng(3);
const lora = { rank: 2, alpha: 4, dropout: 0, targets: ['query', 'value'] };

let config: JsonObject;
let bert: Architecture;
let stored: NamedTensor[];

beforeAll(async () => {
  const model = await openModel(here('../golden/models/bert'));
  config = model.config;
  bert = architectureOf(config);
  stored = await Promise.all(
    [...model.weights.tensors.values()].map(async ({ name, shape }) => ({
      name,
      shape,
      data: await model.weights.read(name),
    })),
  );
  await model.close();
});

async function weightsOf(tensors: readonly NamedTensor[]): Promise<Weights> {
  const directory = mkdtempSync(join(tmpdir(), 'dptune-weights-'));
  await writeSafetensors(join(directory, 'model.safetensors'), tensors);
  return openWeights(directory);
}

async function load(tensors: readonly NamedTensor[], options: Partial<LoadOptions> = {}) {
  const { params } = buildNetwork({ architecture: bert, task: 'single-label', labels: 3, head: 'pooler' });
  const weights = await weightsOf(tensors);
  try {
    return await loadParameters(weights, { architecture: bert, params, rng, ...options });
  } finally {
    await weights.close();
  }
}

describe('architectureOf', () => {
  it('refuses other families and lists those it knows', () => {
    expect(() => architectureOf({ model_type: 't5' })).toThrow(
      /model_type="t5"; supported are bert, roberta.*llama/,
    );
    expect(() => architectureOf({ model_type: 'constructor' })).toThrow(/supported are/);
  });

  it.each<[JsonObject, RegExp]>([
    [{ hidden_size: 0 }, /hidden_size=0; it must be a whole number/],
    [{ hidden_size: '16' }, /hidden_size="16"/],
    [{ num_attention_heads: 3 }, /num_attention_heads=3; it must divide/],
    [{ hidden_act: 'mish' }, /hidden_act="mish"; known are gelu/],
    [{ position_embedding_type: 'relative_key' }, /position_embedding_type="relative_key"; only "absolute"/],
    [{ is_decoder: true }, /is_decoder=true; only false/],
    [{ num_hidden_layers: 1e9 }, /num_hidden_layers=1000000000; it must be at most 1000/],
    [{ layer_norm_eps: 0 }, /layer_norm_eps=0; it must be a positive/],
  ])('refuses a BERT with %j', (change, message) => {
    expect(() => architectureOf({ ...config, ...change })).toThrow(message);
  });

  it('refuses rotary positions that depend on the length', () => {
    const llama = {
      model_type: 'llama',
      vocab_size: 8,
      hidden_size: 8,
      num_attention_heads: 2,
      intermediate_size: 8,
      num_hidden_layers: 1,
    };
    expect(architectureOf(llama).maxTokens).toBe(2048);
    const scaled = { ...llama, rope_scaling: { rope_type: 'yarn', factor: 8 } };
    expect(() => architectureOf(scaled)).toThrow(/rope_scaling=.*only rope_type default, linear and llama3/);
  });
});

describe('loadParameters', () => {
  it('takes the head from the checkpoint where that is asked', async () => {
    const { values, fresh, unused } = await load(stored, { head: 'checkpoint' });
    expect(values.get('classifier.weight')).toEqual(
      stored.find(({ name }) => name === 'classifier.weight')!.data,
    );
    expect({ fresh, unused }).toEqual({ fresh: [], unused: [] });
  });

  it('begins the head afresh otherwise, keeps the pooler of the body, and reports both', async () => {
    const { values, fresh, unused } = await load(stored);
    expect(fresh).toEqual(['classifier.weight', 'classifier.bias']);
    expect(unused.toSorted()).toEqual(['classifier.bias', 'classifier.weight']);
    expect(values.get('bert.pooler.dense.weight')).toEqual(
      stored.find(({ name }) => name === 'bert.pooler.dense.weight')!.data,
    );
    expect(values.get('classifier.weight')!.some((value) => value !== 0)).toBe(true);
  });

  it('reads a bare model, old names, and a stray position_ids', async () => {
    const bare = stored
      .filter(({ name }) => name.startsWith('bert.'))
      .map((tensor) => ({
        ...tensor,
        name: tensor.name
          .replace('bert.', '')
          .replace('LayerNorm.weight', 'LayerNorm.gamma')
          .replace('LayerNorm.bias', 'LayerNorm.beta'),
      }));
    const extra = { name: 'embeddings.position_ids', shape: [1, 2], data: Float32Array.of(0, 1) };
    const { values, unused } = await load([...bare, extra]);
    expect(unused).toEqual(['embeddings.position_ids']);
    const body = stored.filter(({ name }) => name.startsWith('bert.'));
    expect(body.map(({ name }) => values.get(name))).toEqual(body.map(({ data }) => data));
  });

  it('lists everything that does not fit, at once', async () => {
    const broken = stored.flatMap((tensor) => {
      if (tensor.name.endsWith('layer.0.output.dense.bias')) return [];
      if (tensor.name.endsWith('layer.1.output.dense.bias')) return [{ ...tensor, shape: [4, 4] }];
      if (tensor.name === 'classifier.weight') return [{ ...tensor, shape: [16, 3] }];
      return [tensor];
    });
    const extra = { name: 'bert.encoder.layer.2.output.dense.bias', shape: [1], data: Float32Array.of(0) };
    const message = await load([...broken, extra], { head: 'checkpoint' }).catch(
      (error: Error) => error.message,
    );
    expect(message).toMatch(/missing bert\.encoder\.layer\.0\.output\.dense\.bias \[16\]/);
    expect(message).toMatch(/layer\.1\.output\.dense\.bias has shape \[4,4\], expected \[16\]/);
    expect(message).toMatch(/classifier\.weight has shape \[16,3\], expected \[3,16\]/);
    expect(message).toMatch(/unexpected bert\.encoder\.layer\.2\.output\.dense\.bias/);
  });

  it('begins LoRA and a zero head as asked, the same for the same seed', async () => {
    const { params } = buildNetwork({ architecture: bert, task: 'single-label', labels: 3, lora });
    const first = await load(stored, { params });
    const again = await load(stored, { params, rng: reproducibleRng(3) });
    const other = await load(stored, { params, rng: reproducibleRng(4) });
    const a = 'bert.encoder.layer.1.attention.self.value.lora_A.weight';
    expect(first.values.get(a)).toEqual(again.values.get(a));
    expect(first.values.get(a)).not.toEqual(other.values.get(a));
    const bound = Math.max(...first.values.get(a)!.map(Math.abs));
    expect(bound).toBeGreaterThan(0.15);
    expect(bound).toBeLessThanOrEqual(0.25);
    for (const zero of [a.replace('lora_A', 'lora_B'), 'head.weight', 'head.bias']) {
      expect(first.values.get(zero)!.every((value) => value === 0)).toBe(true);
    }
  });
});

const specs = () => buildNetwork({ architecture: bert, task: 'single-label', labels: 3, lora }).params;
const network = () => buildNetwork({ architecture: bert, task: 'single-label', labels: 2, dropout: 0.25 });

const names = (trainable: Trainable) => trainableNames(specs(), trainable);

describe('trainableNames', () => {
  it('head: the head alone; everything below is frozen', () => {
    expect(names({ method: 'head' })).toEqual(['head.weight', 'head.bias']);
    expect(frozenLayers(specs(), names({ method: 'head' }))).toBe(2);
  });

  it('lora: the factors and the head; no base weight', () => {
    const found = names({ method: 'lora' });
    expect(found).toHaveLength(2 * 2 * 2 + 2);
    expect(found.filter((name) => !/lora_[AB]\.weight$|^head\./.test(name))).toEqual([]);
    expect(frozenLayers(specs(), found)).toBe(0);
  });

  it("bitfit: every bias and no weight but the head's", () => {
    const found = names({ method: 'bitfit' });
    expect(found.filter((name) => !name.endsWith('.bias'))).toEqual(['head.weight']);
    const biases = bodyParameters(bert).filter(({ name }) => name.endsWith('.bias'));
    expect(found).toHaveLength(biases.length + 2);
  });

  it('last: the top layers and the head', () => {
    const found = names({ method: 'last', layers: 1 });
    expect(found.filter((name) => !/^head\.|encoder\.layer\.1\./.test(name))).toEqual([]);
    expect(found).toHaveLength(16 + 2);
    expect(frozenLayers(specs(), found)).toBe(1);
    expect(() => names({ method: 'last', layers: 3 })).toThrow(/last=3; the network has 2 layers/);
    expect(() => names({ method: 'last', layers: 0 })).toThrow(/last=0/);
  });

  it('full: all but the factors (G4: no parameter of the body is left out)', () => {
    expect(names({ method: 'full' })).toEqual([
      ...bodyParameters(bert).map(({ name }) => name),
      'head.weight',
      'head.bias',
    ]);
    expect(frozenLayers(specs(), names({ method: 'full' }))).toBe(0);
  });

  it('refuses lora without factors', () => {
    const plain = buildNetwork({ architecture: bert, task: 'single-label', labels: 3 }).params;
    expect(() => trainableNames(plain, { method: 'lora' })).toThrow(
      /method=lora; the network has no such parameter/,
    );
  });
});

describe('buildNetwork refuses', () => {
  it.each<[string, object, RegExp]>([
    ['one class', { labels: 1 }, /labels=1; task single-label needs a whole number of at least 2/],
    ['no labels', {}, /labels=undefined/],
    ['a dropout of 1', { labels: 2, dropout: 1 }, /dropout=1/],
    ['a causal encoder', { task: 'causal-lm' }, /task=causal-lm; bert is an encoder/],
    ['features of a language model', { task: 'masked-lm', to: 'features' }, /no pooled features/],
    ['a layer too many', { labels: 2, from: { layer: 3 } }, /from.layer=3; bert here has layers 0 to 2/],
    ['going down', { from: { layer: 2 }, to: { layer: 1 } }, /from.layer=2, to.layer=1/],
    ['LoRA of rank 0', { labels: 2, lora: { ...lora, rank: 0 } }, /lora.rank=0/],
    ['LoRA on nothing known', { labels: 2, lora: { ...lora, targets: ['quary'] } }, /lora.targets=quary/],
    ['an input too long', { labels: 2, maxTokens: 21 }, /maxTokens=21; bert here takes 1 to 20/],
  ])('%s', (_, options, message) => {
    expect(() => buildNetwork({ architecture: bert, task: 'single-label', ...options })).toThrow(message);
  });
});

describe('feedsOf', () => {
  const batch = {
    records: 2,
    tokens: 3,
    ids: new Int32Array(6),
    typeIds: new Int32Array(6),
    mask: new Float32Array(6).fill(1),
    labels: Int32Array.of(0, 1),
  };

  it('gives dropout masks of mean 1 with a generator, of ones without', () => {
    const { dropouts } = network();
    expect(dropouts.length).toBe(1 + 2 * 3 + 1);
    const wide = {
      ...batch,
      records: 64,
      ids: new Int32Array(192),
      typeIds: new Int32Array(192),
      mask: new Float32Array(192),
      labels: new Int32Array(64),
    };
    const masks = feedsOf(network(), wide, reproducibleRng(5));
    const values = dropouts.flatMap(({ name }) => [...masks[name]!.data]);
    const dropped = values.filter((value) => value === 0).length / values.length;
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.02);
    const still = feedsOf(network(), batch);
    expect(dropouts.every(({ name }) => still[name]!.data.every((value) => value === 1))).toBe(true);
  });

  it('names what a batch lacks', () => {
    expect(() => feedsOf(network(), { ...batch, labels: undefined })).toThrow(
      /batch.labels=absent; the network takes \[2\]/,
    );
    expect(() => feedsOf(network(), { ...batch, mask: new Float32Array(5) })).toThrow(/batch.mask=5 values/);
  });

  it("starts RoBERTa's positions after its padding id", () => {
    const roberta = architectureOf({ ...config, model_type: 'roberta', pad_token_id: 1 });
    const feeds = feedsOf(buildNetwork({ architecture: roberta, task: 'single-label', labels: 2 }), batch);
    expect([...feeds['positions']!.data]).toEqual([2, 3, 4, 2, 3, 4]);
    expect(roberta.maxTokens).toBe(18);
  });
});
