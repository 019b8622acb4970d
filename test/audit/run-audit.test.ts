import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededStream, type Plan } from '../../privacy/index.ts';
import { attackRun, auditRun, auditWhiteBox, requireNoViolation } from '../../src/audit/index.ts';
import { commitmentOf } from '../../src/train/index.ts';
import {
  createWorkplace,
  filesIn,
  jsonOf,
  newRun,
  recorder,
  resumeRun,
  runJob,
  tinyJob,
  type Workplace,
} from '../support/tiny-job.ts';

interface AuditFile {
  readonly preregisteredHash: string;
  readonly commitment: string;
  readonly nonce?: string;
  readonly coins?: string;
  readonly scores?: { readonly 'loss drop': readonly number[] };
  readonly results: readonly { adversary: string; verdict: string; epsilonLower: number; claim: number }[];
}

let place: Workplace;
beforeAll(async () => (place = await createWorkplace()));
afterAll(() => place.remove());

const audited = { audit: { canaries: 60, guesses: 60 } };
const quiet = { stage: () => undefined };

describe('canaries', () => {
  test('are planned in public, tossed for in secret, committed to before training, and scored afterwards', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, audited);
    let before: AuditFile | undefined;
    const observer = {
      ...recorder(),
      step: () => {
        before ??= JSON.parse(readFileSync(join(out, 'release', 'audit.json'), 'utf8')) as AuditFile;
      },
    };
    await runJob(config, out, { observer });
    expect(Object.keys(before!).sort()).toEqual(['commitment', 'format', 'preregisteredHash', 'results']);
    const plan = await jsonOf<{ audit: { hash: string; canaries: number } }>(
      join(out, 'release', 'plan.json'),
    );
    expect(before!.preregisteredHash).toBe(plan.audit.hash);

    const { results } = await auditRun(out);
    const after = await jsonOf<AuditFile>(join(out, 'release', 'audit.json'));
    expect(after.commitment).toBe(before!.commitment);
    expect(commitmentOf(plan.audit.hash, { nonce: after.nonce!, coins: after.coins! })).toBe(
      after.commitment,
    );
    expect(after.coins).toMatch(/^[01]{60}$/);
    expect(after.scores!['loss drop']).toHaveLength(60);
    expect(results).toMatchObject([
      { adversary: 'A1', m: 60, r: 60, family: null, preregisteredHash: plan.audit.hash },
      { adversary: 'A1', m: 60, r: 60, family: 'the plan with less noise' },
    ]);
  });

  test('of a run that goes on are those that it began with', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, audited);
    await expect(runJob(config, out, { observer: recorder(3) })).rejects.toThrow(/resume/);
    const coins = await readFile(join(out, 'private', 'audit', 'coins.json'), 'utf8');
    await resumeRun(out);
    expect(await readFile(join(out, 'private', 'audit', 'coins.json'), 'utf8')).toBe(coins);
    const [coin, file] = [JSON.parse(coins) as { commitment: string }, join(out, 'release', 'audit.json')];
    expect((await jsonOf<AuditFile>(file)).commitment).toBe(coin.commitment);
  });

  test('G34 that were exchanged after the commitment are refused, by resume and by the audit', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, audited);
    await expect(runJob(config, out, { observer: recorder(3) })).rejects.toThrow(/resume/);
    const path = join(out, 'private', 'audit', 'coins.json');
    const coins = await readFile(path, 'utf8');
    const flipped = coins.replace(/"coins": "([01])/, (_, coin) => `"coins": "${coin === '1' ? '0' : '1'}`);
    await writeFile(path, flipped);
    await expect(resumeRun(out)).rejects.toThrow(/committed/);
    await writeFile(path, coins);
    await resumeRun(out);
    await writeFile(path, flipped);
    await expect(auditRun(out)).rejects.toThrow(/committed/);
  });

  test('change the hash of the plan with their number, and are refused where there are none', async () => {
    const hashOf = async (canaries: number) => {
      const out = newRun(place);
      await runJob(await tinyJob(place, { audit: { canaries }, train: { steps: 1 } }), out);
      return (await jsonOf<{ privacy: { hash: string } }>(join(out, 'release', 'plan.json'))).privacy.hash;
    };
    const [none, some, more] = [await hashOf(0), await hashOf(10), await hashOf(11)];
    expect(new Set([none, some, more]).size).toBe(3);
    await expect(
      tinyJob(place, {
        task: 'regression',
        audit: { canaries: 5 },
        data: { columns: { label: 'score' }, labels: undefined },
      }),
    ).rejects.toThrow(/no canaries/);
    await expect(tinyJob(place, { audit: { canaries: 5, source: 'train.csv' } })).rejects.toThrow(/public/);
    await expect(
      tinyJob(place, { audit: { canaries: 5, guesses: 6 } }).then((job) => runJob(job, newRun(place))),
    ).rejects.toThrow(/guesses=6/);
  });

  test('mislabelled ones come from the public file, and none is private', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, { audit: { canaries: 20, source: 'test.csv' }, train: { steps: 2 } });
    await runJob(config, out);
    const plan = await jsonOf<{ audit: { canaryDesign: string; source: string } }>(
      join(out, 'release', 'plan.json'),
    );
    expect(plan.audit).toMatchObject({
      canaryDesign: 'mislabelled',
      source: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });
});

describe('verdicts', () => {
  test('a model that learnt its canaries by heart refutes a claim of much noise', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, audited, {
      privacy: { noiseMultiplier: 100 },
      train: { method: 'full', steps: 150, batchSize: 60, learningRate: 0.02 },
    });
    await runJob(config, out, { nonPrivate: true, stream: seededStream(1) });
    const found = await auditRun(out);
    expect(found.verdict).toBe('violation');
    expect(found.results[1]!.epsilonLower).toBeGreaterThan(found.results[1]!.claim);
    // It claims nothing, so nothing is violated; the same figures of a private run would be.
    expect(() => requireNoViolation(found)).not.toThrow();
    expect(() => requireNoViolation({ ...found, isPrivate: true })).toThrow(/Do not release/);
  });

  test('a claim that no guesses could refute is left open', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, {
      audit: { canaries: 10 },
      privacy: { noiseMultiplier: 0.5 },
      train: { steps: 2 },
    });
    await runJob(config, out);
    const found = await auditRun(out);
    expect(found.verdict).toBe('inconclusive');
    expect(() => requireNoViolation(found)).toThrow(/whatever the model told/);
  });

  test('white box: steps at their claimed noise pass, steps without noise are caught', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, { evaluate: { baselines: ['non-private'] }, train: { steps: 2 } });
    await runJob(config, out);
    const right = await auditWhiteBox(out, { steps: 60, canaries: 16 }, quiet);
    expect(right.verdict).toBe('no violation found');
    const gaussian = right.results.find(({ family }) => family === 'Gaussian')!;
    expect(gaussian.epsilonLower).toBeGreaterThan(0.3 * gaussian.claim);
    expect(gaussian.epsilonLower).toBeLessThan(gaussian.claim);
    expect((await jsonOf<AuditFile>(join(out, 'release', 'audit.json'))).results).toHaveLength(2);
    expect(right.twin?.verdict).toBe('violation');
  });
});

test("G25 the noise of a run's own steps, given to another accountant, gives the epsilon of its report", async () => {
  const golden = await jsonOf<{ rate: number; steps: number; delta: number; epsilons: [number, number][] }>(
    fileURLToPath(new URL('../golden/audits/epsilon.json', import.meta.url)),
  );
  const out = newRun(place);
  // The usual job: 20 of 120 units a step, 6 steps, noise multiplier 1, delta 1e-4.
  await runJob(await tinyJob(place, { evaluate: { bootstrap: 0, baselines: [] } }), out);
  const { privacy } = await jsonOf<{ privacy: Plan }>(join(out, 'release', 'plan.json'));
  const [phase] = privacy.phases;
  expect(phase).toMatchObject({ samplingRate: golden.rate, steps: golden.steps });
  expect(privacy.delta).toBe(golden.delta);
  const steps = 150;
  const { results } = await auditWhiteBox(out, { steps, canaries: 16 }, quiet);
  const measured = results[0]!.noiseMultiplier!;
  // Relative standard error of a deviation from n values.
  const error = 4 / Math.sqrt(2 * steps * 16);
  expect(error).toBeLessThan(0.06);
  const among = (noise: number) =>
    golden.epsilons.reduce((a, b) => (Math.abs(b[0] - noise) < Math.abs(a[0] - noise) ? b : a))[1];
  expect(privacy.epsilon).toBeGreaterThan(among(measured * (1 + error) + 0.01));
  expect(privacy.epsilon).toBeLessThan(among(measured * (1 - error) - 0.01));
  // Fifteen per cent less noise would not.
  expect(privacy.epsilon).toBeLessThan(among(measured * 0.85 * (1 + error)));
});

describe('attacks on natural records', () => {
  test('stay in private/, have groups, and go on with the shadow models that are there', async () => {
    const out = newRun(place);
    const config = await tinyJob(place, { train: { steps: 3 }, evaluate: { bootstrap: 0 } });
    await runJob(config, out, { nonPrivate: true });
    const stages: string[] = [];
    const observer = {
      stopping: () => false,
      stage: (what: string, done: number, total: number) => void stages.push(`${what} ${done}/${total}`),
    };
    const figures = await attackRun(out, { shadows: 2, workers: 2, observer });
    expect(stages).toEqual(['shadow models 0/2', 'shadow models 1/2', 'shadow models 2/2']);
    expect(new Set(figures.map(({ attack }) => attack))).toEqual(
      new Set(['loss', 'LiRA online', 'LiRA offline', 'RMIA']),
    );
    expect(figures.filter(({ attack }) => attack === 'loss').map(({ group }) => group)).toEqual([
      'all',
      'label sad',
      'label happy',
    ]);
    expect(await jsonOf(join(out, 'private', 'audit', 'attacks.json'))).toEqual(figures);
    expect((await filesIn(join(out, 'release'))).filter((name) => /attack|audit/.test(name))).toEqual([]);
    stages.length = 0;
    expect(await attackRun(out, { shadows: 2, workers: 1, observer })).toEqual(figures);
    expect(stages).toEqual(['shadow models 2/2']);
  });
});
