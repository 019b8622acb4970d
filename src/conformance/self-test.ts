import { everyone } from './scripts.ts';
import { rehearsal, type Scene, type Stage } from './stage.ts';
import type { Verdicts } from './verdicts.ts';

const hugeNoise = 1000;
const tinyNorm = 1e-9;
/** A loss is changed where it differs by this share. */
const changed = 1e-3;
const attempts = 4;

/**
 * On the user's own model and units (G14): noise of multiplier 1000, in steps that make it as large as weights are, changes the
 * loss; a clipping norm near 0 makes steps of plain SGD, noise and all, change nothing. A job that never trained privately fails one of them.
 */
export async function checkSelf(stage: Stage, verdicts: Verdicts): Promise<void> {
  const where = `in phase ${stage.phase.name}`;
  const loud = rehearsal(stage.phase, { noiseMultiplier: hugeNoise });
  const noise = loud.noiseStandardDeviation / loud.divisor;
  let isWrecked = false;
  // By chance a wrecked model may have nearly the old loss, once in a thousand; not several times in a row.
  for (let attempt = 0; attempt < attempts && !isWrecked; attempt++) {
    const scene = await stage.open({ phase: loud, units: 'probe', learningRate: 1 / noise });
    const [before, after] = await twoLosses(scene);
    isWrecked = differ(before, after);
  }
  verdicts['self-test'].must(`noise of multiplier ${hugeNoise} wrecks the model ${where}`, isWrecked);

  const quiet = rehearsal(stage.phase, { norm: tinyNorm * stage.phase.clipping.norm });
  const scene = await stage.open({ phase: quiet, units: 'probe', learningRate: 1 / noise });
  const [before, after] = await twoLosses(scene);
  verdicts['self-test'].must(`a clipping norm near 0 freezes the model ${where}`, !differ(before, after));
  verdicts['self-test'].note(`${stage.phase.name}: multiplier ${hugeNoise}; clipping norm times ${tinyNorm}`);
}

/** The loss of the probe's units before and after one step. */
async function twoLosses(scene: Scene): Promise<[number | null, number | null]> {
  const before = await scene.step(everyone);
  const after = await scene.step(everyone);
  await scene.end();
  return [before.loss, after.loss];
}

function differ(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return a !== b;
  return !(Math.abs(a - b) <= changed * Math.max(Math.abs(a), Math.abs(b)));
}
