import { beforeAll, describe, expect, test } from 'vitest';
import {
  buildReport,
  checkReport,
  releaseTexts,
  renderCard,
  renderHtml,
  reportSchema,
  verdictOf,
  type AuditResults,
  type ImplementationTests,
  type Report,
} from '../../audits/index.ts';
import { epsilonOf } from '../../privacy/index.ts';
import { boundsFromProfile } from '../../audits/report/content/profile-bounds.ts';
import { assumptionsOf } from '../../audits/report/content/assumptions.ts';
import type { Meaning } from '../../audits/report/schema-claim.ts';
import type { Accounting } from '../../audits/report/schema-method.ts';
import { bareEvidence, fullEvidence, hostile, nonPrivateEvidence } from './evidence.ts';

let full: Report;
let bare: Report;
let nonPrivate: Report;
beforeAll(() => {
  full = buildReport(fullEvidence);
  bare = buildReport(bareEvidence);
  nonPrivate = buildReport(nonPrivateEvidence);
});

const stored = (report: Report): unknown => JSON.parse(JSON.stringify(report));

/** Places of a report that say why they have no value. */
function missingIn(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('reason' in value && 'value' in value && value.value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    missingIn(inner, path === '' ? key : `${path}.${key}`),
  );
}

/** The one figure that the evidence does not define. */
const missingFigure = (at: string) => [`${at}.figures.2.value`, `${at}.figures.2.interval`];

/** The full report with one audit that came to this verdict. */
function auditedWith(verdict: string, epsilonLower = 0.1): Report {
  return { ...full, audit: [{ ...(full.audit as AuditResults)[0]!, verdict, epsilonLower }] };
}

/** The full report of a run that took a step too many. */
function overspent(): Report {
  const assumptions = assumptionsOf({ ...fullEvidence, stepsCharged: { head: 31, lora: 20 } });
  return { ...full, accounting: { ...(full.accounting as Accounting), assumptions } };
}

function failing(): Report {
  return {
    ...full,
    implementationTests: { ...(full.implementationTests as ImplementationTests), failed: 1 },
  };
}

function statusOf(report: Report, id: string): string | undefined {
  return report.hazards.find((hazard) => hazard.id === id)?.status;
}

describe('the object', () => {
  test('fits its schema, whatever the evidence', async () => {
    for (const report of [full, bare, nonPrivate]) {
      expect(await checkReport(stored(report))).toEqual(stored(report));
    }
  });

  test.each([
    ['a field is missing', (report: Record<string, unknown>) => delete report['limits']],
    ['a field is unknown', (report: Record<string, unknown>) => (report['note'] = 'x')],
    ['a field has no reason', (report: Record<string, unknown>) => (report['audit'] = { value: null })],
    [
      'a number is a text',
      (report: Record<string, unknown>) => ((report['claim'] as Record<string, unknown>)['epsilon'] = '1'),
    ],
  ])('is refused where %s', async (_, damage) => {
    const report = stored(full) as Record<string, unknown>;
    damage(report);
    await expect(checkReport(report)).rejects.toMatchObject({ code: 'verification' });
  });

  test('lacks only what does not exist where all evidence is there', () => {
    expect(missingIn(full)).toEqual([
      'mechanism.phases.0.clippingGamma',
      'dataset.selection',
      'prompts',
      'labelWords',
      ...['0', '0.slices.language.0', '0.slices.language.1', '1', '2', '3'].flatMap((model) =>
        missingFigure(`utility.models.${model}`),
      ),
      'utility.nonPrivate',
      'audit.0.family',
      ...['canaries', 'guesses', 'correct', 'correction', 'preregisteredHash', 'ceiling', 'attack'].map(
        (name) => `audit.1.${name}`,
      ),
      'attacks',
      'ledger.expires',
      'ledger.review',
    ]);
    expect(missingIn(bare).length).toBeGreaterThan(25);
  });

  test('documents every field', () => {
    const undocumented = (schema: unknown, path: string): string[] => {
      const { description, properties, items, anyOf } = schema as Record<string, unknown>;
      const own = typeof description === 'string' && description.endsWith('.') ? [] : [path];
      return [
        ...own,
        ...Object.entries((properties ?? {}) as Record<string, unknown>).flatMap(([name, inner]) =>
          undocumented(inner, `${path}.${name}`),
        ),
        ...(items ? undocumented(items, `${path}[]`) : []),
        ...((anyOf as unknown[] | undefined)
          ?.slice(0, 1)
          .flatMap((inner) => undocumented({ ...(inner as object), description: 'Above.' }, path)) ?? []),
      ];
    };
    expect(undocumented(reportSchema, 'report')).toEqual([]);
  });

  test('claims nothing without noise', () => {
    expect(nonPrivate.claim).toMatchObject({
      value: null,
      reason: expect.stringContaining('no privacy guarantee'),
    });
    expect(nonPrivate.meaning).toMatchObject({ value: null });
    expect(nonPrivate.accounting).toMatchObject({ value: null });
    expect(JSON.stringify(nonPrivate)).not.toMatch(/"epsilon":\d/);
  });
});

describe('what it says of the guarantee', () => {
  test('attack rates are bounded by the trade-off curve, and posteriors by Bayes', () => {
    const { attacker, tradeOff, advantage } = full.meaning as Meaning;
    for (const { falsePositiveRate, truePositiveRate, posteriorFromHundredth } of attacker) {
      expect(truePositiveRate - falsePositiveRate).toBeLessThanOrEqual(advantage);
      expect(truePositiveRate).toBeGreaterThan(falsePositiveRate);
      const odds = truePositiveRate / falsePositiveRate / 99;
      expect(posteriorFromHundredth).toBeCloseTo(odds / (1 + odds), 12);
    }
    for (const [k, point] of tradeOff.entries()) {
      expect(point.falseNegativeRate).toBeLessThanOrEqual(1 - point.falsePositiveRate);
      expect(1 - point.falsePositiveRate - point.falseNegativeRate).toBeLessThanOrEqual(advantage + 1e-9);
      expect(point.falseNegativeRate).toBeLessThanOrEqual(tradeOff[k - 1]?.falseNegativeRate ?? 1);
    }
  });

  test('epsilon never falls by step, and ends at the claim', () => {
    const { curve } = full.accounting as unknown as { curve: { step: number; epsilon: number }[] };
    expect(curve[0]).toEqual({ step: 0, epsilon: 0 });
    expect(curve.at(-1)).toEqual({ step: 50, epsilon: (full.claim as { epsilon: number }).epsilon });
    // The end of the first phase is among them.
    expect(curve.map(({ step }) => step)).toContain(30);
    for (const [k, { epsilon }] of curve.entries())
      expect(epsilon).toBeGreaterThanOrEqual(curve[k - 1]?.epsilon ?? 0);
  });

  test('the cost of a search is the claim of its winner, bounded without its loss distribution', () => {
    const { plan } = fullEvidence;
    const event = { kind: 'repeat-and-select', mean: 3, shape: 1, event: plan.privacy.event } as const;
    const epsilon = epsilonOf(event, plan.privacy).epsilon.upper;
    const { claim, scope, accounting, meaning } = buildReport({
      ...fullEvidence,
      plan: {
        ...plan,
        search: { method: 'private-selection', candidates: [[], []], event, hash: '', epsilon },
      },
    });
    expect(claim).toMatchObject({ epsilon, gaussian: { value: null } });
    expect(epsilon).toBeGreaterThan(plan.privacy.epsilon);
    expect(scope.tuningCovered).toBe(true);
    // One method is no second opinion of itself.
    expect(accounting).toMatchObject({ curve: { value: null }, crossCheck: { value: null } });
    const [searched, alone] = [meaning, full.meaning] as [Meaning, Meaning];
    for (const [k, { truePositiveRate }] of searched.attacker.entries()) {
      expect(truePositiveRate).toBeGreaterThan(alone.attacker[k]!.truePositiveRate);
      expect(truePositiveRate).toBeLessThan(1);
    }
    expect(searched.advantage).toBeLessThan(1);
  });

  test('bounds from epsilons alone hold, and lie above those of the exact curve', () => {
    const { plan } = fullEvidence;
    const rough = boundsFromProfile(plan.privacy);
    const { attacker, advantage } = full.meaning as Meaning;
    for (const { falsePositiveRate, truePositiveRate } of attacker) {
      expect(rough.truePositiveRate(falsePositiveRate)).toBeGreaterThanOrEqual(truePositiveRate);
      expect(rough.truePositiveRate(falsePositiveRate)).toBeLessThan(8 * truePositiveRate);
    }
    expect(rough.advantage).toBeGreaterThanOrEqual(advantage);
    expect(rough.advantage).toBeLessThan(3 * advantage);
  });
});

describe('the verdict', () => {
  test.each([
    ['all is well', () => full, 'good'],
    ['nothing was tested', () => bare, 'warning'],
    ['there is no noise', () => nonPrivate, 'bad'],
    ['a test failed', failing, 'bad'],
    ['an audit found a violation', () => auditedWith('violation'), 'bad'],
    [
      'an audit found more than is claimed, whatever it calls that',
      () => auditedWith('no violation found', 2),
      'bad',
    ],
    ['an audit was inconclusive', () => auditedWith('inconclusive'), 'good'],
    ['more steps were taken than paid for', overspent, 'bad'],
  ] as const)('where %s', (_, report, tone) => {
    expect(verdictOf(report()).tone).toBe(tone);
  });
});

describe('the hazards', () => {
  test('are all there, each with evidence', () => {
    for (const { hazards } of [full, bare, nonPrivate]) {
      expect(hazards.map(({ id }) => id)).toEqual(Array.from({ length: 18 }, (_, k) => `H${k + 1}`));
      for (const { evidence, title } of hazards) expect(evidence.length && title.length).toBeGreaterThan(10);
    }
  });

  test('follow from the evidence', () => {
    expect(['H3', 'H7', 'H8', 'H12'].map((id) => statusOf(full, id))).toEqual([
      'addressed',
      'addressed',
      'addressed',
      'partly',
    ]);
    expect(['H7', 'H8', 'H12'].map((id) => statusOf(bare, id))).toEqual(['open', 'partly', 'open']);
    expect(['H1', 'H9', 'H13'].map((id) => statusOf(nonPrivate, id))).toEqual([
      'not applicable',
      'open',
      'open',
    ]);
  });
});

describe('the renderings', () => {
  test('depend on the report alone: the same bytes again, also of two at once', async () => {
    const [first, second] = await Promise.all([releaseTexts(full), releaseTexts(full)]);
    const again = await releaseTexts(stored(full) as Report);
    expect(second).toEqual(first);
    expect(again).toEqual(first);
    expect(Object.keys(first)).toEqual(['report.html', 'README.md', 'bom.cdx.json', 'opendp.yaml']);
    expect(Object.keys(await releaseTexts(nonPrivate))).toEqual(['report.html', 'README.md', 'bom.cdx.json']);
  });

  test('differ where the report differs', async () => {
    const other = await renderHtml({ ...full, meta: { ...full.meta, created: '2026-11-25T12:00:00Z' } });
    expect(other).not.toBe(await renderHtml(full));
  });

  test('show no value that is none, and claim no conformity', async () => {
    for (const report of [full, bare, nonPrivate]) {
      for (const text of [await renderHtml(report), renderCard(report)]) {
        expect(text).not.toMatch(/\b(undefined|NaN|null|Infinity)\b|\[object/);
        expect(text).not.toMatch(/\banonymous\b|\bcompliant\b|\bcomplies\b/i);
      }
    }
  });

  test('escape whatever comes from outside', async () => {
    const { statements, plan, metrics } = fullEvidence;
    const page = await renderHtml(
      buildReport({
        ...fullEvidence,
        plan: { ...plan, model: { ...plan.model, reference: hostile }, reasons: [hostile] },
        statements: { ...statements, intendedUse: hostile, contact: hostile },
        metrics: {
          ...metrics,
          private: {
            records: 3,
            [hostile]: 0.5,
            accuracy: 0.5,
            slices: { [hostile]: { [hostile]: { records: 1, accuracy: 1 } } },
          },
        },
      }),
    );
    expect(page).not.toMatch(/<script|<img/);
    expect(page).not.toContain('\u0000');
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    // No attribute was left early either.
    expect(page).not.toMatch(/aria-label="">/);
  });

  test('hold no script, no link out and no image from elsewhere', async () => {
    const page = await renderHtml(full);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|javascript:|\son[a-z]+=/i);
    const targets = [...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, target]) => target!);
    expect(targets.filter((target) => !target.startsWith('#'))).toEqual([]);
    // Names inside charts could clash with those of another.
    expect(page).not.toMatch(/<svg[^>]*>(?:(?!<\/svg>)[\s\S])*\sid="/);
  });
});
