import { addNoise, latticeSpacing, secureStream } from '../privacy/index.ts';
import { createEngine } from '../src/engines/index.ts';
import { privateGradient } from '../src/graph/index.ts';
import { initOptimizer, updateParameters } from '../src/train/optimizers.ts';
import { tensorsOf, vectorOf, zeroVector } from '../src/train/vector.ts';
import { benchBatch, benchEncoder, writeWeights, benchRng } from './encoder.ts';
import { median } from './subjects.ts';

const RECORDS = 16;
const MICRO_BATCHES = 16;
const TOKENS = 128;

/** What noise and optimizer take of a step of 256 records with all 22 M parameters trainable. */
export async function noiseShare(rounds: number): Promise<void> {
  const rng = benchRng();
  const encoder = benchEncoder('standard', 'full');
  const engine = await createEngine({ engine: 'onnx' });
  const clipping = { kind: 'flat', norm: 1 } as const;
  const program = await engine.loadGradient(
    privateGradient({ ...encoder.request, clipping, sizes: { tokens: TOKENS } }),
  );
  const { params: specs } = encoder.network;
  const vector = vectorOf(specs, await writeWeights(engine, encoder, rng, encoder.trainable));
  const adamw = { kind: 'adamw', betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 } as const;
  const optimizer = initOptimizer(vector.values.length, adamw);
  const gradient = zeroVector(specs);
  const noise = { standardDeviation: 1, latticeSpacing: latticeSpacing(1) };
  const stream = secureStream();
  const batch = benchBatch(encoder, RECORDS, TOKENS, rng);

  const times: Record<'gradients' | 'noise' | 'optimizer' | 'transfer', number[]> = {
    gradients: [],
    noise: [],
    optimizer: [],
    transfer: [],
  };
  async function timed(part: keyof typeof times, work: () => void | Promise<void>): Promise<void> {
    const start = performance.now();
    await work();
    times[part].push((performance.now() - start) / 1e3);
  }
  for (let round = 0; round < rounds; round++) {
    await timed('gradients', async () => {
      for (let index = 0; index < MICRO_BATCHES; index++) await program.add(batch);
    });
    const transfer = performance.now();
    const { sums } = await engine.take();
    for (const [name, sum] of Object.entries(sums)) gradient.views[name]!.set(sum);
    const taken = (performance.now() - transfer) / 1e3;
    await timed('noise', () => addNoise(gradient.views, noise, stream));
    await timed('optimizer', () => updateParameters(optimizer, vector.values, gradient.values, 1e-4));
    await timed('transfer', () => engine.write(tensorsOf(vector)));
    times.transfer.push(times.transfer.pop()! + taken);
  }
  await engine.dispose();

  const medians = Object.entries(times).map(([part, seconds]) => [part, median(seconds)] as const);
  const total = medians.reduce((sum, [, seconds]) => sum + seconds, 0);
  console.log(
    `\nstep of ${RECORDS * MICRO_BATCHES} records of ${TOKENS} tokens, ${vector.values.length} parameters`,
  );
  for (const [part, seconds] of medians) {
    console.log(`  ${part.padEnd(24)} ${seconds.toFixed(3)} s   ${((100 * seconds) / total).toFixed(1)} %`);
  }
}
