import { gaussianTwoWorldBound } from '../../audits/index.ts';
import {
  epsilonOf,
  mechanismOf,
  secureStream,
  type Phase,
  type Plan,
  type PrivacyStream,
  type Sums,
} from '../../privacy/index.ts';
import { scaleResolution, testNoise, type Draw } from './noise-tests.ts';
import { rateResolution } from './sampler-tests.ts';
import { cycleOf, testBatches, whitened } from './turns.ts';
import { testLevel } from './verdict.ts';
import type { Verdicts } from './verdicts.ts';

const fewestBatches = 16;
/** Steps of correlated noise that are looked at, at most. */
const mostCorrelated = 64;

/** The run's mechanism alone, without a model: what the loop cannot show in time, because its steps are dear. */
export async function checkMechanism(
  phase: Phase,
  { publicSize, delta }: Pick<Plan, 'publicSize' | 'delta'>,
  verdicts: Verdicts,
  effort: { readonly draws: number; readonly trials: number; readonly observations: number },
): Promise<void> {
  await checkNoise(phase, verdicts, effort.draws);
  await checkSampler(phase, publicSize, verdicts, effort.trials);
  await checkTwoWorlds(phase, delta, verdicts, effort.observations);
}

/** The first steps, without data: what the mechanism makes of these sums, step by step. */
async function released(phase: Phase, stream: PrivacyStream, steps: readonly Sums[]): Promise<void> {
  const mechanism = mechanismOf({ ...phase, steps: steps.length }, stream);
  for (const sums of steps) {
    mechanism.sample(0);
    await mechanism.release(sums);
  }
}

/** Tensors of unequal lengths, so that noise that begins anew with each would show. */
async function checkNoise(phase: Phase, verdicts: Verdicts, wanted: number): Promise<void> {
  const sizes = [7, 1000, 40_000, 24_569];
  const spans = sizes.map((size, index) => {
    const start = sizes.slice(0, index).reduce((sum, other) => sum + other, 0);
    return { name: `tensor ${index}`, start, end: start + size };
  });
  const stream = secureStream();
  const length = spans.at(-1)!.end;
  // Correlated noise shows all of its bands once it has as many steps.
  const steps = Math.max(Math.ceil(wanted / length), Math.min(2 * cycleOf(phase), mostCorrelated));
  const raw = Array.from({ length: steps }, () => new Float32Array(length));
  const inParts = (draw: Draw): Sums =>
    Object.fromEntries(spans.map(({ name, start, end }) => [name, draw.subarray(start, end)]));
  await released(phase, stream, raw.map(inParts));
  const draws = whitened(
    raw.map((draw) => draw.map((value) => (value * phase.divisor) / phase.noiseStandardDeviation)),
    phase,
  );
  testNoise(verdicts.noise, `of the mechanism of phase ${phase.name}`, draws, spans);
  const error = scaleResolution(draws.length * length);
  verdicts.noise.note(
    `${phase.name}: ${draws.length * length} numbers; a standard deviation ${percent(error)} off would show`,
  );
}

async function checkSampler(phase: Phase, size: number, verdicts: Verdicts, most: number): Promise<void> {
  const rate = phase.samplingRate;
  // The rate is all that a trial knows: fewer units will do where there are very many.
  const units = Math.min(size, Math.floor(most / fewestBatches));
  // Enough to see 4 % of the rate, which leaves room for the 5 % that is promised.
  const enough = (rateResolution(1, rate) / 0.04) ** 2;
  const cycle = cycleOf(phase);
  const cycles = Math.min(20_000, Math.max(fewestBatches, Math.ceil(Math.min(enough, most) / units)));
  const steps = cycles * cycle;
  const batches: Uint32Array[] = [];
  const stream = secureStream();
  // As long a phase as that takes: a sampler may forget or remember what it drew from step to step.
  const turns = Uint32Array.from({ length: units }, (_, unit) => unit % cycle);
  const mechanism = mechanismOf({ ...phase, steps }, stream, 0, turns);
  for (let step = 0; step < steps; step++) {
    batches.push(mechanism.sample(units));
    await mechanism.release({});
  }
  testBatches(verdicts.sampler, `of the mechanism of phase ${phase.name}`, batches, phase, units);
  verdicts.sampler.note(
    `${phase.name}: ${steps} batches; a rate ${percent(rateResolution(cycles * units, rate))} off would show`,
  );
}

/**
 * Two worlds of one step with the canary in every batch: its clipped gradient is C on one coordinate, or it is not there. With
 * correlated noise the steps that it still shows in are looked at, too, as the most powerful test weighs them: projected on
 * its column of C. The
 * threshold, C/2, is fixed beforehand; both error rates bound the epsilon of a Gaussian mechanism from below (Nasr et al.,
 * arXiv:2302.07956, section 4), and the claim is that of noise multiplier sigma.
 */
async function checkTwoWorlds(
  phase: Phase,
  delta: number,
  verdicts: Verdicts,
  observations: number,
): Promise<void> {
  const { clipping, divisor, noiseMultiplier, strategy: column = [1] } = phase;
  const square = column.reduce((sum, value) => sum + value * value, 0);
  const stream = secureStream();
  const errors: number[] = [];
  for (const present of [0, 1]) {
    // Coordinates are independent: each is a step of its own with its own canary.
    const canaries = column.map((_, step) =>
      new Float32Array(observations).fill(step === 0 ? present * clipping.norm : 0),
    );
    await released(
      phase,
      stream,
      canaries.map((values) => ({ canaries: values })),
    );
    const rows = whitened(canaries, phase);
    const scores = Float64Array.from({ length: observations }, (_, canary) => {
      const projected = rows.reduce((sum, row, step) => sum + column[step]! * row[canary]!, 0);
      return (projected * divisor) / clipping.norm / square;
    });
    errors.push(scores.filter((score) => (present === 1 ? score < 0.5 : score >= 0.5)).length);
  }
  const counts = {
    negatives: observations,
    falsePositives: errors[0]!,
    positives: observations,
    falseNegatives: errors[1]!,
  };
  const found = gaussianTwoWorldBound(counts, { delta, significance: testLevel });
  const question = { delta, relation: 'add-or-remove-one' } as const;
  const claimed = epsilonOf({ kind: 'gaussian', noiseMultiplier }, question).epsilon.upper;
  verdicts['two-worlds'].bound(`one step of phase ${phase.name} tells more than claimed`, found <= claimed);
  verdicts['two-worlds'].note(
    `${phase.name}: ${observations} observations in each world; of epsilon ${figure(claimed)} claimed for a step at delta ${delta}, at least ${figure(found)} found`,
  );
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
