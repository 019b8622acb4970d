import { normalTail } from '../../privacy/index.ts';
import { chiSquareTail, kolmogorovTail } from './tails.ts';
import { testLevel, type Verdict } from './verdict.ts';

/** Noise of one step on every coordinate, in units of its planned standard deviation. */
export type Draw = Float32Array;

/** A tensor's place in a draw: start inclusive, end exclusive. */
export interface Span {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Numbers that the test of the distribution's shape looks at; sorting them takes the time. */
const shapeSize = 1 << 15;

/**
 * Tests that draws are independent standard normals: scale over all and for each tensor, mean, shape; and that no draw has
 * anything of another, no tensor of another, no coordinate of its neighbour.
 * @param spans - tensors in a draw; `[]` where they do not matter
 */
export function testNoise(
  verdict: Verdict,
  where: string,
  draws: readonly Draw[],
  spans: readonly Span[],
): void {
  const count = draws.reduce((sum, draw) => sum + draw.length, 0);
  if (count === 0) return;
  verdict.test(`noise scale ${where}`, chiSquareTail(squares(draws, whole), count));
  for (const { name, start, end } of spans) {
    const freedom = draws.length * (end - start);
    const square = squares(draws, (draw) => draw.subarray(start, end));
    verdict.must(`noise reaches every tensor ${where}`, square > 0);
    verdict.test(`noise scale of ${name} ${where}`, chiSquareTail(square, freedom));
  }
  verdict.test(`noise mean ${where}`, tailOf(total(draws) / Math.sqrt(count)));
  verdict.test(`noise shape ${where}`, shapeTail(draws, count));
  testIndependence(verdict, where, draws, spans);
}

/** Smallest relative error of the standard deviation that the test of scale over `count` numbers rejects (but for one time in a million). */
export function scaleResolution(count: number): number {
  return (Math.sqrt(4 * Math.log(2 / testLevel)) + 5 * Math.SQRT2) / Math.sqrt(count) / 2;
}

/** Given one side, the normalised inner product with independent standard normals is a standard normal: each test is exact. */
function testIndependence(
  verdict: Verdict,
  where: string,
  draws: readonly Draw[],
  spans: readonly Span[],
): void {
  const pairs: [Draw, Draw][] = [];
  for (let i = 0; i + 1 < draws.length; i += 2) pairs.push([draws[i]!, draws[i + 1]!]);
  if (pairs.length > 0) verdict.test(`noise repeats from step to step ${where}`, tailOf(correlation(pairs)));
  if (draws.length > 2) {
    const first = draws.slice(1).map((draw): [Draw, Draw] => [draws[0]!, draw]);
    verdict.test(`noise of the first step returns ${where}`, tailOf(correlation(first)));
  }
  const halves = draws.map((draw): [Draw, Draw] => {
    const half = draw.length >> 1;
    return [draw.subarray(0, half), draw.subarray(half, 2 * half)];
  });
  if (draws[0]!.length > 1) verdict.test(`noise repeats within a step ${where}`, tailOf(correlation(halves)));
  for (const [index, span] of spans.entries()) {
    const next = spans[index + 1];
    if (!next) break;
    const shared = Math.min(span.end - span.start, next.end - next.start);
    const both = draws.map((draw): [Draw, Draw] => [
      draw.subarray(span.start, span.start + shared),
      draw.subarray(next.start, next.start + shared),
    ]);
    verdict.test(`tensors share noise ${where}`, tailOf(correlation(both)));
  }
}

/** Tests that two sets of draws, such as before and after a resume, have nothing of each other. */
export function testUnrelated(
  verdict: Verdict,
  what: string,
  before: readonly Draw[],
  after: readonly Draw[],
): void {
  const shared = Math.min(before.length, after.length);
  const pairs = (first: readonly Draw[]) =>
    first.slice(0, shared).map((draw, index): [Draw, Draw] => [draw, after[index]!]);
  verdict.test(what, tailOf(correlation(pairs(before))));
  // A resumed stream may begin where the old one began, or where it ended.
  verdict.test(what, tailOf(correlation(pairs(before.slice(-shared)))));
}

function whole(draw: Draw): Draw {
  return draw;
}

function squares(draws: readonly Draw[], part: (draw: Draw) => Draw): number {
  let sum = 0;
  for (const draw of draws) for (const value of part(draw)) sum += value * value;
  return sum;
}

function total(draws: readonly Draw[]): number {
  let sum = 0;
  for (const draw of draws) for (const value of draw) sum += value;
  return sum;
}

/** Of pairs of vectors of equal lengths: the inner product over the length of the first. */
function correlation(pairs: readonly (readonly [Draw, Draw])[]): number {
  let [product, square] = [0, 0];
  for (const [a, b] of pairs) {
    for (let i = 0; i < a.length; i++) {
      product += a[i]! * b[i]!;
      square += a[i]! * a[i]!;
    }
  }
  return square === 0 ? Number.NaN : product / Math.sqrt(square);
}

/** P(a standard normal as far out as z on its side); 0 for what is no number. */
function tailOf(z: number): number {
  return Number.isNaN(z) ? 0 : normalTail(Math.abs(z));
}

function shapeTail(draws: readonly Draw[], count: number): number {
  const sample = new Float32Array(Math.min(count, shapeSize));
  let filled = 0;
  for (const draw of draws) {
    const part = draw.subarray(0, sample.length - filled);
    sample.set(part, filled);
    filled += part.length;
  }
  sample.sort();
  let distance = 0;
  for (const [index, value] of sample.entries()) {
    const below = normalTail(-value);
    distance = Math.max(distance, below - index / filled, (index + 1) / filled - below);
  }
  return kolmogorovTail(distance, filled);
}
