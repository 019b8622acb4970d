/**
 * A process that does one piece of work for each line on standard input, and answers each with a line of JSON: the
 * seconds it took. At the end of input the last line has the process's peak memory. `subjects.ts` starts these, so that
 * what is compared runs alternately and each has its own memory.
 *
 * Options: see below.
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { addNoise, latticeSpacing, poissonSample, secureStream } from '../privacy/index.ts';
import { createEngine } from '../src/engines/index.ts';
import type { Engine, GradientProgram, Tensors } from '../src/engines/index.ts';
import { microBatches } from '../src/data/index.ts';
import { GraphBuilder, plainGradient, privateGradient, ruleKey } from '../src/graph/index.ts';
import { feedsOf } from '../src/models/index.ts';
import { initOptimizer, updateParameters } from '../src/train/optimizers.ts';
import { tensorsOf, vectorOf, zeroVector } from '../src/train/vector.ts';
import { benchBatch, benchEncoder, writeWeights, benchRng } from './encoder.ts';
import type { Encoder, EncoderSize, Method } from './encoder.ts';
import { readLengths } from './lengths.ts';

const { values: options } = parseArgs({
  options: {
    work: { type: 'string', default: 'gradient' },
    engine: { type: 'string', default: 'onnx' },
    size: { type: 'string', default: 'standard' },
    mode: { type: 'string', default: 'private' },
    method: { type: 'string', default: 'full' },
    records: { type: 'string', default: '16' },
    tokens: { type: 'string', default: '128' },
    /** File of the records' lengths, for steps. */
    lengths: { type: 'string', default: '' },
    /** Expected records a step. */
    batch: { type: 'string', default: '512' },
    /** Rows and columns of the square product. */
    rows: { type: 'string', default: '2048' },
  },
});
/** Tokens that are computed at once, as in a training job: the memory grows with them, the speed hardly. */
const MICRO_BATCH_TOKENS = 1024;

const rng = benchRng();
const engine = await createEngine({ engine: options.engine as 'onnx' | 'tfjs' });

/** A program for each graph that the lengths need. */
function gradientPrograms({ request }: Encoder): (tokens: number) => Promise<GradientProgram> {
  const programs = new Map<string, Promise<GradientProgram>>();
  return (tokens) => {
    const sized = { ...request, sizes: { tokens } };
    const key = options.mode === 'plain' ? 'plain' : ruleKey(sized);
    let program = programs.get(key);
    if (program === undefined) {
      const clipping = { kind: 'flat', norm: 1 } as const;
      const gradient =
        options.mode === 'plain' ? plainGradient(request) : privateGradient({ ...sized, clipping });
      program = engine.loadGradient(gradient);
      programs.set(key, program);
    }
    return program;
  };
}

/** Forward, backward and clipping of one batch. */
async function gradientWork(encoder: Encoder): Promise<() => Promise<void>> {
  await writeWeights(engine, encoder, rng);
  const [records, tokens] = [Number(options.records), Number(options.tokens)];
  const program = await gradientPrograms(encoder)(tokens);
  const atOnce = Math.max(1, Math.floor(MICRO_BATCH_TOKENS / tokens));
  const batches: Tensors[] = [];
  for (let left = records; left > 0; left -= atOnce) {
    batches.push(benchBatch(encoder, Math.min(left, atOnce), tokens, rng));
  }
  return async () => {
    await Promise.all(batches.map((batch) => program.add(batch)));
    await engine.take();
  };
}

/** A whole step: Poisson sample, gradients, noise, AdamW, new weights to the engine. */
async function stepWork(encoder: Encoder): Promise<() => Promise<void>> {
  const { network, trainable } = encoder;
  const specs = network.params.filter(({ name }) => trainable.includes(name));
  const vector = vectorOf(specs, await writeWeights(engine, encoder, rng, trainable));
  const gradient = zeroVector(specs);
  const adamw = { kind: 'adamw', betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 } as const;
  const optimizer = initOptimizer(vector.values.length, adamw);
  const store = await readLengths(options.lengths, encoder.vocabulary, rng);
  const rate = Number(options.batch) / store.units;
  const noise = { standardDeviation: 1, latticeSpacing: latticeSpacing(1) };
  const stream = secureStream();
  const program = gradientPrograms(encoder);
  return async () => {
    const units = poissonSample(store.units, rate, stream);
    let running = Promise.resolve();
    for (const batch of microBatches(store, units, { tokenBudget: MICRO_BATCH_TOKENS, padId: 0 })) {
      const next = await program(batch.tokens);
      await running;
      running = next.add(feedsOf(network, batch));
    }
    await running;
    const { sums } = await engine.take();
    for (const [name, sum] of Object.entries(sums)) gradient.views[name]!.set(sum);
    if (options.mode !== 'plain') await addNoise(gradient.views, noise, stream);
    updateParameters(optimizer, vector.values, gradient.values, 1e-4);
    await engine.write(tensorsOf(vector));
  };
}

/** One square matrix product, in the engine, with a small result. */
async function productWork(on: Engine): Promise<() => Promise<void>> {
  const g = new GraphBuilder();
  const rows = Number(options.rows);
  const shape = [rows, rows];
  const product = g.matmul(g.input('a', 'f32', shape), g.param('b', shape));
  g.output('sum', g.sum(product, [0, 1]));
  const numbers = () => ({ dims: shape, data: Float32Array.from({ length: rows ** 2 }, () => rng.normal()) });
  const inputs: Tensors = { a: numbers() };
  await on.write({ b: numbers() });
  const program = await on.load(g.build());
  return async () => void (await program.run(inputs));
}

async function prepare(): Promise<() => Promise<void>> {
  if (options.work === 'product') return productWork(engine);
  const encoder = benchEncoder(options.size as EncoderSize, options.method as Method);
  return options.work === 'step' ? stepWork(encoder) : gradientWork(encoder);
}

const work = await prepare();
const requests = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
while ((await requests.next()).done !== true) {
  const start = performance.now();
  await work();
  console.log(JSON.stringify({ seconds: (performance.now() - start) / 1e3 }));
}
console.log(JSON.stringify({ peakMiB: process.resourceUsage().maxRSS / 1024, device: engine.device }));
await engine.dispose();
