import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { secureStream, type Plan } from '../../privacy/index.ts';
import { auditWhiteBox } from '../../src/audit/index.ts';
import { checkConformance, efforts } from '../../src/conformance/index.ts';
import { openJob } from '../../src/train/index.ts';
import {
  filesIn,
  jsonOf,
  linesOf,
  newRun,
  recorder,
  resumeRun,
  runJob,
  tinyJob,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();

const bands = 3;
const banded: JobSettings = { privacy: { mechanism: { kind: 'banded-matrix', bands } } };
const journalOf = (run: string) => linesOf(join(run, 'private', 'journal.ndjson'));
const stepsOf = async (run: string) =>
  (await linesOf(join(run, 'private', 'steps.ndjson'))).map(({ step }) => step);

describe('a run with correlated noise', () => {
  test.each([
    ['head', { train: { method: 'head' } }],
    ['full', { train: { method: 'full' } }],
    [
      'adapters after a head',
      {
        train: {
          method: undefined,
          phases: [
            { name: 'a', method: 'head', steps: 4 },
            { name: 'b', method: 'lora', lora: { rank: 2 }, steps: 4 },
          ],
        },
      },
    ],
  ])('G9, G15, G16: passes the checks of its own mechanism: %s', { timeout: 60_000 }, async (_, more) => {
    const job = await openJob(await tinyJob(place, banded, more));
    const effort = { ...efforts.start, units: 4, steps: 8, trials: 1 << 18, observations: 2000 };
    const { checks } = await checkConformance(job, effort);
    await job.model.directory.close();
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
  });

  test('G17: says so in its plan, whose epsilon is that of its turns', async () => {
    const [out, plain] = [newRun(place), newRun(place)];
    const { epsilon } = await runJob(await tinyJob(place, banded), out);
    const { privacy } = await jsonOf<{ privacy: Plan }>(join(out, 'release', 'plan.json'));
    expect(privacy.phases[0]).toMatchObject({
      sampler: 'cyclic-poisson',
      samplingRate: 0.5,
      expectedBatch: 20,
    });
    expect(privacy.phases[0]!.strategy).toHaveLength(bands);
    expect(privacy.event).toMatchObject({ kind: 'banded-matrix', iterations: 6, bands, rate: 0.5 });
    expect(epsilon).toBe(privacy.epsilon);
    // Two turns at three times the rate, against six steps.
    const gaussian = await runJob(await tinyJob(place), plain);
    expect(epsilon).not.toBe(gaussian.epsilon);
  });

  test('G29: keeps the noise of earlier steps in memory alone', async () => {
    const out = newRun(place);
    await expect(runJob(await tinyJob(place, banded), out, { observer: recorder(4) })).rejects.toMatchObject({
      code: 'interrupted',
    });
    const names = await filesIn(join(out, 'private'));
    expect(names.filter((name) => /noise|correlation/.test(name))).toEqual([]);
    const plain = newRun(place);
    await expect(runJob(await tinyJob(place), plain, { observer: recorder(4) })).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(names).toEqual(await filesIn(join(plain, 'private')));
  });

  test('G23, G33: goes on after a crash at the step that was charged last, and takes no step twice', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, banded);
    await expect(runJob(config, out, { observer: recorder(2) })).rejects.toMatchObject({
      code: 'interrupted',
    });
    await writeFile(join(out, 'private', 'journal.ndjson'), '{"phase":"head","step":3}\n', { flag: 'a' });
    const finished = await resumeRun(out, { stream: secureStream() });
    expect(finished.steps).toBe(6);
    expect(await stepsOf(out)).toEqual([1, 2, 4, 5, 6]);
    expect(await journalOf(out)).toHaveLength(6);
  });

  test('white-box replay finds what one turn claims, and no more', { timeout: 60_000 }, async () => {
    const out = newRun(place);
    await runJob(await tinyJob(place, banded, { train: { method: 'full' } }), out);
    const effort = { steps: 60, canaries: 200 };
    const { verdict, results } = await auditWhiteBox(out, effort, { stage: () => undefined });
    expect(verdict).toBe('no violation found');
    expect(results.map(({ m }) => m)).toEqual([4000, 4000]);
    const [found] = results;
    expect(found).toMatchObject({ adversary: 'A3' });
    // Five standard errors of a deviation of 4,000 numbers: the claim's noise, not the larger one that a step alone has.
    expect(Math.abs((found as { noiseMultiplier: number }).noiseMultiplier - 1)).toBeLessThan(
      5 / Math.sqrt(8000),
    );
  });
});
