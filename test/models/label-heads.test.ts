import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { createOnnxEngine, type Taken } from '../../src/engines/index.ts';
import { openModel } from '../../src/formats/index.ts';
import { privateGradient } from '../../src/graph/index.ts';
import {
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
import {
  headOptions,
  labelHead,
  labelHeadBatch,
  labelHeadCases,
  labelNames,
  maskToken,
  padToken,
  verbalizerOf,
  writeLabelHead,
  type LabelHeadCase,
} from './label-head-cases.ts';

interface Golden {
  files: Record<string, string>;
  logits: number[];
  adapterLogits: number[];
  norms: number[];
  sums: Record<string, [norm: number, first: number, last: number]>;
  adapterNorms: number[];
}
const golden = JSON.parse(
  readFileSync(fileURLToPath(new URL('../golden/models/label-heads.json', import.meta.url)), 'utf8'),
) as { clip: number; cases: Record<string, Golden> };

const engine = await createOnnxEngine({ threads: 2 });
const root = mkdtempSync(join(tmpdir(), 'dptune-label-heads-'));
beforeAll(async () => {
  for (const one of labelHeadCases) await writeLabelHead(one, join(root, one.name));
});
afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await engine.dispose();
});

/** An export, opened again. */
async function reopened(one: LabelHeadCase) {
  const opened = await openModel(join(root, one.name, 'model'));
  const architecture = architectureOf(opened.config);
  const network = buildNetwork({ architecture, ...headOptions(one) });
  const options = {
    architecture,
    params: network.params,
    rng: reproducibleRng(0),
    head: 'checkpoint',
  } as const;
  const { values, fresh, unused } = await loadParameters(opened.weights, options);
  await opened.close();
  return { config: opened.config, architecture, network, values, fresh, unused };
}

async function outputOf(network: Network, values: ParameterValues, batch: Batch): Promise<Float32Array> {
  await engine.write(tensorsOf(network.params, values));
  const program = await engine.load(network.graph);
  const { data } = (await program.run(feedsOf(network, batch)))[network.output]!;
  await program.dispose();
  return data as Float32Array;
}

async function gradientOf(
  network: Network,
  values: ParameterValues,
  batch: Batch,
  trainable: readonly string[],
  norm = golden.clip,
): Promise<Taken> {
  await engine.write(tensorsOf(network.params, values));
  const clipping = { kind: 'flat', norm } as const;
  const sizes = { tokens: batch.tokens };
  const program = await engine.loadGradient(
    privateGradient({ network: network.graph, loss: 'loss', trainable, clipping, sizes }),
  );
  await program.add(feedsOf(network, batch));
  const taken = await engine.take();
  await program.dispose();
  return taken;
}

const digestOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

const labelled = (one: LabelHeadCase): Batch => ({
  ...labelHeadBatch(one),
  labels: Int32Array.of(2, 0, 1),
});

/** Largest difference relative to the larger of 1 and the expected value; infinite where the sizes differ. */
const errorOf = (found: ArrayLike<number>, expected: ArrayLike<number>) =>
  found.length === expected.length
    ? Array.from(expected).reduce(
        (worst, value, at) => Math.max(worst, Math.abs(value - found[at]!) / Math.max(1, Math.abs(value))),
        0,
      )
    : Infinity;

describe.each(labelHeadCases)('$name', (one) => {
  const { files, logits, adapterLogits, norms, sums, adapterNorms } = golden.cases[one.name]!;

  it('transformers and peft loaded these very files, and their logits are ours', async () => {
    const found = Object.keys(files).map((path) => [path, digestOf(join(root, one.name, path))]);
    expect(Object.fromEntries(found)).toEqual(files);
    const { architecture, network, values } = await labelHead(one);
    expect(architecture.family).toBe(one.model.endsWith('-masked') ? 'encoder' : 'decoder');
    const ours = await outputOf(network, values, labelHeadBatch(one));
    expect(errorOf(ours, logits)).toBeLessThan(1e-4);
    expect(errorOf(ours, adapterLogits)).toBeLessThan(1e-4);
    expect(Math.max(...ours.map(Math.abs))).toBeGreaterThan(0.1);
  });

  it('opened again, it says what it is and computes the same', async () => {
    const { config, architecture, network, values, fresh } = await reopened(one);
    expect(fresh).toEqual([]);
    const task = 'single-label';
    expect(exportedHead(config)).toEqual(
      one.head === 'verbalizer'
        ? { head: 'verbalizer', task, labelNames, verbalizer: verbalizerOf(one.model) }
        : { head: 'last-token', task, labelNames },
    );
    const plain = buildNetwork({ architecture, ...headOptions(one), to: 'logits' });
    expect(plain.params.length).toBe(network.params.length);
    expect(errorOf(await outputOf(plain, values, labelHeadBatch(one)), logits)).toBeLessThan(1e-4);
  });

  it("every record's gradient over all parameters is PyTorch's: of tied embeddings with both uses (G2)", async () => {
    const { network, values } = await reopened(one);
    const trainable = trainableNames(network.params, { method: 'full' }, network.pretrainedHead);
    const found = await gradientOf(network, values, labelled(one), trainable);
    expect(errorOf(found.norms[0]!, norms)).toBeLessThan(1e-4);
    expect(Object.keys(found.sums).toSorted()).toEqual(Object.keys(sums).toSorted());
    for (const [name, expected] of Object.entries(sums)) {
      const sum = found.sums[name]!;
      expect(errorOf([Math.hypot(...sum), sum[0]!, sum.at(-1)!], expected)).toBeLessThan(1e-4);
    }
  });

  it("every record's gradient over LoRA factors, and score, is peft's (G2)", async () => {
    const { architecture, lora, values } = await labelHead(one);
    const network = buildNetwork({ architecture, ...headOptions(one), lora });
    const trainable = trainableNames(network.params, { method: 'lora' }, network.pretrainedHead);
    const found = await gradientOf(network, values, labelled(one), trainable);
    expect(errorOf(found.norms[0]!, adapterNorms)).toBeLessThan(1e-4);
  });
});

const gpt2 = labelHeadCases.find(({ name }) => name === 'gpt2 last-token')!;
const gpt2Words = labelHeadCases.find(({ name }) => name === 'gpt2 verbalizer')!;
const bert = labelHeadCases.find(({ name }) => name === 'bert-masked verbalizer')!;

/** Some records of a batch, with `more` columns of padding. */
function part({ tokens, ids, mask, typeIds, labels }: Batch, rows: readonly number[], more = 0): Batch {
  const wide = tokens + more;
  const pick = <T extends Int32Array | Float32Array>(from: T, to: T): T => {
    rows.forEach((row, at) => to.set(from.subarray(row * tokens, (row + 1) * tokens), at * wide));
    return to;
  };
  const size = rows.length * wide;
  return {
    records: rows.length,
    tokens: wide,
    ids: pick(ids!, new Int32Array(size).fill(maskToken)),
    mask: pick(mask!, new Float32Array(size)),
    typeIds: pick(typeIds!, new Int32Array(size)),
    labels: Int32Array.from(rows, (row) => labels![row]!),
  };
}

describe.each([gpt2, gpt2Words, bert])('$name: the sum of clipped gradients', (one) => {
  it('moves by at most the clipping norm with a record, long or short (G1)', async () => {
    const { network, values } = await reopened(one);
    const trainable = trainableNames(network.params, { method: 'full' }, network.pretrainedHead);
    const batch = labelled(one);
    const whole = await gradientOf(network, values, batch, trainable);
    const moves: number[] = [];
    for (const without of [0, 1, 2]) {
      const rows = [0, 1, 2].filter((row) => row !== without);
      const less = await gradientOf(network, values, part(batch, rows), trainable);
      moves.push(
        Math.hypot(
          ...trainable.flatMap((name) =>
            Array.from(whole.sums[name]!, (sum, at) => sum - less.sums[name]![at]!),
          ),
        ),
      );
    }
    expect(Math.max(...moves)).toBeLessThan(golden.clip * (1 + 1e-5));
    expect(Math.max(...moves)).toBeGreaterThan(0.5 * golden.clip);
  });

  it("is of each record alone: another's tokens change no bit of its gradient (G5), padding only rounding (G6)", async () => {
    const { network, values } = await reopened(one);
    const trainable = trainableNames(network.params, { method: 'full' }, network.pretrainedHead);
    const batch = labelled(one);
    const first = await gradientOf(network, values, batch, trainable);
    const ids = batch.ids!.slice();
    ids[ids.length - 9] = 9;
    const other = await gradientOf(network, values, { ...batch, ids }, trainable);
    expect(other.norms[0]!.slice(0, 2)).toEqual(first.norms[0]!.slice(0, 2));
    const padded = await gradientOf(network, values, part(batch, [0, 1, 2], 5), trainable);
    expect(errorOf(padded.norms[0]!, first.norms[0]!)).toBeLessThan(1e-5);
  });
});

describe.each([gpt2, gpt2Words, bert])('$name: the records of a user', (one) => {
  it("are clipped as one: the norm is that of their gradients' sum (G7)", async () => {
    const { network, values } = await reopened(one);
    const trainable = trainableNames(network.params, { method: 'full' }, network.pretrainedHead);
    const batch = labelled(one);
    const norm = 1e6;
    const { sums } = await gradientOf(network, values, batch, trainable, norm);
    const program = await engine.loadGradient(
      privateGradient({
        network: network.graph,
        loss: 'loss',
        trainable,
        clipping: { kind: 'flat', norm },
        recordsPerUnit: 'perUnit',
        sizes: { tokens: batch.tokens, perUnit: 3 },
      }),
    );
    const weights = { dims: [1, 3], data: new Float32Array(3).fill(1) };
    await program.add({ ...feedsOf(network, batch), weights });
    const taken = await engine.take();
    await program.dispose();
    const expected = Math.hypot(...Object.values(sums).flatMap((sum) => Array.from(sum)));
    expect(errorOf(taken.norms[0]!, [expected])).toBeLessThan(1e-4);
  });
});

describe('a frozen part run apart gives the gradients of the whole (G6)', () => {
  it.each([
    [gpt2.name, 'the head', gpt2, 'features'],
    [gpt2.name, 'the last layer', gpt2, { layer: 1 }],
    [gpt2Words.name, 'the last layer', gpt2Words, { layer: 1 }],
    [bert.name, 'the head', bert, 'features'],
    [bert.name, 'the last layer', bert, { layer: 1 }],
  ] as const)('%s, %s', async (_, __, one, cut) => {
    const { architecture, network, values } = await reopened(one);
    const method =
      cut === 'features' ? ({ method: 'head' } as const) : ({ method: 'last', layers: 1 } as const);
    const names = trainableNames(network.params, method, network.pretrainedHead);
    const batch = labelled(one);
    const expected = await gradientOf(network, values, batch, names);
    const lower = buildNetwork({ architecture, ...headOptions(one), to: cut });
    const upper = buildNetwork({ architecture, ...headOptions(one), from: cut });
    const held = await outputOf(lower, values, batch);
    const found = await gradientOf(upper, values, { ...batch, [lower.output]: held }, names);
    expect(Object.keys(found.sums).toSorted()).toEqual(names.toSorted());
    expect(errorOf(found.norms[0]!, expected.norms[0]!)).toBeLessThan(1e-5);
    for (const name of names) expect(errorOf(found.sums[name]!, expected.sums[name]!)).toBeLessThan(1e-5);
  });
});

describe('what trains', () => {
  it("with label words: the language model's own head trains as the other weights do, and not with LoRA", async () => {
    const { architecture, lora } = await labelHead(bert);
    const network = buildNetwork({ architecture, ...headOptions(bert), lora });
    const head = network.params.filter(({ place }) => place === 'head').map(({ name }) => name);
    expect(head).toContain('cls.predictions.transform.dense.weight');
    const names = (method: 'lora' | 'head' | 'bitfit' | 'full') =>
      trainableNames(network.params, { method }, network.pretrainedHead);
    expect(names('lora').every((name) => name.includes('lora_'))).toBe(true);
    expect(names('head')).toEqual(head);
    expect(names('bitfit').filter((name) => head.includes(name))).toEqual(
      head.filter((name) => name.endsWith('bias')),
    );
    expect(names('full')).toContain('bert.embeddings.word_embeddings.weight');
  });

  it('by the head alone of a decoder with label words: nothing, which is refused', async () => {
    const { network } = await reopened(gpt2Words);
    expect(() => trainableNames(network.params, { method: 'head' }, network.pretrainedHead)).toThrow(
      /method=head; the language model's output map has no weights of its own. Choose lora/,
    );
  });
});

describe('which token is read', () => {
  const batch = { records: 2, tokens: 4, mask: Float32Array.of(1, 1, 1, 0, 1, 1, 0, 0) };
  const markOf = async (one: LabelHeadCase, ids: readonly number[]) => {
    const { architecture } = await labelHead(one);
    const network = buildNetwork({ architecture, ...headOptions(one), to: 'features' });
    return [
      ...feedsOf(network, { ...batch, ids: Int32Array.from(ids), typeIds: new Int32Array(8) })['mark']!.data,
    ];
  };

  it('the last own one that does not pad; where all do, the first, as in transformers', async () => {
    expect(await markOf(gpt2, [5, 6, padToken, 9, padToken, padToken, 8, 8])).toEqual([
      0, 1, 0, 0, 1, 0, 0, 0,
    ]);
    expect(await markOf(gpt2Words, [5, 6, padToken, 9, 7, 7, 8, 8])).toEqual([0, 0, 1, 0, 0, 1, 0, 0]);
  });

  it('the mask; a record without one is refused', async () => {
    expect(await markOf(bert, [5, maskToken, 6, maskToken, maskToken, 6, 0, 0])).toEqual([
      0, 1, 0, 0, 1, 0, 0, 0,
    ]);
    await expect(markOf(bert, [5, maskToken, 6, 0, 6, 6, maskToken, 0])).rejects.toThrow(
      /record 1 has no token 3/,
    );
  });
});

describe('what is refused', () => {
  it('LoRA on an output map that is the word table; one of its own has it (G2)', async () => {
    const lora = { rank: 2, alpha: 4, dropout: 0, targets: ['lm_head'] };
    const networkOf = async (one: LabelHeadCase) => {
      const { architecture } = await labelHead(one);
      return buildNetwork({ architecture, ...headOptions(one), lora });
    };
    await expect(networkOf(gpt2Words)).rejects.toThrow(/lora.targets=lm_head; no linear map/);
    const untied = labelHeadCases.find(({ name }) => name === 'llama verbalizer')!;
    expect((await networkOf(untied)).adapted.map(({ path }) => path)).toEqual(['lm_head']);
  });

  it('heads that no class of transformers has, and words that are none', async () => {
    const { architecture: decoder } = await labelHead(gpt2);
    const { architecture: encoder } = await labelHead(bert);
    const task = { task: 'single-label', labels: 2 } as const;
    expect(() => buildNetwork({ ...task, architecture: decoder, head: 'mean' })).toThrow(
      /head=mean; transformers has no class for a gpt2 with such a head. Use head: last-token/,
    );
    expect(() => buildNetwork({ ...task, architecture: encoder, head: 'last-token' })).toThrow(
      /Use head: pooler/,
    );
    const words = { ...task, architecture: decoder, head: 'verbalizer' } as const;
    expect(() => buildNetwork({ ...words, words: [1] })).toThrow(/words=1; .* for each of 2 labels/);
    expect(() => buildNetwork({ ...words, words: [4, 4] })).toThrow(/no two the same/);
    expect(() => buildNetwork({ ...words, words: [4, 1e6] })).toThrow(/a token of the vocabulary/);
    expect(() => buildNetwork({ ...words, task: 'multi-label', words: [4, 5] })).toThrow(
      /Use task single-label/,
    );
    expect(() => buildNetwork({ ...words, architecture: encoder, words: [4, 5] })).toThrow(
      /reads the mask token/,
    );
  });
});
