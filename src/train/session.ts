import { createHash } from 'node:crypto';
import { canonicalHash, reproducibleRng } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { microBatches, type MicroBatch, type TokenStore } from '../data/index.ts';
import { createEngine, type Engine, type Program } from '../engines/index.ts';
import {
  buildNetwork,
  feedsOf,
  findParameters,
  frozenLayers,
  loadParameters,
  restoredWeight,
  roundWeight,
  tensorsOf,
  type Batch,
  type LoraSettings,
  type Network,
  type NetworkOptions,
  type ParameterSpec,
  type ParameterValues,
  type Task,
} from '../models/index.ts';
import { activationsOf, type Activations } from './activations.ts';
import { networkHead } from './heads.ts';
import type { BaseModel } from './base-model.ts';
import type { JobPlan } from './plan-file.ts';
import type { Settings } from './settings.ts';
import { frozenBaseOf } from './trainable.ts';
import { sizeOf } from './vector.ts';

/** Where a network begins: at the tokens, or above a frozen part whose output is computed once a record. */
export type Cut = NonNullable<NetworkOptions['from']>;

export interface SessionOptions {
  readonly model: BaseModel;
  readonly plan: Pick<JobPlan, 'training' | 'frozenWeights'>;
  readonly task: Exclude<Task, 'masked-lm'>;
  /** Numbers that the model gives a record (or word): logits, or the loss alone (language models). */
  readonly labels: number;
  readonly head: Settings['head'];
  /** Token ids of the label words, where the language model answers by them. */
  readonly words?: readonly number[] | undefined;
  readonly seed: number;
  readonly engine: Engine;
  readonly directory: string;
  readonly microBatchTokens: number;
  readonly maxTokens: number;
}

/** A micro-batch with the frozen part's output, where the cut asks for it. */
export type CutBatch = MicroBatch & Batch;

/** A store's records as networks above a cut take them. */
export interface RecordSource {
  readonly cut: Cut;
  batches(units: Uint32Array): Generator<CutBatch>;
  close(): void;
}

/**
 * The model of a run: its parameters' present values, and the networks that they fill. The engine holds a copy of
 * those that it was given; of a base in 8 bits it has the only one.
 */
export interface Session extends SessionOptions {
  /** Present values but those of a base in 8 bits; see `reader`. */
  readonly values: ParameterValues;
  /** Weights that are held in 8 bits; undefined where none is. */
  readonly int8: ReadonlySet<string> | undefined;
  /** A network of this model; `lora` where adapters are in. */
  network(options: Pick<NetworkOptions, 'from' | 'to' | 'lora' | 'dropout'>): Network;
  /**
   * Makes sure that every parameter of a network has a value, here or in the engine.
   * @param from - where its head comes from; as for the job's own networks unless given
   */
  prepare(network: Pick<Network, 'params'>, from?: 'checkpoint'): Promise<void>;
  /** Reads one parameter of a network after the other, as the network computes with them. */
  reader(network: Pick<Network, 'params'>): (spec: ParameterSpec) => Promise<Float32Array>;
  /** Does `work` while the engine holds the base model's values of a language model's network, adapters that add nothing. */
  asBase<T>(network: Pick<Network, 'params'>, work: () => Promise<T>): Promise<T>;
  /** Replaces values, here and in the engine. */
  assign(values: Readonly<Record<string, Float32Array>>, specs: readonly ParameterSpec[]): Promise<void>;
  /** Values that differ from the base model's: those assigned so far. */
  changed(): Record<string, Float32Array>;
  /** Puts back what `changed` gave in an earlier process, before any network is made ready. */
  restore(values: Readonly<Record<string, Float32Array>>): void;
  /** @param progress - called as the frozen part is computed; may throw to stop */
  records(
    store: TokenStore,
    storeKey: string,
    cut: Cut,
    lora: LoraSettings | undefined,
    progress: (records: number) => void,
  ): Promise<RecordSource>;
}

/** Token positions of a micro-batch of which only one vector a record is computed. */
const featureBudget = 1 << 19;

export function createSession(options: SessionOptions): Session {
  const { model, task, labels, head, words, seed, engine, directory, microBatchTokens, maxTokens } = options;
  const values: ParameterValues = new Map();
  const inEngine = new Set<string>();
  const changed = new Set<string>();

  const build = (part: Partial<NetworkOptions>): Network =>
    buildNetwork({
      architecture: model.architecture,
      task,
      labels,
      ...networkHead(head, words, model, task),
      maxTokens,
      ...part,
    });
  const base = frozenBaseOf(options.plan, model, (lora) => build({ ...(lora && { lora }) }));
  const network: Session['network'] = (part) => build({ ...part, int8: base?.int8 });

  const stored = (params: readonly ParameterSpec[], from?: 'checkpoint') =>
    findParameters(model.directory.weights, {
      architecture: model.architecture,
      params,
      rng: reproducibleRng(seed).fork('initial weights'),
      head: from ?? (head === 'checkpoint' || words ? 'checkpoint' : 'fresh'),
    });

  const prepare: Session['prepare'] = async ({ params }, from) => {
    const absent = params.filter(({ name }) => !values.has(name) && !inEngine.has(name));
    if (absent.length > 0) {
      const { read } = stored(absent, from);
      for (const spec of absent) {
        const data = await read(spec);
        // One at a time: the whole base in float32 is what there may be no room for.
        if (base?.names.has(spec.name)) await sendValues([spec], new Map([[spec.name, data]]));
        else values.set(spec.name, data);
      }
    }
    await sendValues(params.filter(({ name }) => !inEngine.has(name)));
  };

  async function sendValues(
    specs: readonly ParameterSpec[],
    from: ReadonlyMap<string, Float32Array> = values,
  ): Promise<void> {
    if (specs.length === 0) return;
    await engine.write(tensorsOf(specs, from));
    for (const { name } of specs) inEngine.add(name);
  }

  return {
    ...options,
    values,
    int8: base?.int8,
    network,
    prepare,
    reader({ params }) {
      const { read } = stored(params);
      return async (spec) => {
        const held = values.get(spec.name);
        if (held) return held;
        const data = await read(spec);
        const { name, shape, int8 } = spec;
        return int8 === undefined
          ? data
          : restoredWeight({ shape, int8 }, roundWeight({ name, shape, int8 }, data));
      };
    },
    async asBase({ params }, work) {
      const moved = params.filter(({ name }) => changed.has(name));
      const { architecture, directory: files } = model;
      const rng = reproducibleRng(seed);
      const begun = await loadParameters(files.weights, {
        architecture,
        params: moved,
        rng,
        head: 'checkpoint',
      });
      await sendValues(moved, begun.values);
      try {
        return await work();
      } finally {
        await sendValues(moved);
      }
    },
    async assign(given, specs) {
      const named = specs.filter(({ name }) => given[name] !== undefined);
      for (const { name } of named) {
        values.set(name, given[name]!.slice());
        changed.add(name);
      }
      await sendValues(named);
    },
    changed: () => Object.fromEntries([...changed].map((name) => [name, values.get(name)!])),
    restore(given) {
      for (const [name, data] of Object.entries(given)) {
        values.set(name, data);
        changed.add(name);
      }
    },
    async records(store, storeKey, cut, lora, progress) {
      const batchesOf = (units: Uint32Array, tokenBudget: number) =>
        microBatches(store, units, { tokenBudget, padId: model.padId });
      if (cut === 'tokens')
        return { cut, batches: (units) => batchesOf(units, microBatchTokens), close: () => undefined };
      const below = network({ to: cut, ...(lora && { lora }) });
      await prepare(below);
      const program = await engine.load(below.graph);
      const activations = await frozenOutput(below, program, cut, lora, store, storeKey, progress);
      await program.dispose();
      // One vector a record needs no padding: a batch may be as large as memory likes.
      const budget = activations.perToken ? microBatchTokens : featureBudget;
      return {
        cut,
        *batches(units) {
          for (const batch of batchesOf(units, budget)) {
            const output = activations.read(batch.recordIndices, batch.tokens);
            yield { ...batch, ...(activations.perToken ? { hidden: output } : { features: output }) };
          }
        },
        close: () => activations.close(),
      };
    },
  };

  function frozenOutput(
    below: Network,
    program: Program,
    cut: Cut,
    lora: LoraSettings | undefined,
    store: TokenStore,
    storeKey: string,
    progress: (records: number) => void,
  ): Promise<Activations> {
    const moved = below.params.filter(({ name }) => changed.has(name));
    return activationsOf({
      directory,
      key: canonicalHash({
        model: model.digest,
        data: storeKey,
        cut,
        head,
        maxTokens,
        ...(base && { int8: below.params.flatMap(({ name, int8 }) => (int8 ? [name] : [])) }),
        // Adapters that have not trained yet add exactly nothing; trained ones add alpha / rank times their product.
        lora: moved.length === 0 ? null : (lora ?? null),
        moved: moved.map(({ name }) => [name, digestOf(values.get(name)!)]),
      }),
      store,
      program,
      output: below.output,
      width: model.architecture.hiddenSize,
      perToken: typeof cut === 'object',
      inputs: (batch) => feedsOf(below, batch),
      tokenBudget: microBatchTokens,
      padId: model.padId,
      progress,
    });
  }
}

/**
 * The highest place below which nothing trains and nothing is random: everything up to there is computed once a
 * record. `tokens` where that would save no layer.
 */
export function cutFor(
  full: Network,
  trainable: readonly string[],
  layers: number,
  dropout: number,
  cache: boolean,
): Cut {
  if (!cache || dropout > 0) return 'tokens';
  const names = new Set(trainable);
  const frozen = frozenLayers(full.params, trainable);
  const onlyHead = full.params.every(({ name, place }) => place === 'head' || !names.has(name));
  if (onlyHead) return full.hasFeatures ? 'features' : { layer: layers };
  return frozen > 0 && frozen < layers ? { layer: frozen } : 'tokens';
}

export function parameterCount(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

function digestOf({ buffer, byteOffset, byteLength }: Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}

/** The engine that a job asks for. */
export async function startEngine({ performance: { engine, device, threads } }: Config): Promise<Engine> {
  return createEngine({
    engine,
    ...(device !== 'auto' && { device }),
    ...(threads !== 'auto' && { threads }),
  });
}
