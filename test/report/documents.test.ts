import { readFile, writeFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  buildReport,
  checkStatements,
  noStatements,
  renderCard,
  renderOpenDp,
  reportSchema,
  type Report,
} from '../../audits/index.ts';
import { crosswalk } from '../../audits/report/content/crosswalk.ts';
import { makePlan } from '../../privacy/index.ts';
import { fullEvidence, hostile, nonPrivateEvidence } from './evidence.ts';

interface Golden {
  readonly card: Readonly<Record<string, unknown>>;
  readonly registry: Readonly<Record<string, unknown>>;
  readonly statement: { readonly steps: number; readonly onceEachEpoch: number; readonly poisson: number };
}

const goldenPath = (name: string) => new URL(`../golden/report/${name}`, import.meta.url);
let golden: Golden;
let report: Report;
let hostileReport: Report;

beforeAll(async () => {
  golden = JSON.parse(await readFile(goldenPath('documents.json'), 'utf8')) as Golden;
  report = buildReport(fullEvidence);
  const statements = {
    ...report.statements,
    intendedUse: hostile,
    license: hostile,
    dataDescription: hostile,
  };
  hostileReport = { ...report, statements };
});

/** The made-up text as the golden script read it; DPTUNE_GOLDEN=write renews it. */
async function goldenText(name: string, text: string): Promise<string> {
  if (process.env['DPTUNE_GOLDEN'] === 'write') await writeFile(goldenPath(name), text);
  return readFile(goldenPath(name), 'utf8');
}

function frontMatter(card: string): string {
  return `${card.slice(0, card.indexOf('\n---\n', 4))}\n---\n`;
}

describe('the model card', () => {
  test('has front matter that the Hugging Face hub reads', async () => {
    const front = frontMatter(renderCard(report));
    expect(await goldenText('front-matter.md', front)).toBe(front);
    expect(golden.card).toMatchObject({
      base_model: 'lab/tiny-bert',
      license: 'apache-2.0',
      language: ['en', 'es'],
      library_name: 'transformers',
      pipeline_tag: 'text-classification',
      tags: ['dptune', 'differential-privacy', 'dp-sgd'],
      differential_privacy: {
        delta: 1e-5,
        unit: 'one user with at most 4 records',
        relation: 'add-or-remove-one',
        audited: true,
        budget_counted: true,
      },
    });
    const { epsilon } = golden.card['differential_privacy'] as { epsilon: number };
    const claimed = (report.claim as { epsilon: number }).epsilon;
    expect(epsilon).toBeGreaterThanOrEqual(claimed);
    expect(epsilon).toBeLessThan(claimed * (1 + 1e-5));
    // There it would be taken for a score.
    expect(golden.card).not.toHaveProperty('model-index');
  });

  test('is stamped where there is no guarantee', () => {
    const card = renderCard(buildReport(nonPrivateEvidence));
    expect(card).toMatch(/^# NOT PRIVATE/m);
    expect(parse(frontMatter(card).replaceAll('---\n', ''))).toMatchObject({
      tags: ['dptune', 'not-private'],
      differential_privacy: { guarantee: 'none' },
    });
    expect(card).not.toMatch(/epsilon/);
  });

  test('shows text from outside as text', () => {
    const card = renderCard(hostileReport);
    const body = card.slice(frontMatter(card).length);
    expect(body).not.toMatch(/(^|[^\\])<script/m);
    expect(body).not.toMatch(/[^\\]\]\(javascript:/);
    expect(parse(frontMatter(card).replaceAll('---\n', ''))).toMatchObject({ license: hostile });
  });
});

describe('the registry entry', () => {
  /** Required keys and words of the OpenDP deployments registry's schema. */
  const groups = {
    basic:
      'name data_curators intended_use data_product_type data_product_region description publication_date',
    dp_variant: 'variant_name data_domain unprotected_quantities',
    privacy_loss: 'privacy_unit privacy_unit_details privacy_parameters privacy_parameters_details',
    deployment_model: 'model_name actors release_type data_source_type access_type',
    accounting: 'post_processing composition',
    implementation: 'preprocessing_and_hyperparameter_tuning mechanisms justification',
    administrative: 'sources notes registry_authors',
  };

  test('has the groups and keys of its schema, as Python and JavaScript read them', async () => {
    const text = renderOpenDp(report)!;
    expect(await goldenText('opendp.yaml', text)).toBe(text);
    for (const entry of [golden.registry, parse(text) as Golden['registry']]) {
      expect(Object.keys(entry)).toEqual(['url_slug', 'status', 'tier', 'deployment']);
      expect(entry).toMatchObject({ status: 'Draft', tier: 3 });
      const deployment = entry['deployment'] as Record<string, Record<string, unknown>>;
      const keys = Object.fromEntries(
        Object.entries(deployment).map(([name, group]) => [name, Object.keys(group).join(' ')]),
      );
      expect(keys).toEqual(groups);
      expect(deployment['basic']).toMatchObject({
        data_product_type: 'Machine learning model',
        publication_date: '2026-11-24',
        data_curators: ['A lab'],
      });
      expect(deployment['deployment_model']).toMatchObject({ model_name: 'Central' });
      const { epsilon, delta } = deployment['privacy_loss']!['privacy_parameters'] as Record<string, number>;
      expect(delta).toBe(1e-5);
      expect(epsilon).toBeCloseTo((report.claim as { epsilon: number }).epsilon, 4);
    }
  });

  test('is not made for a run without a guarantee', () => {
    expect(
      renderOpenDp(buildReport({ ...fullEvidence, job: { ...fullEvidence.job, seeded: true } })),
    ).toBeUndefined();
  });

  test('keeps hostile text in its place', () => {
    const entry = parse(renderOpenDp(hostileReport)!) as {
      deployment: { basic: { intended_use: string } };
    };
    expect(entry.deployment.basic.intended_use).toBe(hostile);
  });
});

test("the claim's two figures are those of TF Privacy's statement", () => {
  const { steps, onceEachEpoch, poisson } = golden.statement;
  const privacy = makePlan({
    unit: { kind: 'record' },
    relation: 'add-or-remove-one',
    publicSize: 10_000,
    delta: 1e-6,
    noiseMultiplier: 1,
    phases: [{ name: 'all', expectedBatch: 64, steps, clipping: { kind: 'flat', norm: 1 } }],
    reads: [],
    bindings: {},
  });
  const { claim, unit } = buildReport({
    ...fullEvidence,
    plan: { ...fullEvidence.plan, privacy },
    stepsCharged: { all: steps },
  });
  expect(claim).toMatchObject({ withoutAmplification: { participations: 5 } });
  const { epsilon, withoutAmplification } = claim as Extract<typeof claim, { epsilon: number }>;
  const unamplified = (withoutAmplification as { epsilon: number }).epsilon;
  expect(Math.abs(unamplified / onceEachEpoch - 1)).toBeLessThan(1e-3);
  expect(Math.abs(epsilon / poisson - 1)).toBeLessThan(1e-3);
  // As TF Privacy prints them; its steps are not whole.
  expect(unamplified.toFixed(3)).toBe('12.595');
  expect(Math.abs(epsilon - 1.199)).toBeLessThan(2e-3);
  expect(unit.userLevel).toMatchObject({
    value: null,
    reason: expect.stringContaining('no user-level guarantee'),
  });
});

function page(name: string): Promise<string> {
  return readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .map((cell) => cell.trim())
    .filter((cell) => cell !== '');
}

describe('the documentation', () => {
  test('publishes the schema that reports are checked against', async () => {
    expect(JSON.parse(await page('report.schema.json'))).toEqual(JSON.parse(JSON.stringify(reportSchema)));
  });

  test('has the tables of the appendix', async () => {
    const rows = (await page('crosswalk.md')).split('\n').filter((line) => line.startsWith('| '));
    const demanded = crosswalk.flatMap((standard) =>
      standard.rows.map(({ demand, evidence }) => [demand, evidence]),
    );
    const documented = rows.map(cellsOf).filter(([first]) => first !== 'asked for' && !/^-+$/.test(first!));
    expect(documented).toEqual(demanded);
  });

  test('shows statements that are read as they stand', async () => {
    const [, example] = /```yaml\n([\s\S]*?)```/.exec(await page('report.md'))!;
    const stated = await checkStatements(parse(example!));
    expect(Object.keys(stated).sort()).toEqual(Object.keys(noStatements()).sort());
  });
});
