import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { addNoise, fillNormals, latticeSpacing, poissonSample, secureStream } from '../privacy/index.ts';
import { initOptimizer, updateParameters } from '../src/train/optimizers.ts';

/**
 * Cost of what a private step adds beside its gradient, for 22 M trainable parameters: key stream, normals, noise on the sums,
 * AdamW, and the Poisson sample of a million units. Median of `ROUNDS`, CPU seconds of one core (other load does not count).
 *
 *     npx tsx bench/noise.ts
 */
const PARAMETERS = 22_000_000;
const UNITS = 1_000_000;
const ROUNDS = 7;

async function cpuSeconds(work: () => void | Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS + 1; round++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1e6);
  }
  // The first round compiles.
  return times.slice(1).toSorted((a, b) => a - b)[ROUNDS >> 1]!;
}

const stream = secureStream();
const bytes = new Uint8Array(1 << 20);
const normals = new Float64Array(1 << 16);
const sum = new Float32Array(PARAMETERS);
const params = new Float32Array(PARAMETERS);
const settings = { standardDeviation: 0.07, latticeSpacing: latticeSpacing(0.07) };
const adamw = initOptimizer(PARAMETERS, {
  kind: 'adamw',
  betas: [0.9, 0.999],
  epsilon: 1e-8,
  weightDecay: 0,
});

const rows: [string, () => void | Promise<void>][] = [
  [
    'AES-256-CTR, 8 bytes a parameter',
    () => {
      for (let done = 0; done < 8 * PARAMETERS; done += bytes.length) stream.fillBytes(bytes);
    },
  ],
  [
    'standard normals, with their bytes',
    () => {
      for (let done = 0; done < PARAMETERS; done += normals.length) fillNormals(normals, stream);
    },
  ],
  ['noise on the sums, with its normals', () => addNoise({ sum }, settings, stream, yieldToEvents)],
  ['AdamW', () => updateParameters(adamw, params, sum, 1e-6)],
  ...[0.001, 0.01, 0.1].map((rate): [string, () => void] => [
    `Poisson sample of ${UNITS} units at rate ${rate}`,
    () => void poissonSample(UNITS, rate, stream),
  ]),
];
for (const [name, work] of rows) {
  const seconds = await cpuSeconds(work);
  console.log(`${(1000 * seconds).toFixed(1).padStart(8)} ms  ${name}`);
}
