import * as fc from 'fast-check';
import seedrandom from 'seedrandom';
import { describe, expect, it } from 'vitest';
import {
  plainGradient,
  privateGradient,
  type Clipping,
  type GradientRequest,
} from '../../src/graph/index.ts';
import {
  architectureOf,
  buildNetwork,
  feedsOf,
  ignoredLabel,
  type Batch,
  type Network,
  type Task,
} from '../../src/models/index.ts';
import { ruleSizes } from '../support/cases.ts';
import type { DenseInput } from '../support/interpreter.ts';
import { flatten, relativeError, runGradient, type Gradient } from '../support/sums.ts';

const vocabulary = 9;
const common = {
  vocab_size: vocabulary,
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 6,
};
const encoder = architectureOf({ model_type: 'bert', ...common, hidden_size: 8, max_position_embeddings: 8 });
const gpt2 = architectureOf({
  model_type: 'gpt2',
  vocab_size: vocabulary,
  n_embd: 4,
  n_layer: 1,
  n_head: 2,
  n_positions: 8,
});
const llama = architectureOf({
  model_type: 'llama',
  ...common,
  num_key_value_heads: 1,
  max_position_embeddings: 8,
});
const networks: readonly { task: Task; network: Network }[] = [
  { task: 'single-label', network: buildNetwork({ architecture: encoder, task: 'single-label', labels: 3 }) },
  {
    task: 'multi-label',
    network: buildNetwork({ architecture: encoder, task: 'multi-label', labels: 3, head: 'first' }),
  },
  {
    task: 'regression',
    network: buildNetwork({ architecture: encoder, task: 'regression', labels: 1, head: 'pooler' }),
  },
  {
    task: 'token-classification',
    network: buildNetwork({ architecture: encoder, task: 'token-classification', labels: 3 }),
  },
  { task: 'masked-lm', network: buildNetwork({ architecture: encoder, task: 'masked-lm' }) },
  { task: 'causal-lm', network: buildNetwork({ architecture: gpt2, task: 'causal-lm' }) },
  { task: 'causal-lm', network: buildNetwork({ architecture: llama, task: 'causal-lm' }) },
];
const labelled = networks.map(({ task, network }, i) => [`${task} ${i}`, { task, network }] as const);

type Rng = () => number;
type Feeds = Readonly<Record<string, DenseInput>>;

function whole(rng: Rng, below: number): number {
  return Math.floor(rng() * below);
}

/** Records of unequal lengths, padded; a short one among them. */
function batchOf(task: Task, records: number, tokens: number, rng: Rng): Batch {
  const lengths = Array.from({ length: records }, (_, i) => (i === 0 ? 1 : 1 + whole(rng, tokens)));
  const grid = <T>(f: (record: number, at: number) => T): T[] =>
    [...lengths.keys()].flatMap((record) => Array.from({ length: tokens }, (_, at) => f(record, at)));
  const inside = (record: number, at: number): boolean => at < lengths[record]!;
  const labels = {
    'single-label': () => Int32Array.from(lengths, () => whole(rng, 3)),
    'multi-label': () => Float32Array.from({ length: 3 * records }, () => whole(rng, 2)),
    regression: () => Float32Array.from(lengths, () => 10 * rng()),
    'token-classification': () =>
      Int32Array.from(grid((r, t) => (inside(r, t) && rng() < 0.5 ? whole(rng, 3) : ignoredLabel))),
    'masked-lm': () =>
      Int32Array.from(grid((r, t) => (inside(r, t) && rng() < 0.5 ? whole(rng, vocabulary) : ignoredLabel))),
    'causal-lm': () =>
      Int32Array.from(grid((r, t) => (inside(r, t) ? whole(rng, vocabulary) : ignoredLabel))),
  }[task]();
  return {
    records,
    tokens,
    ids: Int32Array.from(grid((r, t) => (inside(r, t) ? whole(rng, vocabulary) : 0))),
    typeIds: new Int32Array(records * tokens),
    mask: Float32Array.from(grid((r, t) => (inside(r, t) ? 1 : 0))),
    labels,
  };
}

function paramsOf(network: Network, rng: Rng): Feeds {
  return Object.fromEntries(
    network.params.map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, { dims: shape, data: Float64Array.from({ length: size }, () => 2 * rng() - 1) }];
    }),
  );
}

/** Some records of a batch, in the order given. */
function take(feeds: Feeds, records: readonly number[]): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dims, data }]) => {
      const size = data.length / dims[0]!;
      const rows = records.flatMap((record) => Array.from(data).slice(record * size, (record + 1) * size));
      return [name, { dims: [records.length, ...dims.slice(1)], data: rows }];
    }),
  );
}

const requestOf = (network: Network): GradientRequest => ({
  network: network.graph,
  loss: 'loss',
  trainable: network.params.map(({ name }) => name),
});

const clippings: readonly Clipping[] = [
  { kind: 'flat', norm: 0.3 },
  { kind: 'per-layer', norm: 0.3 },
  { kind: 'automatic', norm: 0.3, gamma: 0.01 },
];

describe.each(labelled)('%s', (name, { task, network }) => {
  const request = requestOf(network);
  const rng = seedrandom(name);
  const feeds = feedsOf(network, batchOf(task, 4, 5, rng));
  const params = paramsOf(network, rng);

  it.each(clippings)('G1 one record more moves the sum by at most the clipping norm: $kind', (clipping) => {
    const gradient = privateGradient({ ...request, clipping, sizes: ruleSizes.ghost });
    const all = flatten(runGradient(gradient, feeds, params).sums, request.trainable);
    const moves = [0, 1, 2, 3].map((left) => {
      const rest = take(
        feeds,
        [0, 1, 2, 3].filter((record) => record !== left),
      );
      const without = flatten(runGradient(gradient, rest, params).sums, request.trainable);
      return Math.hypot(...all.map((x, i) => x - without[i]!));
    });
    expect(Math.max(...moves)).toBeLessThanOrEqual(clipping.norm * (1 + 1e-6));
    // Not for want of trying: some record reaches most of it.
    expect(Math.max(...moves)).toBeGreaterThan(clipping.norm * 0.5);
  });

  it('G5 another record leaves a record as it was, bit for bit', () => {
    const gradient = privateGradient({ ...request, clipping: clippings[0]!, sizes: ruleSizes.ghost });
    const other = feedsOf(network, batchOf(task, 4, 5, rng));
    const before = runGradient(gradient, take(feeds, [1, 2, 3]), params);
    const mixed = Object.keys(feeds).map((key) => {
      const [kept, changed] = [take(feeds, [1])[key]!, take(other, [0, 2])[key]!];
      return [
        key,
        { dims: [3, ...kept.dims.slice(1)], data: [...Array.from(kept.data), ...Array.from(changed.data)] },
      ];
    });
    const after = runGradient(gradient, Object.fromEntries(mixed) as Feeds, params);
    expect(after.norms[0]).toBe(before.norms[0]);
    expect(after.losses[0]).toBe(before.losses[0]);
    expect(after.norms[1]).not.toBe(before.norms[1]);
  });

  it('G2 padding changes nothing', () => {
    const gradient = privateGradient({ ...request, clipping: clippings[0]!, sizes: ruleSizes.ghost });
    const [short, long] = [5, 7].map((tokens) => {
      const batch = batchOf(task, 1, 5, seedrandom('padding'));
      const pad = (x: Int32Array | Float32Array, value: number): number[] => [
        ...Array.from(x),
        ...Array.from({ length: tokens - 5 }, () => value),
      ];
      const isPadded = task.endsWith('lm') || task === 'token-classification';
      const labels = isPadded ? Int32Array.from(pad(batch.labels!, ignoredLabel)) : batch.labels;
      const padded: Batch = {
        records: 1,
        tokens,
        ids: Int32Array.from(pad(batch.ids!, 0)),
        typeIds: new Int32Array(tokens),
        mask: Float32Array.from(pad(batch.mask!, 0)),
        labels,
      };
      return runGradient(gradient, feedsOf(network, padded), params);
    }) as [Gradient, Gradient];
    expect(relativeError(long.norms, short.norms)).toBeLessThan(1e-12);
    expect(
      relativeError(flatten(long.sums, request.trainable), flatten(short.sums, request.trainable)),
    ).toBeLessThan(1e-12);
  });
});

it('G2 G7 equals brute force, one unit at a time, for random shapes, units, rules and clipping', () => {
  const property = fc.property(
    fc.record({
      which: fc.nat(networks.length - 1),
      units: fc.integer({ min: 1, max: 3 }),
      recordsPerUnit: fc.integer({ min: 1, max: 3 }),
      tokens: fc.integer({ min: 1, max: 6 }),
      rule: fc.constantFrom(...(['ghost', 'direct'] as const)),
      subset: fc.integer({ min: 1, max: 3 }),
      seed: fc.string(),
    }),
    ({ which, units, recordsPerUnit, tokens, rule, subset, seed }) => {
      const { task, network } = networks[which]!;
      const rng = seedrandom(seed);
      const feeds = feedsOf(network, batchOf(task, units * recordsPerUnit, tokens, rng));
      const params = paramsOf(network, rng);
      const all = requestOf(network);
      const trainable = all.trainable.filter((_, i) => i % subset === 0);
      const weights = Array.from({ length: units * recordsPerUnit }, () => whole(rng, 4) / 2);

      const clipping = { kind: 'flat', norm: 0.5 } as const;
      const sizes = { ...ruleSizes[rule], recordsPerUnit };
      const grouped = recordsPerUnit > 1 ? { recordsPerUnit: 'recordsPerUnit' } : {};
      const gradient = privateGradient({ ...all, trainable, ...grouped, clipping, sizes });
      const weighed = recordsPerUnit > 1 ? { weights: { dims: [units, recordsPerUnit], data: weights } } : {};
      const actual = runGradient(gradient, { ...feeds, ...weighed }, params);

      const plain = plainGradient({ ...all, trainable });
      const unitGradients = [...Array(units).keys()].map((unit) => {
        const parts = Array.from({ length: recordsPerUnit }, (_, i) => {
          const record = unit * recordsPerUnit + i;
          const { sums } = runGradient(plain, take(feeds, [record]), params);
          const weight = recordsPerUnit > 1 ? weights[record]! : 1;
          return flatten(sums, trainable).map((x) => x * weight);
        });
        return parts.reduce((a, b) => a.map((x, i) => x + b[i]!));
      });
      const norms = unitGradients.map((g) => Math.hypot(...g));
      const clipped = unitGradients
        .map((g, unit) => g.map((x) => x * Math.min(1, 0.5 / norms[unit]!)))
        .reduce((a, b) => a.map((x, i) => x + b[i]!));
      // Ghost norms err on the high side, by their bound of float32's rounding; folded constants are float32, too.
      expect(Math.min(...actual.norms.map((norm, i) => norm - norms[i]!))).toBeGreaterThan(-1e-7);
      expect(relativeError(actual.norms, norms, 1e-6)).toBeLessThan(1e-5);
      expect(relativeError(flatten(actual.sums, trainable), clipped, 1e-6)).toBeLessThan(1e-5);
    },
  );
  fc.assert(property, { seed: 20261124, numRuns: 60 });
});
