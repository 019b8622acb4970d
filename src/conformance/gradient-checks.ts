import { compareContribution, distance, lengthOf, strict, type Gradient } from './contributions.ts';
import { checkOwnNorm } from './own-norm-checks.ts';
import { inParts, only, poisoned, spoilable } from './scripts.ts';
import { hardlyAnyNoise, rehearsal, type Scene, type Stage } from './stage.ts';
import type { Verdicts } from './verdicts.ts';

/** What two ways to cut a batch may differ in, relative to the clipping norm: their norms need not err equally. */
const regrouping = 0.05;
/** Units whose gradients are shorter than this share of the longest are not looked at: they would be rounding errors. */
const shortest = 1e-3;
const fewest = 3;

/**
 * Compares the run's clipped sums with gradients that the non-private program computes, one unit at a time, and with each
 * other: with a clipping norm so small that every unit is clipped, and with the plan's own.
 * @param seconds - what this may take, about; three units are looked at in any case
 */
export async function checkGradients(stage: Stage, verdicts: Verdicts, seconds: number): Promise<void> {
  const gradients = await plainGradients(stage, seconds);
  const { name } = stage.phase;
  const longest = Math.max(0, ...gradients.map(({ norm }) => (Number.isFinite(norm) ? norm : 0)));
  const looked = gradients.filter(
    ({ norm }) => norm >= shortest * longest && norm > 0 && Number.isFinite(norm),
  );
  verdicts.coverage.must(`some unit has a gradient in phase ${name}`, looked.length > 0);
  if (looked.length > 0) await checkAllClipped(stage, verdicts, looked);
  await checkOwnNorm(stage, verdicts, gradients);
  const some = `${name}: up to ${stage.asked} units`;
  verdicts.clipping.note(`${some}, one at a time, beside the non-private gradient`);
  verdicts.coverage.note(`${name}: ${stage.spans.length} tensors, ${stage.size} numbers`);
  verdicts.divisor.note(`${some}, alone and together`);
  verdicts.sensitivity.note(`${some}, and all but one of them`);
}

/** From the shortest unit to the longest; fewer where they are dear. */
async function plainGradients(stage: Stage, seconds: number): Promise<Gradient[]> {
  const scene = await stage.open({ phase: rehearsal(stage.phase, {}), units: 'probe', plain: true });
  const found: Gradient[] = [];
  const look = async (unit: number): Promise<void> => {
    const values = (await scene.step(only([unit]))).sum.slice();
    found.push({ unit, values, norm: lengthOf(values) });
  };
  const { units } = stage.probe;
  await look(0);
  const started = performance.now();
  if (units > 1) await look(units - 1);
  // Each unit is computed about seven times in all.
  const each = Math.max(1e-3, (performance.now() - started) / 1000) * 7;
  const wanted = Math.min(units, Math.max(fewest, Math.floor(seconds / each)));
  for (let i = 1; i < wanted - 1; i++) await look(Math.round((i * (units - 1)) / (wanted - 1)));
  await scene.end();
  return found.sort((a, b) => a.unit - b.unit);
}

/** With a clipping norm far below all gradients: every unit's contribution is known in direction and length. */
async function checkAllClipped(
  stage: Stage,
  verdicts: Verdicts,
  gradients: readonly Gradient[],
): Promise<void> {
  const norm = 0.25 * Math.min(...gradients.map((gradient) => gradient.norm));
  const phase = rehearsal(stage.phase, { norm, noiseMultiplier: hardlyAnyNoise });
  const where = `in phase ${phase.name}`;
  const scene = await stage.open({ phase, units: 'probe' });
  const sumOfParts = new Float32Array(stage.size);
  for (const { unit, values } of gradients) {
    const { sum } = await scene.step(only([unit]));
    verdicts.clipping.must(`a unit is clipped to the norm ${where}`, lengthOf(sum) <= norm * strict);
    compareContribution(stage, verdicts, phase, values, sum);
    for (let i = 0; i < sum.length; i++) sumOfParts[i]! += sum[i]!;
  }
  const units = gradients.map(({ unit }) => unit);
  const together = (await scene.step(inParts(units))).sum.slice();
  verdicts.sensitivity.must(
    `a batch is the sum of its units, each clipped alone ${where}`,
    distance(together, sumOfParts) <= regrouping * norm,
  );
  await checkRemovals(verdicts, where, scene, units, together, norm);
  await checkPoison(verdicts, where, scene, units, norm);
  await scene.end();
}

/** The shortest, a middle and the longest unit are taken out of the batch in turn; the rest is cut anew into micro-batches. */
async function checkRemovals(
  verdicts: Verdicts,
  where: string,
  scene: Scene,
  units: readonly number[],
  together: Float32Array,
  norm: number,
): Promise<void> {
  const removed = new Set([units[0]!, units[units.length >> 1]!, units.at(-1)!]);
  for (const unit of removed) {
    const { sum } = await scene.step(only(units.filter((other) => other !== unit)));
    verdicts.sensitivity.must(
      `a unit more moves the sum by the norm at most ${where}`,
      distance(together, sum) <= norm * strict,
    );
  }
}

/** One unit's inputs are made NaN, where it has any that can be. */
async function checkPoison(
  verdicts: Verdicts,
  where: string,
  scene: Scene,
  units: readonly number[],
  norm: number,
): Promise<void> {
  const inputs = scene.run.network.inputs.map(({ name }) => name);
  const canSpoil = inputs.some((name) => spoilable.includes(name));
  verdicts['non-finite'].note(
    `${scene.run.phase.name}: ${canSpoil ? 'one unit made NaN' : 'the network has no input that could be NaN'}`,
  );
  if (!canSpoil) return verdicts['non-finite'].must('no input can be NaN', true);
  const unit = units[units.length >> 1]!;
  const without = (await scene.step(only(units.filter((other) => other !== unit)))).sum.slice();
  const sum = await scene.step(poisoned(only(units), unit)).then(
    (seen) => seen.sum,
    () => undefined,
  );
  verdicts['non-finite'].must(
    `a unit that is not a number does not stop the run ${where}`,
    sum !== undefined,
  );
  verdicts['non-finite'].must(
    `a unit that is not a number adds nothing ${where}`,
    sum !== undefined && distance(sum, without) <= regrouping * norm,
  );
}
