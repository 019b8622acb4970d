import { devNull } from 'node:os';
import {
  createReadRegistry,
  phaseOf,
  reproducibleRng,
  secureStream,
  type Phase,
  type PhaseNumbers,
} from '../../privacy/index.ts';
import type { TokenStore } from '../data/index.ts';
import type { Engine } from '../engines/index.ts';
import {
  adaptersIn,
  alone,
  sessionOf,
  startPhase,
  trainableIn,
  type PhaseRun,
  type ReadyJob,
  type RecordSource,
  type Session,
  type TrainingPhase,
} from '../train/index.ts';
import type { Span } from './noise-tests.ts';

type CutBatch = ReturnType<RecordSource['batches']> extends Generator<infer Batch> ? Batch : never;

/** What is computed in a step in place of the units that were sampled for it. */
export type Script = (source: RecordSource, sampled: Uint32Array) => Iterable<CutBatch>;

/** No unit at all: what remains of the step is its noise. */
export const nobody: Script = () => [];

/** One step, seen from outside of the trainer. */
export interface Seen {
  /** The update that the optimizer took, times the plan's divisor: noise and clipped sum. Overwritten by the next step. */
  readonly sum: Float32Array;
  /** Units that the sampler chose. */
  readonly sampled: Uint32Array;
  /** Mean loss before the step; null where no unit had a finite one. */
  readonly loss: number | null;
}

/** One run of the phase's own loop, with plain SGD in place of the job's optimizer so that the update shows the gradient. */
export interface Scene {
  readonly run: PhaseRun;
  /** Steps charged to the journal, before the sampling that they pay for. */
  readonly charged: () => number;
  /** False once a batch was cut that no charge came before. */
  readonly paidFirst: () => boolean;
  step(script: Script): Promise<Seen>;
  /** The trainable parameters as they are now; shares their memory. */
  parameters(): Readonly<Record<string, Float32Array>>;
  end(): Promise<void>;
}

export interface SceneOptions {
  /** The plan's phase, or one of other numbers. */
  readonly phase: Phase;
  /** Whom to sample from: as many units as the job has, the probe's units, or nobody. */
  readonly units: 'real' | 'probe' | 'none';
  /** Without clipping and noise. */
  readonly plain?: boolean;
  /** 0 (default) leaves the parameters as they are. */
  readonly learningRate?: number;
  /** With the job's dropout; without any unless given. */
  readonly dropout?: boolean;
  /** Steps charged before, with what the last of them left behind. */
  readonly resumed?: { readonly charged: number; readonly saved: ReturnType<PhaseRun['snapshot']> };
}

/** One phase of the job, ready to be run on a few of its units. */
export interface Stage {
  readonly phase: Phase;
  readonly training: TrainingPhase;
  readonly probe: TokenStore;
  /** Units that were asked for; a small data set has fewer, which is nobody's business. */
  readonly asked: number;
  readonly spans: readonly Span[];
  /** Number of trainable numbers. */
  readonly size: number;
  readonly realUnits: number;
  open(options: SceneOptions): Promise<Scene>;
}

/** Divisor of rehearsals; unlike any number of probe units, so that a divisor taken from the batch shows. */
const rehearsalDivisor = 4096;
const rehearsalSteps = 1 << 24;
/** The least standard deviation that float64 adds well. */
const leastNoise = 2 ** -63;

/** The phase with other noise and another clipping norm, every unit in each batch. */
export function rehearsal(
  phase: Phase,
  numbers: Partial<Pick<PhaseNumbers, 'noiseMultiplier'>> & { norm?: number },
): Phase {
  const { norm = phase.clipping.norm, noiseMultiplier = phase.noiseMultiplier } = numbers;
  return phaseOf(
    {
      name: phase.name,
      expectedBatch: rehearsalDivisor,
      steps: rehearsalSteps,
      clipping: { ...phase.clipping, norm },
      noiseMultiplier: Math.max(noiseMultiplier, leastNoise / norm),
    },
    rehearsalDivisor,
  );
}

/** So little noise that sums are exact to float32. */
export const hardlyAnyNoise = 2 ** -30;

export interface StageOptions {
  readonly job: ReadyJob;
  /** Of the phase in the plan. */
  readonly index: number;
  readonly engine: Engine;
  readonly probe: TokenStore;
  readonly asked: number;
  /** For the frozen part's output on the probe's units. */
  readonly directory: string;
}

export async function createStage({
  job,
  index,
  engine,
  probe,
  asked,
  directory,
}: StageOptions): Promise<Stage> {
  const { config, plan, model, stores } = job;
  const phase = plan.privacy.phases[index]!;
  const training = plan.training[index]!;
  const session = sessionOf(job, engine, directory);
  const lora = adaptersIn(plan, index, model);
  const full = session.network({ ...(lora && { lora }) });
  const trainable = trainableIn(full, training);
  await session.prepare(full);
  await fillZeros(session, full.params, trainable);
  const specs = full.params.filter(({ name }) => trainable.includes(name));
  const original = Object.fromEntries(specs.map(({ name }) => [name, session.values.get(name)!.slice()]));
  const spans: Span[] = [];
  let size = 0;
  for (const { name } of specs) spans.push({ name, start: size, end: (size += original[name]!.length) });

  return {
    phase,
    training,
    probe,
    asked,
    spans,
    size,
    realUnits: stores.train.units,
    async open({ phase: numbers, units, plain = false, learningRate = 0, dropout = false, resumed }) {
      let script: Script = nobody;
      let sampled: Uint32Array | undefined;
      let charges = resumed?.charged ?? 0;
      let [paid, steps] = [true, charges];
      // The frozen part's output is needed for the probe's units alone; their indices are the probe's own.
      const records: Session['records'] = async (_, ...rest) => {
        const source = await session.records(probe, ...rest);
        return {
          ...source,
          *batches(chosen) {
            paid &&= charges === steps + 1;
            sampled ??= chosen;
            yield* script(source, chosen);
          },
        };
      };
      const run = await startPhase(
        numbers,
        plainSgd(training, learningRate, dropout),
        {
          session: { ...session, records },
          store: { real: stores.train, probe, none: { ...probe, units: 0 } }[units],
          storeKey: 'probe',
          lora,
          journal: {
            charged: () => charges,
            charge: (name) => ({ phase: name, step: (charges += 1) }),
          },
          reads: createReadRegistry(plan.privacy.reads),
          world: alone,
          stream: plain ? undefined : secureStream(),
          byUser: plan.privacy.unit.kind === 'user',
          averageDecay: 0,
          cache: config.performance.cache && training.dropout === 0,
          stepsLog: devNull,
          precompute: () => undefined,
        },
        resumed?.saved,
      );
      const sum = new Float32Array(size);
      return {
        run,
        charged: () => charges,
        paidFirst: () => paid,
        async step(next) {
          script = next;
          sampled = undefined;
          const { loss } = await run.step();
          steps += 1;
          paid &&= charges === steps;
          const velocity = run.snapshot().arrays['moment:velocity']!;
          const divisor = plain ? probe.units : numbers.divisor;
          for (let i = 0; i < sum.length; i++) sum[i] = velocity[i]! * divisor;
          return { sum, sampled: sampled ?? new Uint32Array(), loss };
        },
        parameters: () =>
          Object.fromEntries(
            Object.entries(run.snapshot().arrays)
              .filter(([name]) => name.startsWith('parameter:'))
              .map(([name, values]) => [name.slice('parameter:'.length), values]),
          ),
        end: () => run.close(original),
      };
    },
  };
}

/** Adapters, biases and heads that begin at zero would hide the gradients of what they are multiplied with. */
async function fillZeros(
  session: Session,
  specs: Parameters<Session['assign']>[1],
  trainable: readonly string[],
): Promise<void> {
  const rng = reproducibleRng('conformance');
  const zeros = specs.filter(
    ({ name }) => trainable.includes(name) && session.values.get(name)!.every((value) => value === 0),
  );
  const filled = zeros.map(({ name }) => {
    const own = rng.fork(name);
    return [name, session.values.get(name)!.map(() => 0.02 * own.normal())] as const;
  });
  await session.assign(Object.fromEntries(filled), zeros);
}

function plainSgd(training: TrainingPhase, learningRate: number, dropout: boolean): TrainingPhase {
  return {
    ...training,
    learningRate,
    schedule: { ...training.schedule, kind: 'constant', warmup: 0 },
    optimizer: { ...training.optimizer, kind: 'sgd', momentum: 0, weightDecay: 0 },
    dropout: dropout ? training.dropout : 0,
  };
}
