import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { renderCard, renderings, type PlanFacts } from '../../audits/index.ts';
import { loadJob } from '../../src/config/index.ts';
import {
  comparablePlan,
  comparableReport,
  jobHazards,
  readReport,
  readStatements,
  whyIncomparable,
  writeReport,
} from '../../src/report/index.ts';
import { dptune } from '../commands/terminal.ts';
import {
  byWriter,
  filesIn,
  jsonOf,
  newRun,
  runJob,
  tinyJob,
  tinyJobFile,
  type JobSettings,
} from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();
let out: string;
const released = (...path: string[]) => join(out, 'release', ...path);
const text = (name: string) => readFile(released(name), 'utf8');

beforeAll(async () => {
  out = newRun(place);
  await runJob(await tinyJob(place, byWriter, { train: { method: 'lora', lora: { rank: 2 } } }), out);
  await writeReport(out);
});

describe('the report of a run', () => {
  test('lists every file of the release but its own renderings', async () => {
    const { artifacts } = await readReport(out);
    const files = await filesIn(released());
    expect(artifacts.map(({ path }) => path)).toEqual(files.filter((path) => !renderings.includes(path)));
    expect(files).toEqual(expect.arrayContaining(['README.md', 'report.html', 'report.json', 'opendp.yaml']));
    expect(artifacts.map(({ path }) => path)).toContain('adapter/README.md');
  });

  test('says what the run did', async () => {
    const { claim, mechanism, utility, unit, scope } = await readReport(out);
    const { privacy } = await jsonOf<PlanFacts>(released('plan.json'));
    expect(claim).toMatchObject({ epsilon: privacy.epsilon, delta: 1e-4 });
    expect(mechanism.phases).toMatchObject([{ method: 'lora', steps: 6, stepsCharged: 6, divisor: 20 }]);
    expect(unit).toMatchObject({ kind: 'user', maxRecords: 2, maxTokens: 16 });
    const metrics = await jsonOf<Record<string, Record<string, number>>>(released('metrics.json'));
    const own = utility.models.find(({ name }) => name === 'private')!;
    expect(own.figures.find(({ metric }) => metric === 'accuracy')?.value).toBe(
      metrics['private']!['accuracy'],
    );
    expect(scope.reads.map(({ disposition }) => disposition)).not.toContain('charged');
    expect(await text('README.md')).toContain('differential privacy for one user with at most 2 records');
  });

  test('made again, it is the same to the byte', async () => {
    const names = ['report.json', 'report.html', 'README.md', 'opendp.yaml', 'bom.cdx.json'];
    const before = await Promise.all(names.map(text));
    await writeReport(out);
    expect(await Promise.all(names.map(text))).toEqual(before);
  });

  test('keeps what its owner states', async () => {
    const file = join(place.root, 'facts.yaml');
    await writeFile(file, 'intendedUse: Sorting moods.\ncurators: [A lab]\n');
    await writeReport(out, await readStatements(file));
    const { report } = await writeReport(out);
    expect(report.statements).toMatchObject({ intendedUse: 'Sorting moods.', curators: ['A lab'] });
    expect(report.statements.legalBasis).toMatchObject({ value: null });
    expect(await text('README.md')).toContain('Meant for: Sorting moods.');
  });

  test.each([
    ['intendeduse: x', 'additional properties'],
    ['curators: A lab', '/curators must be array'],
    ['- x', 'must be object'],
  ])('refuses statements such as %s', async (content, message) => {
    const file = join(place.root, 'wrong.yaml');
    await writeFile(file, content);
    await expect(readStatements(file)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining(message),
    });
  });

  test.each([
    ['plan.json', '"steps": 6', '"steps": 5', 'drift'],
    ['plan.json', '"learningRate": 0.1', '"learningRate": 0.2', 'drift'],
    ['metrics.json', '{', '', 'data'],
  ])('is not made from a damaged %s', async (name, from, to, code) => {
    const copy = newRun(place);
    await cp(out, copy, { recursive: true });
    const path = join(copy, 'release', name);
    await writeFile(path, (await readFile(path, 'utf8')).replace(from, to));
    await expect(writeReport(copy)).rejects.toMatchObject({ code });
    await rm(copy, { recursive: true });
  });

  test('is found in a run, a release and a file, and nowhere else', async () => {
    const report = await readReport(out);
    expect(await readReport(released())).toEqual(report);
    expect(await readReport(released('report.json'))).toEqual(report);
    await expect(readReport(place.root)).rejects.toMatchObject({ code: 'data' });
    await expect(readReport(released('plan.json'))).rejects.toMatchObject({ code: 'verification' });
  });
});

describe('comparing', () => {
  const side = { epsilon: 2, delta: 1e-5, unit: 'one record', relation: 'add-or-remove-one', settings: {} };

  test.each([
    ['unit', { unit: 'one user with at most 2 records' }],
    ['relation', { relation: 'replace-one' }],
    ['delta', { delta: 1e-6 }],
    ['guarantee', { epsilon: Infinity }],
  ])('G8: is refused for epsilons of another %s, with the reason', (_, other) => {
    const reasons = whyIncomparable(side, { ...side, ...other });
    expect(reasons).toHaveLength(1);
    expect(whyIncomparable({ ...side, ...other }, side)).toHaveLength(1);
  });

  test('is not refused where they mean the same', () => {
    expect(whyIncomparable(side, { ...side, epsilon: 3, settings: { a: 1 } })).toEqual([]);
  });

  test('a run equals its own plan', async () => {
    const plan = comparablePlan(await jsonOf<PlanFacts>(released('plan.json')));
    // Of the report, the figures can be compared, too.
    expect(comparableReport(await readReport(out))).toMatchObject(plan);
  });
});

/** What lint says of a job, without the words. */
async function settingsOf(...settings: readonly JobSettings[]): Promise<string[]> {
  const { config } = await loadJob(await tinyJobFile(place, ...settings));
  return jobHazards(config).map(({ kind, setting }) => `${kind} ${setting.split('=')[0]}`);
}

describe('lint', () => {
  const clean = {
    ...byWriter,
    ledger: { scope: 'writers' },
    audit: { canaries: 50 },
    evaluate: { baselines: ['majority'] },
  };

  test('has nothing to say of a careful job', async () => {
    const found = await settingsOf(clean);
    expect(found.filter((line) => line !== 'hazard data.train')).toEqual([]);
  });

  test.each([
    ['hazard privacy.epsilon', { privacy: { epsilon: 20, noiseMultiplier: undefined } }],
    ['hazard privacy.delta', { privacy: { delta: 0.01 } }],
    ['hazard privacy.publicSize', { privacy: { publicSize: 'auto' } }],
    ['hazard data.labels', { data: { labels: 'auto' } }],
    ['hazard ledger', { ledger: 'none' }],
    ['note audit.canaries', { audit: { canaries: 0 } }],
    ['note data.test', { data: { test: undefined } }],
    ['note data.validation', { data: { split: { validation: 0.1 } } }],
    ['note evaluate.slices', { evaluate: { slices: ['mood'] } }],
    ['note evaluate.baselines', { evaluate: { baselines: ['non-private'] } }],
    ['note privacy.unit', { privacy: { unit: 'record', maxRecordsPerUser: undefined } }],
  ])('says %s', async (expected, settings) => {
    expect(await settingsOf(clean, settings)).toContain(expected);
  });

  test('looks at what the base model is', async () => {
    const from = { ...clean, model: released('model') };
    expect(await settingsOf(from)).toContain('hazard model');
  });
});

describe('on the command line', () => {
  test('report prints what the release holds, and refuses what is no run', async () => {
    const card = await dptune(['report', out, '--format', 'md']);
    expect(card).toMatchObject({ code: 0, stdout: renderCard(await readReport(out)) });
    const none = await dptune(['report', released()]);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('is no run of yours') });
  });

  test('lint --strict stops a careless job', async () => {
    const { code, stdout } = await dptune(['lint', await tinyJobFile(place), '--strict']);
    expect(code).toBe(3);
    expect(stdout).toContain('hazard (H7) ledger=none: nobody counts');
  });

  test('diff tells apart and refuses in one go', async () => {
    const { code, stdout } = await dptune(['diff', out, released('plan.json'), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ event: 'diff', epsilon: { comparable: true } });
  });
});
