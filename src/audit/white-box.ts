import { devNull, tmpdir } from 'node:os';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { auditTwoWorlds, type AuditDesign, type TwoWorldAudit } from '../../audits/index.ts';
import { createReadRegistry, epsilonOf, secureStream } from '../../privacy/index.ts';
import type { Engine } from '../engines/index.ts';
import {
  adaptersIn,
  alone,
  sessionOf,
  startEngine,
  startPhase,
  type Observer,
  type ReadyJob,
  type TrainingPhase,
} from '../train/index.ts';

/** Steps of a phase that are replayed, and canaries in each; the more observations, the closer the bound to the truth. */
export interface WhiteBoxEffort {
  readonly steps: number;
  readonly canaries: number;
}

/** What was found in the steps of one phase. */
export interface PhaseFound {
  readonly phase: string;
  readonly audit: TwoWorldAudit;
  /** The noise that was seen, over C: what an accountant of anybody's can be given. */
  readonly noiseMultiplier: number;
  /** Epsilon of one step that surely has the canary: what its noise multiplier claims. */
  readonly claim: number;
}

/** Units of the real data whose gradients are in a step, at most: the claim is about any data, so a few of them will do. */
const mostUnits = 8;
const score = 'canary coordinate';

/**
 * Fixed here, before any step: half of the canary's norm is the threshold. A mechanism that is exactly right sits on the edge of
 * its claim, so the confidence is high: one in a thousand right runs may be called wrong.
 */
export function whiteBoxDesign(delta: number): AuditDesign {
  return {
    candidates: [{ score, sign: 1, rule: { kind: 'threshold', at: 0.5 } }],
    methods: ['clopper-pearson', 'gaussian'],
    selection: 'all',
    delta,
    confidence: 0.999,
  };
}

/**
 * Replays steps of each phase on a copy of the job: its own loop, sampler, gradients, clipping, noise and divisor, with parameters
 * that stay. By fair coins, canaries join whose clipped gradient is C on one random coordinate (Dirac). The adversary sees the
 * noisy gradient and knows all the rest, so each score is N(1, sigma^2) with its canary and N(0, sigma^2) without.
 *
 * Scores hold coins and noise alone, nothing of the data.
 * Reference: Nasr et al., arXiv:2302.07956, section 4. Each coordinate is a trial of its own: its noise is its own.
 */
export async function replayPhases(
  job: ReadyJob,
  nonPrivate: boolean,
  effort: WhiteBoxEffort,
  observer: Pick<Observer, 'stage'>,
): Promise<readonly PhaseFound[]> {
  const engine = await startEngine(job.config);
  const directory = mkdtempSync(join(tmpdir(), 'dptune-audit-'));
  try {
    const found: PhaseFound[] = [];
    for (const [index, phase] of job.plan.privacy.phases.entries()) {
      const { delta } = job.plan.privacy;
      const { scores, members } = await replay({
        job,
        index,
        engine,
        directory,
        nonPrivate,
        effort,
        observer,
      });
      const noiseMultiplier = phase.noiseStandardDeviation / phase.clipping.norm;
      const step = { kind: 'gaussian', noiseMultiplier } as const;
      found.push({
        phase: phase.name,
        audit: auditTwoWorlds({ scores: { [score]: scores }, members }, whiteBoxDesign(delta)),
        noiseMultiplier: deviationOf(scores.map((value, k) => value - Number(members[k]))),
        claim: epsilonOf(step, { delta, relation: 'add-or-remove-one' }).epsilon.upper,
      });
    }
    return found;
  } finally {
    rmSync(directory, { recursive: true, force: true });
    await engine.dispose();
  }
}

interface Replay {
  readonly job: ReadyJob;
  readonly index: number;
  readonly engine: Engine;
  readonly directory: string;
  readonly nonPrivate: boolean;
  readonly effort: WhiteBoxEffort;
  readonly observer: Pick<Observer, 'stage'>;
}

async function replay({ job, index, engine, directory, nonPrivate, effort, observer }: Replay) {
  const { plan, stores, model } = job;
  const planned = plan.privacy.phases[index]!;
  const { norm } = planned.clipping;
  const coins = secureStream();
  const session = sessionOf(job, engine, directory);
  // With correlated noise a canary shows in as many steps as there are bands: it is drawn anew once they are over.
  const column = (!nonPrivate && planned.strategy) || [1];
  const steps = Math.ceil(effort.steps / column.length) * column.length;
  const square = column.reduce((sum, value) => sum + value * value, 0);
  let canaries: Canary[] = [];
  let [charged, sampled] = [0, 0];
  const run = await startPhase(
    // As long as the replay: the guard counts its steps.
    { ...planned, steps },
    plainSgd(plan.training[index]!),
    {
      session: {
        ...session,
        records: async (...given) => {
          const source = await session.records(...given);
          return {
            ...source,
            *batches(units) {
              sampled = units.length;
              yield* source.batches(units.subarray(0, mostUnits));
            },
          };
        },
      },
      store: stores.train,
      storeKey: 'replay',
      lora: adaptersIn(plan, index, model),
      journal: { charged: () => charged, charge: (phase) => ({ phase, step: (charged += 1) }) },
      reads: createReadRegistry(plan.privacy.reads),
      world: {
        ...alone,
        sum: async (values) => {
          if (canaries.length === 0 || column.length === 1) {
            const places = placesIn(values.length, Math.min(effort.canaries, values.length), coins);
            canaries = places.map((place) => ({ place, present: false, natural: 0, past: [] }));
          }
          const isNew = (charged - 1) % column.length === 0;
          for (const canary of canaries) {
            if (isNew) canary.present = coins.bernoulli(0.5);
            canary.natural = values[canary.place]!;
            if (isNew && canary.present) values[canary.place]! += norm;
          }
        },
      },
      stream: nonPrivate ? undefined : secureStream(),
      byUser: plan.privacy.unit.kind === 'user',
      averageDecay: 0,
      cache: false,
      stepsLog: devNull,
      precompute: () => undefined,
    },
  );
  const [scores, members]: [number[], boolean[]] = [[], []];
  for (let step = 0; step < steps; step++) {
    await run.step();
    observer.stage(`replaying ${planned.name}`, step + 1, steps);
    const velocity = run.snapshot().arrays['moment:velocity']!;
    const divisor = nonPrivate ? Math.max(1, sampled) : planned.divisor;
    for (const canary of canaries) {
      canary.past.unshift((velocity[canary.place]! * divisor - canary.natural) / norm);
      if ((step + 1) % column.length !== 0) continue;
      scores.push(projected(canary.past, column) / square);
      members.push(canary.present);
    }
  }
  await run.close();
  return { scores, members };
}

interface Canary {
  readonly place: number;
  present: boolean;
  /** What the sum was before. */
  natural: number;
  /** What was seen in its place less that, the last step first. */
  readonly past: number[];
}

/**
 * Of the last steps, as many as the column of C is long: C times what was seen, which has independent noise, projected on
 * the column, which is what a unit in the first of them adds.
 */
function projected(past: readonly number[], column: readonly number[]): number {
  const last = column.length - 1;
  return column.reduce((sum, weight, row) => {
    const white = column.reduce((part, other, lag) => part + other * (past[last - row + lag] ?? 0), 0);
    return sum + weight * white;
  }, 0);
}

/** Of values whose mean is known to be 0. */
function deviationOf(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** Different places below `size`, at random. */
function placesIn(size: number, count: number, stream: ReturnType<typeof secureStream>): number[] {
  const places = new Set<number>();
  while (places.size < count) places.add(Math.floor(stream.float64() * size));
  return [...places];
}

/** An optimizer whose velocity is the last gradient, and that moves nothing. */
function plainSgd(training: TrainingPhase): TrainingPhase {
  return {
    ...training,
    learningRate: 0,
    schedule: { ...training.schedule, kind: 'constant', warmup: 0 },
    optimizer: { ...training.optimizer, kind: 'sgd', momentum: 0, weightDecay: 0 },
  };
}
