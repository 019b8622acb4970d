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

function largestError(found: ArrayLike<number>, expected: readonly number[]): number {
  expect(found).toHaveLength(expected.length);
  return expected.reduce((worst, value, at) => Math.max(worst, Math.abs(value - found[at]!)), 0);
}

const TOLERANCE = 1e-4;
const float = (labels: number[]) => Float32Array.from(labels);

describe('outputs equal those of transformers', () => {
  for (const [name, expected] of Object.entries(golden.models)) {
    const directory = here(`../golden/models/${name}`);
    const batch = batchOf(expected);

    it(`${name}: hidden states, also by way of a frozen prefix, and their mean`, async () => {
      const { architecture } = await open(directory);
      const { layers } = architecture;
      const task = 'single-label' as const;
      if (expected.afterOne) {
        const lower = await run(directory, { task, to: { layer: 1 } }, batch);
        expect(largestError(atTokens(lower, expected.mask), expected.afterOne)).toBeLessThan(TOLERANCE);
        const rest = { task, from: { layer: 1 }, to: 'features' } as const;
        const mean = await run(directory, rest, { ...batch, hidden: lower.data as Float32Array });
        expect(largestError(mean.data, expected.mean!)).toBeLessThan(TOLERANCE);
      }
      if (architecture.family === 'encoder') {
        const top = await run(directory, { task, to: { layer: layers } }, batch);
        expect(largestError(atTokens(top, expected.mask), expected.hidden)).toBeLessThan(TOLERANCE);
      }
      const mean = await run(directory, { task, to: 'features' }, batch);
      expect(largestError(mean.data, expected.mean!)).toBeLessThan(TOLERANCE);
    });

    if (expected.logits) {
      it(`${name}: logits and every record's loss of the checkpoint's own head`, async () => {
        const options = { task: 'single-label', labels: 3, head: 'pooler' } as const;
        const logits = await run(directory, { ...options, to: 'logits' }, batch);
        expect(largestError(logits.data, expected.logits!)).toBeLessThan(TOLERANCE);
        const single = { ...batch, labels: Int32Array.from(expected.singleLabel!.labels) };
        const { data } = await run(directory, options, single);
        expect(largestError(data, expected.singleLabel!.losses)).toBeLessThan(TOLERANCE);
        for (const task of ['multiLabel', 'regression'] as const) {
          const labelled = { ...batch, labels: float(expected[task]!.labels) };
          const kind = task === 'multiLabel' ? 'multi-label' : 'regression';
          const losses = await run(directory, { ...options, task: kind }, labelled);
          expect(largestError(losses.data, expected[task]!.losses)).toBeLessThan(TOLERANCE);
        }
        const features = await run(directory, { ...options, to: 'features' }, batch);
        const top = { ...batch, features: features.data as Float32Array };
        const again = await run(directory, { ...options, from: 'features', to: 'logits' }, top);
        expect(largestError(again.data, expected.logits!)).toBeLessThan(TOLERANCE);
      });
    }

    for (const task of ['masked', 'causal'] as const) {
      const language = expected[task];
      if (!language) continue;
      it(`${name}: ${task} language model's logits and losses, each over the record's own targets (G1)`, async () => {
        const folder = task === 'masked' ? `${directory}-masked` : directory;
        const options = { task: `${task}-lm` } as const;
        const logits = await run(folder, { ...options, to: 'logits' }, batch);
        expect(largestError(atTokens(logits, expected.mask), language.logits!)).toBeLessThan(TOLERANCE);
        const { data } = await run(folder, options, { ...batch, labels: Int32Array.from(language.labels) });
        expect(largestError(data, language.losses)).toBeLessThan(TOLERANCE);
      });
    }
  }

  for (const [name, expected] of Object.entries(golden.real)) {
    const directory = here(`../../../shared/data/models/${name}`);
    const absent = !existsSync(directory);
    it.skipIf(absent)(`${name}${absent ? ' (skipped: ../shared/data is absent)' : ''}`, async () => {
      const batch = batchOf(expected);
      if (expected.mean) {
        const mean = await run(directory, { task: 'single-label', to: 'features' }, batch);
        expect(largestError(mean.data, expected.mean)).toBeLessThan(TOLERANCE);
      }
      for (const task of ['masked', 'causal'] as const) {
        if (!expected[task]) continue;
        const labels = Int32Array.from(expected[task].labels);
        const losses = await run(directory, { task: `${task}-lm` }, { ...batch, labels });
        expect(largestError(losses.data, expected[task].losses)).toBeLessThan(TOLERANCE);
      }
    });
  }
});
