import type { Clipping, Phase } from '../../privacy/index.ts';
import type { Span } from './noise-tests.ts';
import { inParts, only, poisoned } from './scripts.ts';
import { hardlyAnyNoise, rehearsal, type Scene, type Stage } from './stage.ts';
import { chiSquareTail } from './tails.ts';
import type { Verdicts } from './verdicts.ts';

/** How much less than planned a unit may be clipped: rounding of norms and sums, far below any mistake. */
const slack = 0.01;
/** Norms err on the high side, by more where much cancels: a unit may be clipped this much more than planned. */
const excess = 0.1;
/** What two ways to cut a batch may differ in, relative to the clipping norm: their norms need not err equally. */
const regrouping = 0.05;
/** The run clips to 2^-10 below the norm that it promises, so that rounding never reaches the promise. */
const strict = 1 + 1e-6;
/** Units whose gradients are shorter than this share of the longest are not looked at: they would be rounding errors. */
const shortest = 1e-3;
/** Numbers of noise on a batch with units. */
const noisyNumbers = 4096;
const fewest = 3;

/** A unit's gradient without clipping and noise. */
interface Gradient {
  readonly unit: number;
  readonly values: Float32Array;
  readonly norm: number;
}

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
  verdicts['non-finite'].note(`${some}, one of them made NaN`);
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
    compare(stage, verdicts, phase, values, sum);
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

/**
 * A unit's contribution is its gradient times one factor for each group that is clipped together, and that factor is the
 * planned one: no tensor is left out, none is left unclipped, and the sum was divided by the planned constant.
 */
function compare(
  { spans }: Stage,
  verdicts: Verdicts,
  { clipping, clipThreshold, name: phase }: Phase,
  gradient: Float32Array,
  sum: Float32Array,
): void {
  const groups = groupsOf(spans, clipping);
  for (const group of groups) {
    const [squares, product] = [inner(gradient, gradient, group), inner(gradient, sum, group)];
    if (squares === 0) continue;
    const factor = product / squares;
    const planned = factorFor(Math.sqrt(squares), clipping, clipThreshold, groups.length);
    verdicts.clipping.must(`a unit is clipped as planned in phase ${phase}`, factor <= (1 + slack) * planned);
    verdicts.divisor.must(`a unit counts as planned in phase ${phase}`, factor >= (1 - excess) * planned);
    for (const span of group) {
      let [off, size] = [0, 0];
      for (let i = span.start; i < span.end; i++) {
        off += (sum[i]! - factor * gradient[i]!) ** 2;
        size += (factor * gradient[i]!) ** 2;
      }
      verdicts.coverage.must(
        `${span.name} is clipped as a part of the whole in phase ${phase}`,
        Math.sqrt(off) <= 2 * slack * Math.sqrt(size) + 1e-4 * clipping.norm,
      );
    }
  }
}

/** Tensors that are clipped together: all, or those of one module. */
function groupsOf(spans: readonly Span[], { kind }: Clipping): Span[][] {
  if (kind !== 'per-layer') return [[...spans]];
  const groups = new Map<string, Span[]>();
  for (const span of spans) {
    const module = span.name.slice(0, Math.max(0, span.name.lastIndexOf('.'))) || span.name;
    groups.set(module, [...(groups.get(module) ?? []), span]);
  }
  return [...groups.values()];
}

/** By the definition of the clipping rule, in float64. */
function factorFor(length: number, clipping: Clipping, norm: number, groups: number): number {
  const bound = norm / Math.sqrt(groups);
  return clipping.kind === 'automatic' ? bound / (length + clipping.gamma) : Math.min(1, bound / length);
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

/** One unit's inputs are made NaN. */
async function checkPoison(
  verdicts: Verdicts,
  where: string,
  scene: Scene,
  units: readonly number[],
  norm: number,
): Promise<void> {
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

/** Under the plan's own clipping norm and dropout: lengths, and the noise on a batch of several micro-batches. */
async function checkOwnNorm(stage: Stage, verdicts: Verdicts, gradients: readonly Gradient[]): Promise<void> {
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

function lengthOf(values: ArrayLike<number>): number {
  let square = 0;
  for (let i = 0; i < values.length; i++) square += values[i]! ** 2;
  return Math.sqrt(square);
}

/** The inner product over some tensors. */
function inner(a: Float32Array, b: Float32Array, spans: readonly Span[]): number {
  let product = 0;
  for (const { start, end } of spans) for (let i = start; i < end; i++) product += a[i]! * b[i]!;
  return product;
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let square = 0;
  for (let i = 0; i < a.length; i++) square += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(square);
}
