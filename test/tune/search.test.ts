import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { epsilonOf, seededStream } from '../../privacy/index.ts';
import { loadSearch } from '../../src/config/index.ts';
import { readPlanFile } from '../../src/train/index.ts';
import { planSearch, runSearch, startSearch, type Trial } from '../../src/tune/index.ts';
import { csvOf, madeUpRows, tinyJobFile } from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
let job: string;
beforeAll(async () => {
  await writeFile(join(place.root, 'public.csv'), csvOf(madeUpRows(20, 'public')));
  job = await tinyJobFile(place, {
    data: { validation: { path: 'public.csv', public: true } },
    privacy: { noiseMultiplier: undefined, epsilon: 4 },
  });
});

const settings = { 'train.steps': [4, 8] };

async function searchFile(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const path = join(place.root, 'search.yaml');
  await writeFile(path, JSON.stringify({ job: basename(job), settings, ...more }));
  return path;
}

const planned = async (more: Readonly<Record<string, unknown>>) =>
  planSearch(await loadSearch(await searchFile(more)));

describe('the plan of a search', () => {
  test('costs more than a trial, and less under private selection than charging each', async () => {
    const charged = await planned({ method: 'charged' });
    const selected = await planned({ method: 'private-selection', trials: 12 });
    const trial = Math.max(...charged.candidates.map(({ plan }) => plan.privacy.epsilon));
    expect(charged.candidates).toHaveLength(2);
    expect(selected.part!.epsilon).toBeGreaterThan(trial);
    expect(selected.part!.epsilon).toBeLessThan(3 * trial);
    const events = charged.candidates.map(({ plan }) => plan.privacy.event);
    const { delta, relation } = charged.candidates[0]!.plan.privacy;
    expect(charged.part!.epsilon).toBe(
      epsilonOf({ kind: 'composed', events }, { delta, relation }).epsilon.upper,
    );
    const twelve = events.flatMap((event) => Array.from({ length: 6 }, () => event));
    const each = epsilonOf({ kind: 'composed', events: twelve }, { delta, relation }).epsilon.upper;
    expect(selected.part!.epsilon).toBeLessThan(each);
  });

  test('takes the budget of a trial from the budget of the whole', async () => {
    const plan = await planned({ method: 'private-selection', epsilon: 4 });
    expect(plan.part!.epsilon).toBeLessThanOrEqual(4);
    expect(plan.part!.epsilon).toBeGreaterThan(3.9);
    for (const { plan: trial } of plan.candidates) expect(trial.privacy.epsilon).toBeLessThan(3);
  });

  test.each([
    [{ method: 'private-selection', publicData: 'x' }, 'publicData: has no effect'],
    [{ method: 'charged', trials: 3 }, 'trials: has no effect'],
    [{ method: 'public' }, 'needs publicData'],
    [{ method: 'charged', settings: { 'privacy.epsilon': [1, 2] } }, 'is not searched'],
    [{ method: 'charged', setings: {} }, 'did you mean settings?'],
  ])('is refused for %j', async (more, message) => {
    await expect(loadSearch(await searchFile(more))).rejects.toThrow(message);
  });

  test('G28: is refused without public validation data', async () => {
    job = await tinyJobFile(place);
    const search = loadSearch(await searchFile({ method: 'charged' }));
    job = join(place.root, 'job-1.yaml');
    await expect(search.then(planSearch)).rejects.toThrow('data.validation');
  });
});

test('G30: a search goes on after an interruption, and its release claims the cost of all trials', async () => {
  const plan = await planned({ method: 'charged', settings: { 'train.learningRate': [1e-4, 0.3] } });
  const out = join(place.root, 'search');
  await startSearch(plan, out, seededStream('search'));
  await expect(startSearch(plan, out, seededStream('search'))).rejects.toThrow('a search lies there already');
  const trials: Trial[] = [];
  const options = { parallel: 1, finished: (trial: Trial) => void trials.push(trial) };
  // As if the process had been killed in the second trial.
  const killed = runSearch(out, {
    ...options,
    finished: () => {
      throw new Error('killed');
    },
  });
  await expect(killed).rejects.toThrow('killed');
  const first = await readFile(join(out, 'private', 'trials', '0001', 'release', 'metrics.json'), 'utf8');
  const { best, run } = await runSearch(out, options);
  expect(trials.map(({ candidate }) => candidate.overrides)).toEqual([
    ['train.learningRate=0.0001'],
    ['train.learningRate=0.3'],
  ]);
  expect(best!.figure).toBe(Math.max(...trials.map(({ figure }) => figure)));
  const released = await readPlanFile(join(run, 'release', 'plan.json'));
  expect(released.search).toEqual(plan.part);
  expect(released.search!.epsilon).toBeGreaterThan(released.privacy.epsilon);
  const isFirst = best!.candidate.overrides[0] === 'train.learningRate=0.0001';
  const kept = isFirst ? run : join(out, 'private', 'trials', '0001');
  expect(await readFile(join(kept, 'release', 'metrics.json'), 'utf8')).toBe(first);
  // Once more: nothing is trained again.
  expect((await runSearch(out, options)).best).toEqual(best);
});

test('a secret number of trials of 0 releases nothing', async () => {
  const plan = await planned({ method: 'private-selection', trials: 1, distribution: 'poisson' });
  const out = join(place.root, 'nothing');
  for (let seed = 0; ; seed++) {
    await startSearch(plan, out, seededStream(String(seed)));
    const { draws } = JSON.parse(await readFile(join(out, 'private', 'search.json'), 'utf8')) as {
      draws: number[];
    };
    if (draws.length === 0) break;
    await rm(out, { recursive: true });
  }
  const { best, run } = await runSearch(out, { parallel: 2, finished: () => undefined });
  expect(best).toBeUndefined();
  expect(existsSync(run)).toBe(false);
});
