import type { Clipping, Phase } from '../../privacy/index.ts';
import type { Span } from './noise-tests.ts';
import { hardlyAnyNoise, rehearsal, type Scene, type Script, type Stage } from './stage.ts';
import { chiSquareTail } from './tails.ts';
import type { Verdicts } from './verdicts.ts';

/** What rounding of sums and factors may do, relative to the clipping norm. */
const slack = 0.01;
/** Rounding of the norm of the sum itself: the threshold lies 2^-10 below the clipping norm, so this is never needed in full. */
const strict = 1 + 1e-6;

/**
 * Compares the run's clipped sums with gradients that the non-private program computes, one unit at a time, and with each
 * other: twice, with the plan's clipping norm, and with one so small that every unit is clipped.
 */
export async function checkGradients(stage: Stage, verdicts: Verdicts): Promise<void> {
  const plain = await stage.open({ phase: rehearsal(stage.phase, {}), units: 'probe', plain: true });
  const norms: number[] = [];
  const units = Array.from({ length: stage.probe.units }, (_, unit) => unit);
  for (const unit of units) norms.push(lengthOf((await plain.step(only([unit]))).sum));
  const finite = units.filter((unit) => Number.isFinite(norms[unit]) && norms[unit]! > 0);
  const { name } = stage.phase;
  verdicts.coverage.must(`some unit has a gradient in phase ${name}`, finite.length > 0);
  if (finite.length > 0) {
    const norm = 0.25 * Math.min(...finite.map((unit) => norms[unit]!));
    await checkAllClipped(stage, verdicts, plain, finite, norm);
  }
  await plain.end();
  await checkOwnNorm(stage, verdicts, units, norms);
}

/** With a clipping norm far below all gradients: every unit's contribution is known in direction and length. */
async function checkAllClipped(
  stage: Stage,
  verdicts: Verdicts,
  plain: Scene,
  units: readonly number[],
  norm: number,
): Promise<void> {
  const phase = rehearsal(stage.phase, { norm, noiseMultiplier: hardlyAnyNoise });
  const where = `in phase ${phase.name}`;
  const scene = await stage.open({ phase, units: 'probe' });
  const sumOfParts = new Float64Array(stage.size);
  for (const unit of units) {
    const { sum: gradient } = await plain.step(only([unit]));
    const { sum } = await scene.step(only([unit]));
    const length = lengthOf(sum);
    verdicts.clipping.must(`a unit is clipped to the norm ${where}`, length <= norm * strict);
    const expected = compare(stage, verdicts, phase, gradient, sum);
    verdicts.divisor.must(
      `a clipped unit has its length ${where}`,
      Math.abs(length - expected) <= 2 * slack * expected,
    );
    for (let i = 0; i < sum.length; i++) sumOfParts[i]! += sum[i]!;
  }
  const together = (await scene.step(inParts(units))).sum.slice();
  verdicts.sensitivity.must(
    `a batch is the sum of its units, each clipped alone ${where}`,
    distance(together, sumOfParts) <= slack * norm,
  );
  await checkRemovals(verdicts, where, scene, units, together, norm);
  await checkPoison(verdicts, where, scene, units, norm);
  await scene.end();
  verdicts.clipping.note(
    `${phase.name}: up to ${stage.asked} units, one at a time, against the non-private gradient`,
  );
  verdicts.coverage.note(`${phase.name}: ${stage.spans.length} tensors, ${stage.size} numbers`);
  verdicts.divisor.note(`${phase.name}: batches of 1 and of up to ${stage.asked} units`);
  verdicts.sensitivity.note(`${phase.name}: up to ${stage.asked} units, and all but one of them`);
  verdicts['non-finite'].note(`${phase.name}: one of up to ${stage.asked} units made NaN`);
}

/**
 * Each tensor of a unit's contribution is the same multiple of its gradient: none is left out, none is left unclipped.
 * @returns the length that the contribution must have
 */
function compare(
  { spans }: Stage,
  verdicts: Verdicts,
  { clipping, clipThreshold, name: phase }: Phase,
  gradient: Float32Array,
  sum: Float32Array,
): number {
  const factors = factorsOf(gradient, spans, clipping, clipThreshold);
  let whole = 0;
  for (const [index, { name, start, end }] of spans.entries()) {
    let [off, size] = [0, 0];
    for (let i = start; i < end; i++) {
      const expected = factors[index]! * gradient[i]!;
      off += (sum[i]! - expected) ** 2;
      size += expected ** 2;
    }
    whole += size;
    const allowed = 2 * slack * Math.sqrt(size) + 1e-4 * clipping.norm;
    verdicts.coverage.must(
      `${name} is clipped as a part of the whole in phase ${phase}`,
      Math.sqrt(off) <= allowed,
    );
  }
  return Math.sqrt(whole);
}

/** The factor of each tensor by the definition of the clipping rule, in float64. */
function factorsOf(
  gradient: Float32Array,
  spans: readonly Span[],
  clipping: Clipping,
  norm: number,
): number[] {
  const groupOf = ({ name }: Span): string =>
    clipping.kind === 'per-layer' ? name.slice(0, Math.max(0, name.lastIndexOf('.'))) || name : '';
  const squares = new Map<string, number>();
  for (const span of spans) {
    const part = lengthOf(gradient.subarray(span.start, span.end));
    squares.set(groupOf(span), (squares.get(groupOf(span)) ?? 0) + part * part);
  }
  return spans.map((span) => {
    const length = Math.sqrt(squares.get(groupOf(span))!);
    if (clipping.kind === 'automatic') return norm / (length + clipping.gamma);
    return Math.min(1, norm / Math.sqrt(squares.size) / length);
  });
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
  for (const unit of leftOut(units)) {
    const { sum } = await scene.step(only(units.filter((other) => other !== unit)));
    verdicts.sensitivity.must(
      `a unit more moves the sum by the norm at most ${where}`,
      distance(together, sum) <= norm * strict,
    );
  }
}

function leftOut(units: readonly number[]): number[] {
  return [...new Set([units[0]!, units[units.length >> 1]!, units.at(-1)!])];
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
    sum !== undefined && distance(sum, without) <= slack * norm,
  );
}

/** Under the plan's own clipping norm and dropout: lengths, and the noise on a batch of several micro-batches. */
async function checkOwnNorm(
  stage: Stage,
  verdicts: Verdicts,
  units: readonly number[],
  norms: readonly number[],
): Promise<void> {
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
  const largest = norms.indexOf(Math.max(...norms));
  const { sum } = await still.step(only(units.filter((unit) => unit !== largest)));
  verdicts.sensitivity.must(
    `the largest unit moves the sum by the plan's norm at most ${where}`,
    distance(together, sum) <= norm * strict,
  );
  await still.end();
  const noisy = await stage.open({ phase: rehearsal(phase, {}), units: 'probe' });
  let [square, freedom] = [0, 0];
  while (freedom < 4096) {
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

/** These units, in micro-batches as the run would cut them. */
function only(units: readonly number[]): Script {
  return (source, chosen) => source.batches(chosen.filter((unit) => units.includes(unit)));
}

/** Two parts at least, so that there is more than one micro-batch. */
function inParts(units: readonly number[]): Script {
  const half = (units.length + 1) >> 1;
  return function* (source, chosen) {
    yield* only(units.slice(0, half))(source, chosen);
    yield* only(units.slice(half))(source, chosen);
  };
}

/** Replaces a unit's numeric inputs by NaN: those of its records in each micro-batch. */
function poisoned(script: Script, unit: number): Script {
  return function* (source, chosen) {
    for (const batch of script(source, chosen)) {
      const place = batch.unitIndices.indexOf(unit);
      const spoil = (values: Float32Array | undefined): Float32Array | undefined => {
        if (!values || place < 0) return values;
        const each = values.length / batch.units;
        return values.slice().fill(Number.NaN, place * each, (place + 1) * each);
      };
      yield {
        ...batch,
        mask: spoil(batch.mask)!,
        ...(batch.hidden && { hidden: spoil(batch.hidden)! }),
        ...(batch.features && { features: spoil(batch.features)! }),
      };
    }
  };
}

function lengthOf(values: ArrayLike<number>): number {
  let square = 0;
  for (let i = 0; i < values.length; i++) square += values[i]! ** 2;
  return Math.sqrt(square);
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let square = 0;
  for (let i = 0; i < a.length; i++) square += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(square);
}
