/**
 * Independent against correlated noise at the same epsilon: a linear head on the frozen features of a job's model, which are
 * computed once for all runs. Each row is the mean over repeats, each with fresh noise, and their standard deviation, at the
 * learning rate that does best on the test data for that row: fit for comparing mechanisms, not for quoting as results.
 *
 *     npx tsx bench/mechanisms.ts JOB.yaml [--repeats 5] [--epsilons 1,8] [--epochs 2,10] [--batch 120]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadJob } from '../src/config/index.ts';
import { trainJob } from '../src/train/index.ts';

const optimizers: readonly (readonly [
  name: string,
  settings: readonly string[],
  rates: readonly number[],
])[] = [
  ['sgd', ['kind=sgd', 'momentum=0'], [3, 10, 30]],
  ['adamw', ['kind=adamw'], [0.01, 0.03, 0.1]],
];
const mechanisms = [
  ['independent', ['kind=gaussian']],
  ['correlated', ['kind=banded-matrix']],
] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repeats: { type: 'string', default: '5' },
    epsilons: { type: 'string', default: '1,8' },
    epochs: { type: 'string', default: '2,10' },
    batch: { type: 'string', default: '120' },
  },
});
const [job] = positionals;
if (job === undefined) throw new Error('JOB.yaml is missing. Give a classification job with test data.');
const numbers = (list: string): number[] => list.split(',').map(Number);

const root = mkdtempSync(join(tmpdir(), 'dptune-mechanisms-'));
const activations = join(root, 'activations');
let runs = 0;

/** Accuracy on the test data of one run, and the bands that it used. */
async function accuracyOf(
  path: string,
  settings: readonly string[],
): Promise<[accuracy: number, bands: number]> {
  const { config } = await loadJob(path, [...settings]);
  const observer = {
    note: () => undefined,
    stage: () => undefined,
    step: () => undefined,
    event: () => undefined,
    stopping: () => false,
  };
  const run = await trainJob(config, { out: join(root, String((runs += 1))), activations, observer });
  const bands = run.plan.privacy.phases[0]!.strategy?.length ?? 1;
  try {
    const labels = run.stores.test?.labels;
    if (labels?.task !== 'single-label') throw new Error('The job needs test data with one class each.');
    const logits = await run.logits('test');
    const classes = logits.length / labels.codes.length;
    const right = labels.codes.filter((code, record) => {
      const own = logits.subarray(record * classes, (record + 1) * classes);
      return own.every((value) => value <= own[code]!);
    });
    return [right.length / labels.codes.length, bands];
  } finally {
    await run.close();
    rmSync(join(root, String(runs)), { recursive: true, force: true });
  }
}

interface Found {
  readonly mean: number;
  readonly deviation: number;
  readonly rate: number;
  readonly bands: number;
}

async function best(path: string, settings: readonly string[], rates: readonly number[]): Promise<Found> {
  const repeats = Number(values.repeats);
  const found: Found[] = [];
  for (const rate of rates) {
    const all: number[] = [];
    let bands = 1;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const [accuracy, used] = await accuracyOf(path, [...settings, `train.learningRate=${rate}`]);
      all.push(accuracy);
      bands = used;
    }
    const mean = all.reduce((sum, value) => sum + value, 0) / repeats;
    const square = all.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    found.push({ mean, deviation: Math.sqrt(square / Math.max(1, repeats - 1)), rate, bands });
  }
  return found.reduce((a, b) => (b.mean > a.mean ? b : a));
}

try {
  for (const epsilon of numbers(values.epsilons)) {
    for (const epochs of numbers(values.epochs)) {
      for (const [optimizer, kind, rates] of optimizers) {
        for (const [mechanism, how] of mechanisms) {
          const { mean, deviation, rate, bands } = await best(
            job,
            [
              `privacy.epsilon=${epsilon}`,
              ...how.map((setting) => `privacy.mechanism.${setting}`),
              'train.method=head',
              `train.batchSize=${values.batch}`,
              `train.epochs=${epochs}`,
              ...kind.map((setting) => `train.optimizer.${setting}`),
            ],
            rates,
          );
          console.log(
            `epsilon ${epsilon}, ${epochs} epochs, ${optimizer}, ${mechanism} (${bands} bands): accuracy ${mean.toFixed(4)} +- ${deviation.toFixed(4)} at rate ${rate}`,
          );
        }
      }
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
