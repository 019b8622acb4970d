import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { createOnnxEngine, type Engine, type Tensor } from '../../src/engines/index.ts';
import { openModel } from '../../src/formats/index.ts';
import {
  architectureOf,
  buildNetwork,
  feedsOf,
  loadParameters,
  tensorsOf,
  type Batch,
  type LoadOptions,
  type NetworkOptions,
} from '../../src/models/index.ts';

interface Losses {
  labels: number[];
  losses: number[];
  logits?: number[];
}
interface Case {
  records: number;
  tokens: number;
  ids: number[];
  mask: number[];
  typeIds: number[];
  hidden: number[];
  afterOne: number[] | null;
  /** Absent where `hidden` is not what the last layer gives, but a norm of it. */
  layers?: number;
  mean?: number[];
  logits?: number[];
  singleLabel?: Losses;
  multiLabel?: Losses;
  regression?: Losses;
  masked?: Losses;
  causal?: Losses;
}
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const golden = JSON.parse(readFileSync(here('../golden/models/networks.json'), 'utf8')) as {
  models: Record<string, Case>;
  real: Record<string, Case>;
};

const engine: Engine = await createOnnxEngine({ threads: 2 });
afterAll(() => engine.dispose());

async function open(directory: string) {
  const model = await openModel(directory);
  return { model, architecture: architectureOf(model.config) };
}

/** Output of a network with a checkpoint's parameters. */
async function run(
  directory: string,
  options: Omit<NetworkOptions, 'architecture'>,
  batch: Batch,
  head: LoadOptions['head'] = 'checkpoint',
): Promise<Tensor> {
  const { model, architecture } = await open(directory);
  const network = buildNetwork({ architecture, ...options });
  const { values } = await loadParameters(model.weights, {
    architecture,
    params: network.params,
    rng: reproducibleRng(1),
    head,
  });
  await model.close();
  await engine.write(tensorsOf(network.params, values));
  const program = await engine.load(network.graph);
  const result = (await program.run(feedsOf(network, batch)))[network.output]!;
  await program.dispose();
  return result;
}

function batchOf({ records, tokens, ids, mask, typeIds }: Case): Batch {
  return {
    records,
    tokens,
    ids: Int32Array.from(ids),
    mask: Float32Array.from(mask),
    typeIds: Int32Array.from(typeIds),
  };
}

/** Values at real tokens of a tensor [records, tokens, width]. */
function atTokens({ data, dims }: Tensor, mask: readonly number[]): number[] {
  const width = dims[2]!;
  return mask.flatMap((real, at) => (real > 0 ? [...data.subarray(at * width, (at + 1) * width)] : []));
}

/** Largest difference; infinite where the sizes differ. */
function largestError(found: ArrayLike<number>, expected: readonly number[]): number {
  if (found.length !== expected.length) return Infinity;
  return expected.reduce((worst, value, at) => Math.max(worst, Math.abs(value - found[at]!)), 0);
}

const TOLERANCE = 1e-4;

interface Comparison {
  directory: string;
  options: Omit<NetworkOptions, 'architecture'>;
  batch: Batch;
  expected: readonly number[];
  /** Compare at real tokens only. */
  mask?: readonly number[];
}

/** Everything that the golden file knows of one model. */
function comparisons(
  name: string,
  directory: string,
  known: Case,
): [title: string, comparison: Comparison][] {
  const batch = batchOf(known);
  const { mask, mean, hidden, logits, layers } = known;
  const found: [title: string, comparison: Comparison][] = [];
  const add = (
    title: string,
    options: Comparison['options'],
    expected: readonly number[] | undefined,
    rest: Partial<Comparison> = {},
  ) => {
    if (expected) found.push([`${name}: ${title}`, { directory, options, batch, expected, ...rest }]);
  };
  const task = 'single-label';
  add('mean features', { task, to: 'features' }, mean);
  add('hidden states', { task, to: { layer: layers ?? 0 } }, layers === undefined ? undefined : hidden, {
    mask,
  });
  const own = { task, labels: 3, head: 'pooler' } as const;
  add("logits of the checkpoint's own head", { ...own, to: 'logits' }, logits);
  const labelled = (labels: Int32Array | Float32Array) => ({ batch: { ...batch, labels } });
  const { singleLabel, multiLabel, regression } = known;
  add('single-label loss', own, singleLabel?.losses, labelled(Int32Array.from(singleLabel?.labels ?? [])));
  const float = (losses: Losses | undefined) => labelled(Float32Array.from(losses?.labels ?? []));
  add('multi-label loss', { ...own, task: 'multi-label' }, multiLabel?.losses, float(multiLabel));
  add('regression loss', { ...own, task: 'regression' }, regression?.losses, float(regression));
  for (const kind of ['masked', 'causal'] as const) {
    const language = known[kind];
    const folder = kind === 'masked' && logits ? { directory: `${directory}-masked` } : {};
    const losses = { ...labelled(Int32Array.from(language?.labels ?? [])), ...folder };
    add(
      `${kind} language model's loss over the record's own targets (G1)`,
      { task: `${kind}-lm` },
      language?.losses,
      losses,
    );
    add(`${kind} language model's logits`, { task: `${kind}-lm`, to: 'logits' }, language?.logits, {
      mask,
      ...folder,
    });
  }
  return found;
}

async function errorOf({ directory, options, batch, expected, mask }: Comparison): Promise<number> {
  const output = await run(directory, options, batch);
  return largestError(mask ? atTokens(output, mask) : output.data, expected);
}

describe('outputs equal those of transformers', () => {
  const models = Object.entries(golden.models);
  const all = models.flatMap(([name, expected]) =>
    comparisons(name, here(`../golden/models/${name}`), expected),
  );
  it.each(all)('%s', async (_, comparison) => {
    expect(await errorOf(comparison)).toBeLessThan(TOLERANCE);
  });

  const tall = models.filter(([, { afterOne }]) => afterOne);
  it.each(tall)('%s: after one layer, and the rest from there', async (name, expected) => {
    const directory = here(`../golden/models/${name}`);
    const task = 'single-label';
    const batch = batchOf(expected);
    const lower = await run(directory, { task, to: { layer: 1 } }, batch);
    expect(largestError(atTokens(lower, expected.mask), expected.afterOne!)).toBeLessThan(TOLERANCE);
    const upper = { ...batch, hidden: lower.data as Float32Array };
    const mean = await run(directory, { task, from: { layer: 1 }, to: 'features' }, upper);
    expect(largestError(mean.data, expected.mean!)).toBeLessThan(TOLERANCE);
  });

  const classifiers = models.filter(([, { logits }]) => logits);
  it.each(classifiers)('%s: features, and logits from there', async (name, expected) => {
    const directory = here(`../golden/models/${name}`);
    const own = { task: 'single-label', labels: 3, head: 'pooler' } as const;
    const batch = batchOf(expected);
    const features = await run(directory, { ...own, to: 'features' }, batch);
    const top = { ...batch, features: features.data as Float32Array };
    const logits = await run(directory, { ...own, from: 'features', to: 'logits' }, top);
    expect(largestError(logits.data, expected.logits!)).toBeLessThan(TOLERANCE);
  });

  const data = here('../../../shared/data/models');
  const real = Object.entries(golden.real).flatMap(([name, expected]) =>
    comparisons(name, `${data}/${name}`, expected),
  );
  it.skipIf(!existsSync(data)).each(real)(
    '%s (skipped where ../shared/data is absent)',
    async (_, comparison) => {
      expect(await errorOf(comparison)).toBeLessThan(TOLERANCE);
    },
  );
});

describe('padding', () => {
  const { records, tokens, ids, mask, typeIds } = batchOf(golden.models['bert']!);
  /** The batch with `more` padded columns, which hold `filler`. */
  const padded = (more: number, filler: number): Batch => {
    const wide = tokens + more;
    const widen = <T extends Int32Array | Float32Array>(from: T, to: T, fill: number): T => {
      to.fill(fill);
      for (let row = 0; row < records; row++)
        to.set(from.subarray(row * tokens, (row + 1) * tokens), row * wide);
      for (let at = 0; at < to.length; at++)
        if (at % wide < tokens && mask![Math.floor(at / wide) * tokens + (at % wide)] === 0) to[at] = fill;
      return to;
    };
    const size = records * wide;
    return {
      records,
      tokens: wide,
      ids: widen(ids!, new Int32Array(size), filler),
      typeIds: widen(typeIds!, new Int32Array(size), 0),
      mask: widen(mask!, new Float32Array(size), 0),
    };
  };

  it.each(['mean', 'first', 'pooler'] as const)(
    'what it holds changes nothing, to the bit; how much, only by rounding: head %s',
    async (head) => {
      const options = {
        task: 'single-label',
        labels: 3,
        head,
        to: head === 'pooler' ? 'logits' : 'features',
      } as const;
      const logits = (batch: Batch) => run(here('../golden/models/bert'), options, batch);
      const first = await logits(padded(0, 0));
      expect((await logits(padded(0, 17))).data).toEqual(first.data);
      expect(largestError((await logits(padded(6, 5))).data, [...first.data])).toBeLessThan(1e-6);
    },
  );
});
