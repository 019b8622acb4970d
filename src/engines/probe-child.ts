/**
 * Runs in a process of its own: starts the engine that the first argument names, times float32 matrix products on it
 * for the milliseconds of the second, and sends the answer to its parent. See probe.ts.
 */
import { GraphBuilder } from '../graph/index.ts';
import type { Engine, Tensor } from './engine.ts';
import { createOnnxEngine } from './onnx/engine.ts';
import type { ProbeAnswer, ProbeTarget } from './probe.ts';
import { createTfjsEngine } from './tfjs/engine.ts';

const SMALL = 256;
const LARGE = 1024;
/** A small product faster than this leads to large ones. */
const FAST_MS = 20;

function start(target: ProbeTarget): Promise<Engine> {
  return target.engine === 'onnx'
    ? createOnnxEngine({ device: target.backend })
    : createTfjsEngine({ backend: target.backend });
}

/** Sums a * b, so that one number is read back; both stay on the device. */
async function prepareProduct(engine: Engine, size: number): Promise<() => Promise<unknown>> {
  const builder = new GraphBuilder();
  const operands = ['a', 'b'].map((name) => builder.param(`${name}${size}`, [size, size]));
  builder.output('sum', builder.sum(builder.matmul(operands[0]!, operands[1]!), [0, 1]));
  const matrix: Tensor = { dims: [size, size], data: new Float32Array(size * size).fill(0.01) };
  await engine.write({ [`a${size}`]: matrix, [`b${size}`]: matrix });
  const program = await engine.load(builder.build());
  return () => program.run({});
}

async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

/** The best rate in 10^9 floating-point operations a second. */
async function measure(engine: Engine, duration: number): Promise<number> {
  const small = await prepareProduct(engine, SMALL);
  await small(); // the first run compiles
  const isFast = (await millisecondsOf(small)) < FAST_MS;
  const size = isFast ? LARGE : SMALL;
  const product = isFast ? await prepareProduct(engine, LARGE) : small;
  await product();
  const end = performance.now() + duration;
  let best = Infinity;
  do best = Math.min(best, await millisecondsOf(product));
  while (performance.now() < end);
  return (2 * size ** 3) / best / 1e6;
}

/** What an engine was told, without what it made of that for a job. */
function originOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

async function answerFor(target: ProbeTarget, duration: number): Promise<ProbeAnswer> {
  try {
    const engine = await start(target);
    return { device: engine.device, gflops: await measure(engine, duration) };
  } catch (error) {
    return { error: originOf(error) };
  }
}

const answer = await answerFor(JSON.parse(process.argv[2]!) as ProbeTarget, Number(process.argv[3]));
process.send!(answer, () => process.exit(0));
