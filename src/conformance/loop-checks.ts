import { DptuneError, prefixWeights } from '../../privacy/index.ts';
import { testNoise, testUnrelated, type Draw, type Span } from './noise-tests.ts';
import { nobody, type Scene, type Seen, type Stage } from './stage.ts';
import { testBatches, whitened } from './turns.ts';
import type { Verdicts } from './verdicts.ts';

/** Numbers of a tensor that the tests of the noise look at. */
const keptOfTensor = 1 << 16;
const keptInAll = 1 << 21;
/** Steps on a journal that ends there. */
const lastSteps = 2;

/**
 * Takes steps of the phase's own loop under the plan's own numbers in which the sampled units compute nothing, so that the
 * update is the noise alone; then goes on as after a crash, up to the plan's last step.
 * @param most - steps at most
 * @param deadline - by the performance clock; at least a few steps are taken
 */
export async function checkLoop(
  stage: Stage,
  verdicts: Verdicts,
  most: number,
  deadline: number,
): Promise<void> {
  const { phase, realUnits } = stage;
  const scene = await stage.open({ phase: { ...phase, steps: Math.max(phase.steps, most) }, units: 'real' });
  const { gather, spans } = sampleOf(stage);
  const draws: Draw[] = [];
  const batches: Uint32Array[] = [];
  const look = ({ sum }: Seen, into: Draw[]): void => {
    const kept = gather(sum);
    verdicts.noise.must(
      `noise lies on the lattice of phase ${phase.name}`,
      onLattice(kept, phase.latticeSpacing),
    );
    into.push(kept.map((value) => value / phase.noiseStandardDeviation));
  };
  const room = Math.max(4, Math.floor(keptInAll / spans.at(-1)!.end));
  while (draws.length < Math.min(most, room) && (draws.length < 4 || performance.now() < deadline)) {
    const seen = await scene.step(nobody);
    look(seen, draws);
    batches.push(seen.sampled);
  }
  const steps = draws.length;
  const where = `in phase ${phase.name}`;
  verdicts.charges.must(`each step is charged once ${where}`, scene.charged() === steps);
  verdicts.charges.must(`a step is charged before its batch is drawn ${where}`, scene.paidFirst());
  verdicts.charges.note(`${phase.name}: ${steps} steps on a journal of the check's own`);
  const white = whitened(draws, phase);
  testNoise(verdicts.noise, where, white, spans);
  testBatches(verdicts.sampler, where, batches, phase, realUnits);
  const saved = scene.run.snapshot();
  const later = await checkResume(stage, verdicts, saved, look);
  await scene.end();
  await checkEmpty(stage, verdicts, look);
  testUnrelated(verdicts.resume, `noise repeats after a resume ${where}`, white, later);
}

/** A run that a crash took more steps from than its checkpoint knows: they stay charged, and only the rest is taken. */
async function checkResume(
  stage: Stage,
  verdicts: Verdicts,
  saved: ReturnType<Scene['run']['snapshot']>,
  look: (seen: Seen, into: Draw[]) => void,
): Promise<readonly Draw[]> {
  const { phase } = stage;
  const where = `in phase ${phase.name}`;
  const left = Math.min(lastSteps, phase.steps);
  const charged = phase.steps - left;
  // The checkpoint lags behind the journal: what it says of steps must not count.
  const state = { ...saved.state, optimizerStep: 0 };
  const scene = await stage.open({ phase, units: 'real', resumed: { charged, saved: { ...saved, state } } });
  const draws: Draw[] = [];
  verdicts.resume.must(`a resumed run counts what was charged ${where}`, scene.run.taken === charged);
  let refused: unknown;
  for (let step = 0; step <= left; step++) {
    try {
      look(await scene.step(nobody), draws);
    } catch (error) {
      refused = error;
      break;
    }
  }
  await scene.end();
  verdicts.resume.must(`the plan's steps are taken, and none beyond ${where}`, draws.length === left);
  verdicts.resume.must(
    `the step after the last is refused ${where}`,
    refused instanceof DptuneError && refused.code === 'budget',
  );
  verdicts.resume.note(
    `${phase.name}: resumed before step ${charged + 1} of ${phase.steps}, with a new stream`,
  );
  // Noise has no past after a resume.
  return whitened(draws, phase);
}

/** Rate at which noise alone moves each coordinate by 1 on average. */
function unitSteps({ phase }: Stage): number {
  return phase.divisor / phase.noiseStandardDeviation;
}

/** Batches of nobody: they draw noise, move the model and are charged like any other (G16). */
async function checkEmpty(
  stage: Stage,
  verdicts: Verdicts,
  look: (seen: Seen, into: Draw[]) => void,
): Promise<void> {
  const { phase } = stage;
  const where = `in phase ${phase.name}`;
  const { spans } = sampleOf(stage);
  // Noise that rounds to exactly 0 (4e-4 at most) must not happen by chance on all of a tensor: four numbers at least.
  const steps = spans.some(({ start, end }) => end - start === 1) ? 4 : 2;
  const scene = await stage.open({
    phase: { ...phase, steps },
    units: 'none',
    learningRate: unitSteps(stage),
  });
  const before = copied(scene.parameters());
  const draws: Draw[] = [];
  while (draws.length < steps) look(await scene.step(nobody), draws);
  testNoise(verdicts.empty, `of an empty batch ${where}`, whitened(draws, phase), spans);
  verdicts.empty.must(`an empty batch is charged ${where}`, scene.charged() === steps);
  // Of the noise of all steps together; the root of their number where it is independent.
  const expected = Math.hypot(...prefixWeights(phase.strategy ?? [1], steps));
  for (const [name, values] of Object.entries(scene.parameters())) {
    let square = 0;
    for (const [i, value] of values.entries()) square += (value - before[name]![i]!) ** 2;
    const size = Math.sqrt(square / values.length) / expected;
    verdicts.empty.must(`an empty batch moves ${name} ${where}`, size > 0);
    if (values.length > 1000) {
      verdicts.empty.must(`the move has the noise's size in ${name} ${where}`, Math.abs(size - 1) < 0.3);
    }
  }
  await scene.end();
  verdicts.empty.note(`${phase.name}: ${steps} batches of nobody moved all ${spans.length} tensors`);
}

/** The first numbers of every tensor. */
function sampleOf({ spans }: Stage): { gather: (sum: Float32Array) => Float32Array; spans: Span[] } {
  const kept: Span[] = [];
  let size = 0;
  for (const { name, start, end } of spans) {
    kept.push({ name, start: size, end: (size += Math.min(keptOfTensor, end - start)) });
  }
  return {
    spans: kept,
    gather(sum) {
      const values = new Float32Array(size);
      kept.forEach(({ start, end }, i) => {
        const from = spans[i]!.start;
        values.set(sum.subarray(from, from + end - start), start);
      });
      return values;
    },
  };
}

/** Multiples of the spacing, but for the rounding of a division and a product in float32. */
function onLattice(values: Float32Array, spacing: number): boolean {
  return values.every((value) => {
    const points = value / spacing;
    return (
      Math.abs(points - Math.round(points)) <= Math.max(1, Math.abs(points)) * 2 ** -20 ||
      Math.abs(points) > 2 ** 18
    );
  });
}

function copied(values: Readonly<Record<string, Float32Array>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, data.slice()]));
}
