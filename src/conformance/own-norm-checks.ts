import { distance, lengthOf, strict, type Gradient } from './contributions.ts';
import { inParts, only } from './scripts.ts';
import { hardlyAnyNoise, rehearsal, type Stage } from './stage.ts';
import { chiSquareTail } from './tails.ts';
import type { Verdicts } from './verdicts.ts';

/** Numbers of noise on a batch with units. */
const noisyNumbers = 4096;

/** Under the plan's own clipping norm and dropout: lengths, and the noise on a batch of several micro-batches. */
export async function checkOwnNorm(
  stage: Stage,
  verdicts: Verdicts,
  gradients: readonly Gradient[],
): Promise<void> {
  const units = gradients.map(({ unit }) => unit);
  const { phase, training } = stage;
  const where = `in phase ${phase.name}`;
  const { norm } = phase.clipping;
  const exact = rehearsal(phase, { noiseMultiplier: hardlyAnyNoise });
  const scene = await stage.open({ phase: exact, units: 'probe', dropout: training.dropout > 0 });
  for (const unit of units) {
    const { sum } = await scene.step(only([unit]));
    verdicts.clipping.must(
      `a unit adds no more than the plan's norm ${where}`,
      lengthOf(sum) <= norm * strict,
    );
  }
  await scene.end();
  const still = await stage.open({ phase: exact, units: 'probe' });
  const together = (await still.step(inParts(units))).sum.slice();
  const largest = gradients.toSorted((a, b) => b.norm - a.norm)[0]!.unit;
  const { sum } = await still.step(only(units.filter((unit) => unit !== largest)));
  verdicts.sensitivity.must(
    `the largest unit moves the sum by the plan's norm at most ${where}`,
    distance(together, sum) <= norm * strict,
  );
  await still.end();
  const noisy = await stage.open({ phase: rehearsal(phase, {}), units: 'probe' });
  let [square, freedom] = [0, 0];
  while (freedom < noisyNumbers) {
    const seen = await noisy.step(inParts(units));
    square += (distance(seen.sum, together) / phase.noiseStandardDeviation) ** 2;
    freedom += stage.size;
  }
  await noisy.end();
  verdicts.noise.test(
    `one draw of noise a step, whatever its micro-batches, ${where}`,
    chiSquareTail(square, freedom),
  );
}
