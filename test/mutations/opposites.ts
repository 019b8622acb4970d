import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createStage, rehearsal } from '../../src/conformance/stage.ts';
import { everyone, only } from '../../src/conformance/scripts.ts';
import { openJob, startEngine } from '../../src/train/index.ts';
import { createWorkplace, tinyJob } from '../support/tiny-job.ts';

/** A job whose records are all alike but for one: the canary has their text and the other label. */
export interface Opposites {
  readonly units: number;
  readonly batch: number;
  readonly steps: number;
  readonly noiseMultiplier: number;
  readonly delta: number;
}

/** What the adversary of a white-box audit sees. */
export interface Sight {
  /** Epsilon that the plan claims. */
  readonly epsilon: number;
  /**
   * For each step, the noisy sum along the canary's gradient, in clipping norms, plus the expected batch: 0 and noise for a
   * batch of the expected size without the canary, 2 and noise for one with it.
   */
  readonly scores: Float64Array;
}

/**
 * Takes steps of the job's own training loop, with its sampler, gradients, clipping, noise and divisor, and looks at each noisy sum.
 * In a softmax of two labels, the gradients of one text under its two labels point in opposite directions.
 * @param trials - runs of the plan's number of steps, one after the other; the weights stay where they began
 */
export async function watchOpposites(job: Opposites, hasCanary: boolean, trials: number): Promise<Sight> {
  const { units, batch, steps, noiseMultiplier, delta } = job;
  const place = await createWorkplace();
  try {
    const labels = Array.from({ length: units - 1 }, () => 'sad');
    if (hasCanary) labels.push('happy');
    const rows = labels.map((label) => `bright cold bread,${label}`);
    writeFileSync(join(place.root, 'alike.csv'), `text,mood\n${rows.join('\n')}\n`);
    const ready = await openJob(
      await tinyJob(place, {
        data: { train: 'alike.csv', cleaning: [] },
        privacy: { noiseMultiplier, delta, publicSize: units, clipping: { norm: 0.1 } },
        train: { batchSize: batch, steps },
      }),
    );
    const engine = await startEngine(ready.config);
    const stage = await createStage({
      job: ready,
      index: 0,
      engine,
      probe: ready.stores.train,
      asked: units,
      directory: place.root,
    });
    const { phase } = stage;
    const scene = await stage.open({ phase: { ...phase, steps: 1 + steps * trials }, units: 'probe' });
    const alike = await directionOf(stage, ready.stores.train.units - 1 - Number(hasCanary));
    const scores = new Float64Array(steps * trials);
    for (let step = 0; step < scores.length; step++) {
      const { sum } = await scene.step(everyone);
      let along = 0;
      for (let i = 0; i < sum.length; i++) along += sum[i]! * alike[i]!;
      scores[step] = batch - along / phase.clipThreshold;
    }
    await scene.end();
    await engine.dispose();
    await ready.model.directory.close();
    return { epsilon: ready.plan.privacy.epsilon, scores };
  } finally {
    place.remove();
  }
}

/** Unit vector along one record's gradient. */
async function directionOf(
  stage: Awaited<ReturnType<typeof createStage>>,
  unit: number,
): Promise<Float32Array> {
  const scene = await stage.open({ phase: rehearsal(stage.phase, {}), units: 'probe', plain: true });
  const { sum } = await scene.step(only([unit]));
  const length = Math.hypot(...sum);
  await scene.end();
  return sum.map((value) => value / length);
}
