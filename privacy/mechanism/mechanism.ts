import type { DpEvent } from '../accounting/index.ts';
import { DptuneError, DriftError } from '../errors.ts';
import type { Phase } from '../plan/phase.ts';
import { checkPhase, phaseEventOf } from '../plan/phase.ts';
import type { PrivacyStream } from '../random/privacy-stream.ts';
import type { ReproducibleRng } from '../random/reproducible-rng.ts';
import { correlationOf } from './correlation.ts';
import { cyclicSampler } from './cyclic.ts';
import { addNoise } from './noise.ts';
import { poissonSample } from './poisson.ts';
import { createStepGuard } from './step-guard.ts';

/** Vectors by parameter name; together they are one vector. */
export type Sums = Readonly<Record<string, Float32Array>>;

interface StepTaking {
  /** What the first `steps` steps are, as the accountant sees them: emitted by the sampler and the noise that run. */
  eventOf(steps: number): DpEvent;
  readonly steps: number;
  /** Steps begun, those before a resume included. */
  readonly taken: number;
  /**
   * Begins a step: the units whose clipped gradients are to be summed, ascending, perhaps none (G16).
   * @param units - number of units in the training data (of this shard of it)
   * @throws DptuneError `budget` after the plan's last step (G23)
   */
  sample(units: number): Uint32Array;
  /**
   * Ends the step: turns the sums over the sampled units into the mean gradient, in place. Exactly one call a step,
   * whatever the number of micro-batches, and also when the batch was empty. After an error the arrays must be discarded.
   */
  release(sums: Sums, pause?: () => Promise<void>): Promise<void>;
}

/**
 * Sampler, noise, divisor and event from one phase of the plan: Poisson sampling and independent Gaussian noise, or, where
 * the phase has a strategy, cyclic Poisson sampling and correlated noise. No other pairs can be made.
 */
export interface PrivateMechanism extends StepTaking {
  readonly kind: 'private';
  /** False if the stream was seeded: the run must be stamped NOT PRIVATE. */
  readonly secure: boolean;
}

/** The same steps on shuffled epochs without noise, for comparison. Everything it made is stamped NOT PRIVATE. */
export interface NonPrivateMechanism extends StepTaking {
  readonly kind: 'non-private';
  readonly secure: false;
}

export type Mechanism = PrivateMechanism | NonPrivateMechanism;

/**
 * The mechanism of one phase.
 * @param stream - `secureStream()`; a new one after a resume
 * @param taken - on resume, the steps charged so far
 * @param subsets - for a phase with a strategy: subset of each unit, by that unit alone, the same after a resume
 * @throws DriftError if the phase's numbers contradict each other
 */
export function mechanismOf(
  phase: Phase,
  stream: PrivacyStream,
  taken = 0,
  subsets: Uint32Array = new Uint32Array(),
): PrivateMechanism {
  checkPhase(phase);
  const step = stepOrder(phase, taken);
  const { strategy } = phase;
  const cycle = strategy && cyclicSampler(strategy.length, phase.samplingRate, subsets);
  const correlation = strategy && correlationOf(strategy);
  return {
    kind: 'private',
    secure: stream.secure,
    eventOf: (steps) => phaseEventOf({ ...phase, steps }),
    steps: phase.steps,
    get taken() {
      return step.taken;
    },
    sample(units) {
      const index = step.begin();
      if (cycle) return cycle.sample(index, units, stream);
      return poissonSample(units, phase.samplingRate, stream);
    },
    async release(sums, pause) {
      step.end();
      const { noiseStandardDeviation: standardDeviation, latticeSpacing } = phase;
      await addNoise(sums, { standardDeviation, latticeSpacing, correlation }, stream, pause);
      divide(sums, phase.divisor);
    },
  };
}

/**
 * The non-private twin: each epoch in an order of its own, cut into batches of the plan's expected size; the mean is over
 * the units in the batch.
 * @param rng - the order depends on its seed and the step only, so a resumed run goes on in the same order
 */
export function nonPrivateMechanismOf(phase: Phase, rng: ReproducibleRng, taken = 0): NonPrivateMechanism {
  const step = stepOrder(phase, taken);
  let batchSize = 0;
  const orderOf = epochOrders(rng);
  return {
    kind: 'non-private',
    secure: false,
    eventOf: () => ({ kind: 'non-private' }),
    steps: phase.steps,
    get taken() {
      return step.taken;
    },
    sample(units) {
      const index = step.begin();
      const size = Math.min(units, Math.max(1, Math.round(phase.expectedBatch)));
      const stepsInEpoch = Math.max(1, Math.ceil(units / Math.max(1, size)));
      const epoch = Math.floor(index / stepsInEpoch);
      const start = (index % stepsInEpoch) * size;
      const batch = orderOf(epoch, units)
        .slice(start, start + size)
        .sort();
      batchSize = batch.length;
      return batch;
    },
    async release(sums, pause) {
      step.end();
      await pause?.();
      divide(sums, Math.max(1, batchSize));
    },
  };
}

/** The order of units in each epoch, by the epoch's number alone; the last one asked for is kept. */
function epochOrders(rng: ReproducibleRng): (epoch: number, units: number) => Uint32Array {
  let kept = { epoch: -1, order: new Uint32Array(0) };
  return (epoch, units) => {
    if (kept.epoch !== epoch || kept.order.length !== units) {
      const order = Uint32Array.from({ length: units }, (_, unit) => unit);
      kept = { epoch, order: rng.fork(`epoch ${epoch}`).shuffle(order) };
    }
    return kept.order;
  };
}

/** sample, release, sample, release, ...: a batch without its noise, or noise without a batch, is a defect. */
function stepOrder(phase: Phase, taken: number) {
  const guard = createStepGuard(phase.name, phase.steps, taken);
  let open = false;
  return {
    get taken() {
      return guard.taken;
    },
    begin(): number {
      if (open) throw orderError(phase, 'sample', 'the last batch was not released');
      const index = guard.take();
      open = true;
      return index;
    },
    end(): void {
      if (!open) throw orderError(phase, 'release', 'no batch was sampled for it');
      open = false;
    },
  };
}

function orderError(phase: Phase, call: string, why: string): DptuneError {
  return new DriftError(
    `call=${call}: in phase ${phase.name} ${why}. One batch and one draw of noise make a step; please report this.`,
  );
}

function divide(sums: Sums, divisor: number): void {
  for (const sum of Object.values(sums)) {
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! / divisor;
  }
}
