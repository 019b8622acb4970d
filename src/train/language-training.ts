import { reproducibleRng, type ReproducibleRng } from '../../privacy/index.ts';
import type { Engine } from '../engines/index.ts';
import { plainGradient } from '../graph/index.ts';
import { feedsOf, type Batch, type Network, type ParameterValues } from '../models/index.ts';
import { sumGradients } from './gradient.ts';
import { throwIfStopping, type Observer } from './observer.ts';
import { initOptimizer, updateParameters } from './optimizers.ts';
import { tensorsOf, vectorOf, zeroVector } from './vector.ts';

interface LanguageTraining {
  readonly engine: Engine;
  /** Of task masked-lm or causal-lm, from tokens to loss. */
  readonly network: Network;
  /** Where training begins; has every parameter of the network. */
  readonly values: ParameterValues;
  /** Token ids of the documents. Public. */
  readonly texts: readonly Int32Array[];
  readonly batchOf: (texts: readonly Int32Array[], rng: ReproducibleRng) => Batch;
  /** Documents in a step, drawn at random with replacement. */
  readonly batchSize: number;
  /** Documents that are computed at once. */
  readonly microBatch: number;
  readonly steps: number;
  /** Highest learning rate: 6 % warm-up, then down to zero. */
  readonly learningRate: number;
  readonly seed: number;
  readonly observer: Observer;
  /** What is going on, for the terminal. */
  readonly what: string;
}

/**
 * Trains all weights of a language model on public text, without privacy: AdamW on the mean loss of the documents in a step.
 * @returns the weights, and the mean loss over the last tenth of the steps, nats a predicted token
 * @throws InterruptedError when the user asked to stop; nothing is kept then
 */
export async function learnLanguage(
  options: LanguageTraining,
): Promise<{ values: ParameterValues; loss: number }> {
  const { engine, network, texts, batchOf, batchSize, microBatch, steps, learningRate, observer } = options;
  const vector = vectorOf(network.params, Object.fromEntries(options.values));
  const gradient = zeroVector(network.params);
  const optimizer = initOptimizer(vector.values.length, {
    kind: 'adamw',
    betas: [0.9, 0.98],
    epsilon: 1e-6,
    weightDecay: 0.01,
  });
  const rng = reproducibleRng(options.seed);
  await engine.write(tensorsOf(vector));
  const trainable = network.params.map(({ name }) => name);
  const program = await engine.loadGradient(
    plainGradient({ network: network.graph, loss: 'loss', trainable }),
  );
  const recent: number[] = [];
  for (let step = 0; step < steps; step++) {
    throwIfStopping(observer, `Start again: ${options.what} keeps no checkpoints.`);
    const own = rng.fork(step);
    const chosen = Uint32Array.from({ length: batchSize }, () => own.integer(texts.length));
    const source = {
      *batches(units: Uint32Array) {
        for (let start = 0; start < units.length; start += microBatch) {
          const some = units.subarray(start, start + microBatch);
          const batch = batchOf(
            Array.from(some, (index) => texts[index]!),
            own,
          );
          yield { units: some, program, inputs: feedsOf(network, batch) };
        }
      },
      take: () => engine.take(),
    };
    const { losses } = await sumGradients(chosen, source, gradient.views);
    for (let i = 0; i < gradient.values.length; i++) gradient.values[i] = gradient.values[i]! / batchSize;
    updateParameters(optimizer, vector.values, gradient.values, learningRate * warmThenLinear(step, steps));
    await engine.write(tensorsOf(vector));
    observer.stage(options.what, step + 1, steps);
    if (step >= 0.9 * steps) recent.push(meanOf(losses));
  }
  return { values: new Map(Object.entries(vector.views)), loss: meanOf(recent) };
}

function warmThenLinear(step: number, steps: number): number {
  const warm = Math.max(1, 0.06 * steps);
  return step < warm ? (step + 1) / warm : (steps - step) / (steps - warm);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
