/**
 * Independent against correlated noise at the same epsilon. Each line is the mean over repeats, each with fresh noise, and
 * their standard deviation, for one learning rate. Compare the best of each mechanism: fit for comparing them, not for
 * quoting as results, because the rate is chosen on the test data.
 *
 *     npx tsx bench/mechanisms.ts JOB.yaml [--method head] [--epsilons 1,8] [--epochs 2,10] [--batch 120]
 *       [--optimizer sgd] [--rates 0.3,1,3] [--repeats 5]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadJob } from '../src/config/index.ts';
import { trainJob } from '../src/train/index.ts';

const mechanisms = [
  ['independent', 'gaussian'],
  ['correlated', 'banded-matrix'],
] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    method: { type: 'string', default: 'head' },
    optimizer: { type: 'string', default: 'sgd' },
    rates: { type: 'string', default: '0.3,1,3' },
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

try {
  for (const epsilon of numbers(values.epsilons)) {
    for (const epochs of numbers(values.epochs)) {
      for (const rate of numbers(values.rates)) {
        for (const [mechanism, kind] of mechanisms) {
          const settings = [
            `privacy.epsilon=${epsilon}`,
            `privacy.mechanism.kind=${kind}`,
            `train.method=${values.method}`,
            `train.batchSize=${values.batch}`,
            `train.epochs=${epochs}`,
            `train.optimizer.kind=${values.optimizer}`,
            ...(values.optimizer === 'sgd' ? ['train.optimizer.momentum=0'] : []),
            `train.learningRate=${rate}`,
          ];
          const all: number[] = [];
          let bands = 1;
          for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
            const [accuracy, used] = await accuracyOf(job, settings);
            all.push(accuracy);
            bands = used;
          }
          const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
          const square = all.reduce((sum, value) => sum + (value - mean) ** 2, 0);
          const deviation = Math.sqrt(square / Math.max(1, all.length - 1));
          console.log(
            `epsilon ${epsilon}, ${epochs} epochs, rate ${rate}, ${mechanism} (${bands} bands): accuracy ${mean.toFixed(4)} +- ${deviation.toFixed(4)}`,
          );
        }
      }
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
