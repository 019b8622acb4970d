import { appendFileSync } from 'node:fs';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import {
  mechanismOf,
  nonPrivateMechanismOf,
  reproducibleRng,
  type Mechanism,
  type Phase,
  type PrivacyStream,
  type ReadRegistry,
} from '../../privacy/index.ts';
import { unitSubsets, type TokenStore } from '../data/index.ts';
import type { GradientProgram } from '../engines/index.ts';
import { plainGradient, privateGradient, ruleKey } from '../graph/index.ts';
import { feedsOf, type LoraSettings, type Network } from '../models/index.ts';
import { createAverage } from './average.ts';
import type { Checkpoint } from './checkpoint.ts';
import { sumGradients, type GradientBatch } from './gradient.ts';
import type { Journal } from './journal.ts';
import {
  initOptimizer,
  updateParameters,
  type OptimizerSettings,
  type OptimizerState,
} from './optimizers.ts';
import { createSchedule } from './schedules.ts';
import { cutFor, type CutBatch, type RecordSource, type Session } from './session.ts';
import type { TrainingPhase } from './settings.ts';
import { diagnosticsOf, type StepDiagnostics } from './step-diagnostics.ts';
import { trainableIn } from './trainable.ts';
import { sizeOf, tensorsOf, vectorOf, zeroVector, type ParameterVector } from './vector.ts';
import type { World } from './world.ts';

/** What a phase needs from its run. */
export interface PhaseContext {
  readonly session: Session;
  readonly store: TokenStore;
  readonly storeKey: string;
  /** Adapters that are in the network in this phase. */
  readonly lora: LoraSettings | undefined;
  readonly journal: Pick<Journal, 'charged' | 'charge'>;
  readonly reads: ReadRegistry;
  readonly world: World;
  /** Without one the phase is not private. */
  readonly stream: PrivacyStream | undefined;
  /** Whether a unit may have several records. */
  readonly byUser: boolean;
  readonly averageDecay: number;
  readonly cache: boolean;
  /** File for per-step diagnostics. */
  readonly stepsLog: string;
  readonly precompute: (records: number) => void;
}

/** A phase under way. One call of `step` is one step of the plan. */
export interface PhaseRun {
  readonly phase: Phase;
  readonly source: RecordSource;
  readonly network: Network;
  readonly trainable: readonly string[];
  /** Steps charged. */
  readonly taken: number;
  /** Takes one step and tells what happened in it. */
  step(): Promise<StepDiagnostics>;
  /** Tells a schedule that follows a metric about an evaluation on public data; a larger score is better. */
  observe(score: number): void;
  /** The parameters as they would be released now: averaged where the job asks for it. */
  released(): Readonly<Record<string, Float32Array>>;
  /** Does `work` while the session's model is the one that would be released now. */
  asReleased<T>(work: () => Promise<T>): Promise<T>;
  snapshot(): Checkpoint;
  /** Ends the phase; its parameters stay as released, or become `values`. */
  close(values?: Readonly<Record<string, Float32Array>>): Promise<void>;
}

/**
 * Makes ready one phase: its network and gradient, its records above the frozen part, its mechanism and optimizer.
 * @param saved - snapshot of this phase, on resume
 */
export async function startPhase(
  phase: Phase,
  training: TrainingPhase,
  context: PhaseContext,
  saved?: Checkpoint,
): Promise<PhaseRun> {
  const { session, store, lora, journal, world, stream } = context;
  const { engine, model, seed } = session;
  const { dropout } = training;
  const full = session.network({ ...(lora && { lora }), dropout });
  const trainable = trainableIn(full, training);
  const cut = cutFor(full, trainable, model.architecture.layers, dropout, context.cache);
  const network = session.network({ from: cut, dropout, ...(lora && { lora }) });
  await session.prepare(full);
  const source = await session.records(store, context.storeKey, cut, lora, context.precompute);

  const specs = network.params.filter(({ name }) => trainable.includes(name));
  const start = (name: string) => saved?.arrays[`parameter:${name}`] ?? session.values.get(name)!;
  const vector = vectorOf(specs, Object.fromEntries(specs.map(({ name }) => [name, start(name)])));
  if (saved) await session.assign(vector.views, specs);
  const gradient = zeroVector(specs);
  const taken = journal.charged(phase.name);
  const rng = reproducibleRng(seed).fork(phase.name);
  const mechanism: Mechanism = stream
    ? mechanismOf(phase, stream, taken, phase.strategy && unitSubsets(store, phase.strategy.length))
    : nonPrivateMechanismOf(phase, rng.fork('order'), taken);
  const optimizer = optimizerFor(training, phase, vector, saved);
  const schedule = await createSchedule(training.schedule, {
    steps: phase.steps,
    learningRate: training.learningRate,
    ...(saved && { saved: saved.state['schedule'] }),
  });
  const average = createAverage(
    vector.values,
    context.averageDecay,
    saved?.arrays['average'] && { values: saved.arrays['average'], steps: optimizer.step },
  );
  const programs = gradientPrograms(network, trainable, phase, context);
  let stepRng = rng.fork('start');

  async function* batches(units: Uint32Array): AsyncGenerator<GradientBatch> {
    for (const batch of source.batches(units)) {
      const inputs = feedsOf(network, batch, stepRng);
      const perUnit = batch.records / batch.units;
      yield {
        units: batch.unitIndices,
        program: await programs.forBatch(batch),
        inputs: context.byUser
          ? {
              ...inputs,
              weights: { dims: [batch.units, perUnit], data: new Float32Array(batch.records).fill(1) },
            }
          : inputs,
      };
    }
  }

  return {
    phase,
    source,
    network,
    trainable,
    get taken() {
      return mechanism.taken;
    },
    async step() {
      const index = mechanism.taken;
      stepRng = rng.fork(`dropout ${index}`);
      journal.charge(phase.name);
      const units = mechanism.sample(store.units);
      const diagnostics = await sumGradients(units, { batches, take: () => engine.take() }, gradient.views);
      await world.sum(gradient.values);
      await mechanism.release(gradient.views, yieldToEvents);
      rescale(gradient.values, scaleOf(training, phase));
      updateParameters(optimizer, vector.values, gradient.values, schedule.rate(index));
      average.add(vector.values);
      await engine.write(tensorsOf(vector));
      const happened = diagnosticsOf(phase, index, units.length, diagnostics);
      context.reads.use('step diagnostics');
      appendFileSync(context.stepsLog, `${JSON.stringify(happened)}\n`);
      return happened;
    },
    observe: (score) => schedule.observe(score),
    released: () => viewsOf(vector, average.values),
    async asReleased(work) {
      await session.assign(viewsOf(vector, average.values), specs);
      try {
        return await work();
      } finally {
        // The next step goes on from the parameters themselves, not from their average.
        if (average.values !== vector.values) await engine.write(tensorsOf(vector));
      }
    },
    snapshot: () => ({
      arrays: {
        ...prefixed('parameter', vector.views),
        ...prefixed('moment', optimizer.moments),
        ...(context.averageDecay > 0 ? { average: average.values } : {}),
      },
      state: { optimizerStep: optimizer.step, schedule: schedule.state() },
    }),
    async close(values = viewsOf(vector, average.values)) {
      source.close();
      await programs.dispose();
      await session.assign(values, specs);
    },
  };
}

/** Adaptive optimizers see the gradient over C, so that their epsilon does not matter more the smaller C is. */
function scaleOf({ optimizer }: TrainingPhase, { clipping }: Phase): number {
  return optimizer.kind === 'sgd' ? 1 : 1 / clipping.norm;
}

function rescale(values: Float32Array, factor: number): void {
  if (factor === 1) return;
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor;
}

function optimizerFor(
  training: TrainingPhase,
  phase: Phase,
  { values, places }: ParameterVector,
  saved: Checkpoint | undefined,
): OptimizerState {
  const { kind, betas, epsilon, momentum, weightDecay } = training.optimizer;
  const decayed: [number, number][] = [];
  let offset = 0;
  for (const { shape } of places) {
    const end = offset + sizeOf(shape);
    // Biases and gains are vectors; only matrices decay.
    if (shape.length > 1) decayed.push([offset, end]);
    offset = end;
  }
  const decay = { weightDecay, decayed };
  const pair = [betas[0]!, betas[1]!] as const;
  const noise = (phase.noiseStandardDeviation / phase.divisor) * scaleOf(training, phase);
  const settings: OptimizerSettings =
    kind === 'sgd'
      ? { kind, momentum, ...decay }
      : kind === 'dp-adam-bc'
        ? { kind, betas: pair, floor: epsilon, noiseStandardDeviation: noise, ...decay }
        : { kind, betas: pair, epsilon, ...decay };
  const state = initOptimizer(values.length, settings);
  if (saved) {
    state.step = saved.state['optimizerStep'] as number;
    for (const [name, moment] of Object.entries(state.moments)) moment.set(saved.arrays[`moment:${name}`]!);
  }
  return state;
}

/** Gradient programs, one for each rule of norms that pays at some length. */
function gradientPrograms(
  network: Network,
  trainable: readonly string[],
  phase: Phase,
  { session, stream, byUser }: PhaseContext,
) {
  const { clipping, clipThreshold } = phase;
  const isPrivate = stream !== undefined;
  const byKey = new Map<string, Promise<GradientProgram>>();
  const keyOfSize = new Map<string, string>();
  return {
    forBatch(batch: CutBatch): Promise<GradientProgram> {
      const perUnit = batch.records / batch.units;
      const size = `${batch.tokens} ${perUnit}`;
      const request = {
        network: network.graph,
        loss: 'loss',
        trainable,
        ...(byUser && { recordsPerUnit: 'perUnit' }),
        sizes: { tokens: batch.tokens, perUnit },
      };
      const key = keyOfSize.get(size) ?? (isPrivate ? ruleKey(request) : 'plain');
      keyOfSize.set(size, key);
      const known = byKey.get(key);
      if (known) return known;
      const loaded = session.engine.loadGradient(
        isPrivate
          ? privateGradient({ ...request, clipping: { ...clipping, norm: clipThreshold } })
          : plainGradient(request),
      );
      byKey.set(key, loaded);
      return loaded;
    },
    async dispose() {
      for (const program of byKey.values()) await (await program).dispose();
    },
  };
}

function prefixed(
  prefix: string,
  arrays: Readonly<Record<string, Float32Array>>,
): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(arrays).map(([name, data]) => [`${prefix}:${name}`, data]));
}

/** `values`, laid out as `vector` is. */
function viewsOf({ places, views }: ParameterVector, values: Float32Array): Record<string, Float32Array> {
  let offset = 0;
  return Object.fromEntries(
    places.map(({ name }) => [name, values.subarray(offset, (offset += views[name]!.length))]),
  );
}
