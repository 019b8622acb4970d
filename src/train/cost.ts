import { performance } from 'node:perf_hooks';
import { reproducibleRng } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { privateGradient } from '../graph/index.ts';
import { noiseMemoryOf } from './bands.ts';
import { feedsOf, type Batch } from '../models/index.ts';
import { wordsOf } from './heads.ts';
import type { BaseModel } from './base-model.ts';
import { microBatchTokensOf, networkTaskOf } from './materials.ts';
import type { JobPlan } from './plan-file.ts';
import { createSession, cutFor, parameterCount, startEngine } from './session.ts';
import { adaptersIn, trainableIn } from './trainable.ts';

/** What a run would take here, measured on made-up text: no private data is looked at. */
export interface CostEstimate {
  /** Tokens of a record that the estimate assumes; real texts may be shorter or longer. */
  readonly assumedTokens: number;
  readonly phases: readonly {
    readonly name: string;
    readonly trainable: number;
    /** Seconds for computing the frozen part once, for all steps, and together. */
    readonly frozenSeconds: number;
    readonly stepSeconds: number;
    readonly seconds: number;
  }[];
  readonly seconds: number;
  /** Largest memory of the process while measuring, bytes. */
  readonly peakMemory: number;
  /** Largest memory that correlated noise needs beside that, for the noise of earlier steps, bytes. */
  readonly noiseMemory: number;
  readonly engine: string;
}

const assumedTokens = 64;
/** Seconds that noise and update take a parameter and step, measured by bench/noise.ts; an upper figure. */
const updateSecondsEach = 4e-8;

/** Times one micro-batch of each phase and multiplies. */
export async function estimateCost(
  config: Config,
  plan: JobPlan,
  model: BaseModel,
  labels: number,
): Promise<CostEstimate> {
  const engine = await startEngine(config);
  const tokens = Math.min(assumedTokens, plan.maxLength);
  const records = Math.max(1, Math.floor(microBatchTokensOf(config) / tokens));
  const session = createSession({
    model,
    plan,
    task: networkTaskOf(plan),
    labels,
    head: plan.head,
    words: wordsOf(plan),
    seed: plan.seed,
    engine,
    directory: '',
    microBatchTokens: microBatchTokensOf(config),
    maxTokens: plan.maxLength,
  });
  const recordsPerUnit = plan.privacy.unit.kind === 'user' ? plan.privacy.unit.maxRecords : 1;
  const allRecords = plan.privacy.publicSize * recordsPerUnit;
  const batch = madeUpBatch(
    session.model,
    plan.task === 'regression' ? 'number' : plan.task,
    records,
    tokens,
    labels,
  );
  try {
    const phases: CostEstimate['phases'][number][] = [];
    for (const [index, training] of plan.training.entries()) {
      const phase = plan.privacy.phases[index]!;
      const lora = adaptersIn(plan, index, model);
      const withLora = lora && { lora };
      const full = session.network({ ...withLora, dropout: training.dropout });
      const trainable = trainableIn(full, training);
      const cut = cutFor(
        full,
        trainable,
        model.architecture.layers,
        training.dropout,
        config.performance.cache,
      );
      await session.prepare(full);
      let frozenSeconds = 0;
      let held: Float32Array | undefined;
      if (cut !== 'tokens') {
        const below = session.network({ to: cut, ...withLora });
        const program = await engine.load(below.graph);
        const run = async () => {
          held = (await program.run(feedsOf(below, batch)))[below.output]!.data as Float32Array;
        };
        frozenSeconds = (await timed(run)) * (allRecords / records);
        await program.dispose();
      }
      const network = session.network({ from: cut, dropout: training.dropout, ...withLora });
      const program = await engine.loadGradient(
        privateGradient({
          network: network.graph,
          loss: 'loss',
          trainable,
          clipping: phase.clipping,
          sizes: { tokens },
        }),
      );
      const inputs = feedsOf(network, {
        ...batch,
        ...(held && (typeof cut === 'object' ? { hidden: held } : { features: held })),
      });
      const gradientSeconds = await timed(async () => {
        await program.add(inputs);
        await engine.take();
      });
      await program.dispose();
      const size = parameterCount(network.params.filter((spec) => trainable.includes(spec.name)));
      const stepSeconds =
        (gradientSeconds * phase.expectedBatch * recordsPerUnit) / records + size * updateSecondsEach;
      phases.push({
        name: phase.name,
        trainable: size,
        frozenSeconds,
        stepSeconds,
        seconds: frozenSeconds + stepSeconds * phase.steps,
      });
    }
    return {
      assumedTokens: tokens,
      phases,
      seconds: phases.reduce((sum, phase) => sum + phase.seconds, 0),
      peakMemory: process.resourceUsage().maxRSS * 1024,
      noiseMemory: Math.max(
        ...phases.map(({ trainable }, index) =>
          noiseMemoryOf(plan.privacy.phases[index]!.strategy?.length ?? 1, trainable),
        ),
      ),
      engine: `${engine.name}, ${engine.device}`,
    };
  } finally {
    await engine.dispose();
  }
}

/** Median of three runs after one that warms up. */
async function timed(run: () => Promise<void>): Promise<number> {
  const seconds: number[] = [];
  for (let repeat = 0; repeat < 4; repeat++) {
    const start = performance.now();
    await run();
    if (repeat > 0) seconds.push((performance.now() - start) / 1000);
  }
  return seconds.sort((a, b) => a - b)[1]!;
}

function madeUpBatch(
  { architecture, tokenizer }: BaseModel,
  task: 'classification' | 'multi-label' | 'token-classification' | 'generation' | 'number',
  records: number,
  tokens: number,
  labels: number,
): Batch {
  const rng = reproducibleRng('made-up text');
  const { mask } = tokenizer.special;
  return {
    records,
    tokens,
    // The last token is what a head that reads the mask finds.
    ids: Int32Array.from({ length: records * tokens }, (_, at) =>
      mask !== undefined && (at + 1) % tokens === 0 ? mask : rng.integer(architecture.vocabularySize),
    ),
    typeIds: new Int32Array(records * tokens),
    mask: new Float32Array(records * tokens).fill(1),
    labels:
      task === 'classification'
        ? new Int32Array(records)
        : task === 'generation' || task === 'token-classification'
          ? new Int32Array(records * tokens)
          : new Float32Array(task === 'number' ? records : records * labels),
  };
}
