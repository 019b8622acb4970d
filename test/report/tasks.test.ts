import { describe, expect, test } from 'vitest';
import {
  buildReport,
  checkReport,
  renderBom,
  renderCard,
  renderHtml,
  type Evidence,
  type Report,
} from '../../audits/index.ts';
import type { DeclaredRead } from '../../privacy/index.ts';
import { bareEvidence, fullEvidence, hostile } from './evidence.ts';

/** The full evidence of a run that learnt another task. */
function evidenceOf(
  plan: Partial<Evidence['plan']>,
  labels: Evidence['job']['labels'] = 'none',
  metrics: Evidence['metrics'] = fullEvidence.metrics,
): Evidence {
  return {
    ...fullEvidence,
    plan: { ...fullEvidence.plan, ...plan },
    job: { ...fullEvidence.job, labels },
    metrics,
  };
}

const written = { records: 60, perplexity: 29.7, bleu: 1.1, rougeL: 0.14, distinct2: 0.8, texts: 1200 };
const texts = evidenceOf({ task: 'generation' }, 'none', { private: written, untrained: written });
const prompts = evidenceOf({ task: 'generation', separator: ' =\n' }, 'none', { private: written });
const chat = evidenceOf({ task: 'generation', chat: true }, 'none', { private: written });
const numbers = evidenceOf({ task: 'regression' });
const tags = evidenceOf({ task: 'token-classification', head: 'token' }, 'collected');

const made = new Map<Evidence, Report>();
/** Made once: the accountant takes a while. */
function reportOf(evidence: Evidence): Report {
  const report = made.get(evidence) ?? buildReport(evidence);
  made.set(evidence, report);
  return report;
}

/** What of a page stands in its `main`, without markup. */
async function pageOf(report: Report): Promise<string> {
  const page = await renderHtml(report);
  const text = page.slice(page.indexOf('<main>')).replaceAll(/<svg[\s\S]*?<\/svg>|<[^>]*>/g, ' ');
  return text.replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll(/\s+/g, ' ');
}

/** Whether the report warns of texts that a model writes, and how it judges hazards H10 and H11. */
function textWarnings(evidence: Evidence) {
  const { limits, hazards } = reportOf(evidence);
  return {
    limit: limits.some((line) => line.startsWith('Texts that the model writes were not checked')),
    statuses: hazards.slice(9, 11).map(({ status }) => status),
  };
}

describe('the report of a task', () => {
  test.each([
    ['texts', texts, 'writing texts'],
    ['prompts', prompts, 'completing prompts'],
    ['a conversation', chat, 'answering requests in a conversation'],
    ['numbers', numbers, 'predicting a number from a text'],
    ['tags', tags, 'finding entities in texts'],
    ['classes', fullEvidence, 'classifying texts'],
  ])('of %s says what the model is for, and fits its schema', async (_, evidence, words) => {
    const report = reportOf(evidence);
    expect(await checkReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
    const page = await pageOf(report);
    expect(page).toContain(`Model for ${words}, fine-tuned from`);
    expect(page).toMatch(new RegExp(`Task ${words}`));
    expect(renderCard(report)).toContain(`Trained for: ${words}.`);
  });

  test.each([
    ['texts', texts],
    ['numbers', numbers],
  ])('of %s knows no names of classes, and none that were made public', async (_, evidence) => {
    const report = reportOf(evidence);
    const quantities = report.scope.unprotected.map(({ quantity }) => quantity);
    expect(quantities).not.toContain('the names of the labels');
    const all = `${await pageOf(report)} ${renderCard(report)}`;
    expect(all).not.toMatch(/collected from the training data|class(es|ifier) sees/i);
  });

  test('of classes that were collected says so, twice', async () => {
    const report = reportOf(tags);
    expect(report.scope.unprotected.map(({ quantity }) => quantity)).toContain('the names of the labels');
    expect(await pageOf(report)).toContain('Labels Collected from the training data, which is a look');
  });

  test('names heads where there is one', async () => {
    const page = await pageOf(reportOf(texts));
    expect(page).not.toContain('read from');
    expect(reportOf(texts).head).toMatchObject({ value: null });
    expect(JSON.stringify(renderBom(reportOf(texts)))).not.toContain('head: ');
    expect(await pageOf(reportOf(numbers))).toContain('read from the mean over the tokens of a text');
    expect(renderCard(reportOf(tags))).toContain('read from the first token of each word');
  });

  test('names baselines by what they answer', () => {
    expect(renderCard(reportOf(numbers))).toContain('| always the mean |');
    expect(renderCard(reportOf(tags))).toContain('| never an entity |');
    expect(renderCard(reportOf(fullEvidence))).toContain('| always the commonest class |');
  });

  test('names figures of texts as their papers do, and counts without decimals', async () => {
    const page = await pageOf(reportOf(texts));
    for (const name of ['BLEU', 'ROUGE-L', 'distinct pairs of words', 'texts written 1,200'])
      expect(page).toContain(name);
    expect(renderCard(reportOf(texts))).toMatch(/\| this model \|.* 1,200 \|/);
  });

  test('gives the F1 of each kind with its interval, or why it has none', () => {
    const kind = { precision: 0.5, recall: 0.5, f1: 0.5, entities: 4 };
    const found = {
      records: 60,
      f1: 0.5,
      kinds: { PER: kind, LOC: kind },
      intervals: { f1: [0.4, 0.6], 'f1 of PER': [0.25, 0.75] },
      reasons: { 'intervals.f1 of LOC': 'undefined in 150 of 400 resamples' },
    };
    const [model] = reportOf({ ...tags, metrics: { private: found } }).utility.models;
    expect(model!.figures.slice(1)).toEqual([
      { metric: 'f1 of PER', value: 0.5, interval: { lower: 0.25, upper: 0.75 } },
      {
        metric: 'f1 of LOC',
        value: 0.5,
        interval: { value: null, reason: 'undefined in 150 of 400 resamples' },
      },
    ]);
  });

  test('warns of what a model writes, and calls its texts covered only where there is a guarantee', () => {
    expect(textWarnings(texts)).toEqual({ limit: true, statuses: ['addressed', 'open'] });
    const open = { ...texts, job: { ...texts.job, nonPrivate: true } };
    expect(textWarnings(open)).toEqual({ limit: true, statuses: ['open', 'open'] });
    expect(textWarnings(tags)).toEqual({ limit: false, statuses: ['not applicable', 'not applicable'] });
  });
});

describe('the card says how to ask', () => {
  test.each([
    ['texts', texts, "write('the first words of a text')"],
    [
      'prompts, with what must end them',
      prompts,
      'answer(\'your prompt\' + " =\\n", return_full_text=False)',
    ],
    ['a conversation', chat, "answer([{'role': 'user', 'content': 'your request'}]"],
    ['numbers', numbers, "predict('your text')[0]['score']"],
    ['tags', tags, "aggregation_strategy='first'"],
    ['pairs', evidenceOf({ task: 'pair' }, 'declared'), "classify({'text': 'the first', 'text_pair':"],
    ['several classes', evidenceOf({ task: 'multi-label' }, 'declared'), 'top_k=None'],
  ])('for %s', (_, evidence, code) => {
    expect(renderCard(reportOf(evidence))).toContain(code);
  });

  test('names the adapter only where there is one', () => {
    const none = { ...numbers, artifacts: [] };
    expect(renderCard(reportOf(numbers))).toMatch(/continue with dptune, or with the adapter/);
    expect(renderCard(reportOf(none))).not.toContain('adapter');
  });

  test('and a separator cannot leave its place', async () => {
    const report = reportOf(evidenceOf({ task: 'generation', separator: `\n\`\`\`\n${hostile}` }));
    const card = renderCard(report);
    expect(card.match(/^```/gm)).toHaveLength(2);
    expect(await renderHtml(report)).not.toMatch(/<script|<img/);
  });
});

describe('words that follow the unit', () => {
  const record: Evidence = {
    ...bareEvidence,
    plan: {
      ...bareEvidence.plan,
      privacy: { ...bareEvidence.plan.privacy, unit: { kind: 'record' }, reads: [] },
    },
  };

  test('a record is no person, and no family', async () => {
    const page = await pageOf(reportOf(record));
    expect(page).toContain('tells correctly whether a record took part');
    expect(page).toContain('Several records together, such as those of one person');
    expect(await pageOf(reportOf(fullEvidence))).toContain('tells correctly whether a user took part');
  });

  test('reads that there are none of are not pointed at', () => {
    const { scope, unit } = reportOf(record);
    expect(scope.accessesCovered).not.toContain('below');
    expect(unit.truncation).toBe('What a record has beyond 128 tokens is cut off.');
    const charged = { name: 'count', purpose: 'of units', disposition: 'charged' };
    const { plan } = record;
    const reading = { ...plan, privacy: { ...plan.privacy, reads: [charged as DeclaredRead] } };
    expect(reportOf({ ...record, plan: reading }).scope.accessesCovered).toContain('charged reads below');
  });
});
