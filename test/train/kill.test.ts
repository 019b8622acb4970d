import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readdir } from 'node:fs/promises';
import { reproducibleRng } from '../../privacy/index.ts';
import { runCommand } from '../support/kill-process.ts';
import { filesIn, jsonOf, linesOf, newRun, releasedWeights, tinyJobFile } from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();

const steps = 600;
const long = {
  privacy: { noiseMultiplier: 3 },
  train: { method: 'last', layers: 1, batchSize: 20, steps },
  checkpoint: { everySteps: 20 },
};

describe('a process of the command line', () => {
  test("G23, G33: killed at any moment and resumed, it takes and charges the plan's steps", async () => {
    const job = await tinyJobFile(place, long);
    const out = newRun(place);
    const rng = reproducibleRng('moments');
    let charged = 0;
    let args = ['train', job, '--out', out];
    for (let kill = 0; kill < 4; kill++) {
      const from = 'first step';
      const { signal } = await runCommand(args, { signal: 'SIGKILL', after: 200 * rng.uniform(), from });
      expect(signal).toBe('SIGKILL');
      const journal = await linesOf(join(out, 'private', 'journal.ndjson'));
      expect(journal.length).toBeGreaterThan(charged);
      charged = journal.length;
      args = ['train', '--resume', out];
    }
    const ended = await runCommand(args);
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.events.at(-1)).toMatchObject({ event: 'done', steps });
    expect(await linesOf(join(out, 'private', 'journal.ndjson'))).toHaveLength(steps);
    const plan = await jsonOf<{ privacy: { phases: { steps: number }[] } }>(
      join(out, 'release', 'plan.json'),
    );
    expect(plan.privacy.phases[0]!.steps).toBe(steps);
    expect((await filesIn(join(out, 'release'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(await readdir(join(out, 'release'))).toEqual(
      expect.arrayContaining([
        'README.md',
        'metrics.json',
        'model',
        'plan.json',
        'report.html',
        'report.json',
      ]),
    );
    expect(Object.values(await releasedWeights(out)).every((values) => values.every(Number.isFinite))).toBe(
      true,
    );
  });

  test('asked to stop, it exits with 130 and goes on later', async () => {
    const job = await tinyJobFile(place, long, { train: { steps: 300 } });
    const out = newRun(place);
    const stop = { signal: 'SIGINT', after: 20, from: 'first step' } as const;
    const stopped = await runCommand(['train', job, '--out', out], stop);
    expect(stopped.code).toBe(130);
    expect(stopped.events.at(-1)).toMatchObject({ event: 'error', code: 'interrupted' });
    const charged = (await linesOf(join(out, 'private', 'journal.ndjson'))).length;
    const ended = await runCommand(['train', '--resume', out]);
    expect(ended.code).toBe(0);
    expect(ended.events.find(({ event }) => event === 'step')).toMatchObject({ step: charged });
    expect(ended.events.at(-1)).toMatchObject({ event: 'done', steps: 300 });
  });
});
