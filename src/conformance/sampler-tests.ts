import { binomialTail, binomialWithin } from './tails.ts';
import { testLevel, type Verdict } from './verdict.ts';

const blocks = 8;

/**
 * Tests that each of `units` units was in each batch with probability `rate`, independently: the number of units in all; the
 * spread of batch sizes; how often two units share a batch, and a unit two batches; and each part of the data alone.
 * All counts are binomial, so that the tests are exact but for Chernoff's bound. How many tests are made does not depend on
 * the number of units, which is private.
 */
export function testSampler(
  verdict: Verdict,
  where: string,
  batches: readonly Uint32Array[],
  { units, rate }: { readonly units: number; readonly rate: number },
): void {
  const steps = batches.length;
  verdict.must(
    `batches are sets of units ${where}`,
    batches.every((batch) => isSet(batch, units)),
  );
  if (steps === 0) return;
  const sizes = batches.map(({ length }) => length);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  verdict.test(`sampling rate ${where}`, binomialTail(all, units * steps, rate));

  const mean = units * rate;
  const near = 0.6745 * Math.sqrt(mean * (1 - rate));
  const [low, high] = [Math.ceil(mean - near), Math.floor(mean + near)];
  const central = sizes.filter((size) => size >= low && size <= high).length;
  const share = Math.min(1, Math.max(0, binomialWithin(units, rate, low, high)));
  verdict.test(`spread of batch sizes ${where}`, binomialTail(central, steps, share));

  let [again, together] = [0, 0];
  for (let i = 0; i + 1 < steps; i += 2) again += shared(batches[i]!, batches[i + 1]!);
  const pairs = Math.floor(steps / 2);
  verdict.test(`a unit in two batches ${where}`, binomialTail(again, pairs * units, rate * rate));

  for (const batch of batches) together += neighbours(batch);
  const couples = Math.floor(units / 2);
  verdict.test(`two units in a batch ${where}`, binomialTail(together, couples * steps, rate * rate));

  const perBlock = Math.floor(units / blocks);
  const counts = new Float64Array(blocks);
  for (const batch of batches) {
    for (const unit of batch) if (unit < perBlock * blocks) counts[Math.floor(unit / perBlock)]! += 1;
  }
  for (const count of counts) {
    verdict.test(
      `sampling rate in each part of the data ${where}`,
      binomialTail(count, perBlock * steps, rate),
    );
  }
}

/** Smallest relative error of the rate that `trials` trials reveal, but for one time in a million. */
export function rateResolution(trials: number, rate: number): number {
  return (Math.sqrt(2 * Math.log(2 / testLevel)) + 5) * Math.sqrt((1 - rate) / (trials * rate));
}

function isSet(batch: Uint32Array, units: number): boolean {
  return batch.every((unit, index) => unit < units && (index === 0 || unit > batch[index - 1]!));
}

/** Members of two ascending lists in common. */
function shared(a: Uint32Array, b: Uint32Array): number {
  let [i, j, count] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) count += 1;
    if (a[i]! <= b[j]!) i += 1;
    else j += 1;
  }
  return count;
}

/** Couples 2k, 2k + 1 of which both are in the batch. */
function neighbours(batch: Uint32Array): number {
  let count = 0;
  for (let i = 0; i + 1 < batch.length; i++) {
    if (batch[i]! % 2 === 0 && batch[i + 1] === batch[i]! + 1) count += 1;
  }
  return count;
}
