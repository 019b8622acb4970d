import { roundedUp } from '../../privacy/index.ts';
import { headInWords, modelName, taskInWords } from './content/task-words.ts';
import { promptsInWords } from './prompts.ts';
import { roundingInWords } from './rounding.ts';
import { isGiven } from './schema-node.ts';
import type { Report } from './schema.ts';
import { verdictOf } from './verdict.ts';
import { pipelineOf, usageOf } from './usage.ts';
import { figureText, metricName, percentAtMost, significant } from './words.ts';
import { yamlOf, type Yaml } from './yaml.ts';

/**
 * The released model's card: README.md with the front matter that the Hugging Face hub reads. Epsilon stands in a map of
 * its own; in `model-index` it would be taken for a score.
 */
export function renderCard(report: Report): string {
  const { claim, limits, statements } = report;
  return [
    '---',
    `${yamlOf(frontMatter(report))}---`,
    '',
    ...opening(report),
    ...(isGiven(claim) ? guarantee(report) : []),
    '## Training',
    '',
    `Base model: ${inline(report.baseModel.reference)} (digests in plan.json). Trained for: ${taskInWords(report)}.${answers(report)} Plan: ${report.mechanism.planHash}.`,
    '',
    ...rounding(report),
    ...phases(report),
    '## Evaluation',
    '',
    ...evaluation(report),
    '## Data',
    '',
    ...data(report),
    '## Use',
    '',
    ...(isGiven(statements.intendedUse) ? [`Meant for: ${inline(statements.intendedUse)}`, ''] : []),
    ...(isGiven(statements.outOfScopeUse) ? [`Not for: ${inline(statements.outOfScopeUse)}`, ''] : []),
    ...usageOf(report),
    '## Limits',
    '',
    ...limits.map((line) => `- ${line}`),
    '',
    'The whole report is report.html, and report.json for machines; `dptune verify` checks them.',
    '',
  ].join('\n');
}

function frontMatter(report: Report): Record<string, Yaml | undefined> {
  const { status, claim, statements, baseModel, audit, ledger, mechanism } = report;
  const algorithm = mechanism.phases.some(({ bands }) => bands > 1) ? 'dp-ftrl' : 'dp-sgd';
  const onHub = /^([\w.-]+\/[\w.-]+)(@[\w./-]+)?$/.exec(baseModel.reference);
  return {
    language: isGiven(statements.dataLanguages) ? statements.dataLanguages : undefined,
    license: isGiven(statements.license) ? statements.license : undefined,
    base_model: onHub?.[1],
    library_name: 'transformers',
    pipeline_tag: pipelineOf(report),
    tags: ['dptune', ...(status.private ? ['differential-privacy', algorithm] : ['not-private'])],
    differential_privacy: isGiven(claim)
      ? {
          epsilon: Number(roundedUp(claim.epsilon, 6)),
          delta: claim.delta,
          mu: isGiven(claim.gaussian) ? Number(roundedUp(claim.gaussian.mu, 6)) : undefined,
          unit: claim.unit,
          relation: claim.relation,
          audited: isGiven(audit),
          budget_counted: isGiven(ledger),
        }
      : { guarantee: 'none', reason: status.reason },
  };
}

function opening(report: Report): string[] {
  if (!report.status.private) {
    return ['# NOT PRIVATE: fine-tuned without differential privacy', '', report.status.reason, ''];
  }
  const { title, sentence } = verdictOf(report);
  return ['# Privately fine-tuned model', '', `**${title}.** ${sentence}`, ''];
}

function guarantee({
  claim,
  meaning,
  accounting,
  mechanism,
  dataset,
  unit,
  audit,
  implementationTests,
  ledger,
  approvals,
}: Report): string[] {
  if (!isGiven(claim)) return [];
  const { publicSize, sizeSource } = dataset;
  return [
    '## Guarantee',
    '',
    claim.statement,
    '',
    `Mechanism: ${mechanism.name}. ${mechanism.sampler} ${mechanism.noise} Generator: ${mechanism.randomness.source}.${isGiven(accounting) ? ` Accountant: ${accounting.method}, version ${accounting.version}.` : ''}`,
    '',
    sizeSource === 'declared'
      ? `The number of units, ${publicSize}, was declared public.`
      : `The number of units, ${publicSize}, was counted in the data and is treated as public.`,
    '',
    `${unit.definition} ${unit.truncation}`,
    '',
    ...(isGiven(meaning)
      ? [
          'The best that any attacker can do:',
          '',
          ...tableOf(
            [
              'outsiders wrongly accused',
              'participants found, at most',
              'an accusation is right, if half took part',
              'if 1 % took part',
            ],
            meaning.attacker.map((at) =>
              [
                at.falsePositiveRate,
                at.truePositiveRate,
                at.posteriorFromHalf,
                at.posteriorFromHundredth,
              ].map((value) => percentAtMost(value)),
            ),
          ),
        ]
      : []),
    '| evidence | |',
    '| --- | --- |',
    `| tests before training | ${isGiven(implementationTests) ? `${implementationTests.passed} passed, ${implementationTests.failed} failed` : 'none'} |`,
    `| audit after training | ${isGiven(audit) ? audit.map(({ verdict }) => inline(verdict)).join(', ') : 'none'} |`,
    `| budget | ${isGiven(ledger) ? `counted in ${inline(ledger.scope)}` : 'nobody counted'} |`,
    `| approvals | ${isGiven(approvals) ? approvals.map(({ name }) => inline(name)).join(', ') : 'none'} |`,
    '',
  ];
}

function answers({ head, prompts }: Report): string {
  if (isGiven(head)) return ` The answer is read from ${headInWords(head)}.`;
  return isGiven(prompts) ? ` Prompts are ${inline(promptsInWords(prompts))}.` : '';
}

function rounding(report: Report): string[] {
  const words = roundingInWords(report);
  return words === undefined ? [] : [words, ''];
}

function phases({ mechanism }: Report): string[] {
  return tableOf(
    ['phase', 'method', 'steps', 'expected batch', 'sampling rate', 'clipping norm', 'noise multiplier'],
    mechanism.phases.map((phase) => [
      phase.name,
      phase.method,
      String(phase.steps),
      String(phase.expectedBatch),
      significant(phase.samplingRate),
      `${phase.clippingNorm} (${phase.clippingKind})`,
      typeof phase.noiseMultiplier === 'number' ? significant(phase.noiseMultiplier) : 'none',
    ]),
  );
}

function evaluation({ utility, dataset }: Report): string[] {
  const { models, caveat } = utility;
  if (models.length === 0) return ['No test data was given.', ''];
  const metrics = [...new Set(models.flatMap(({ figures }) => figures.map(({ metric }) => metric)))];
  const rows = models.map(({ name, figures }) => [
    modelName(name, dataset.task),
    ...metrics.map((metric) => {
      const found = figures.find((figure) => figure.metric === metric);
      return typeof found?.value === 'number' ? figureText(metric, found.value) : '-';
    }),
  ]);
  return [...tableOf(['model', ...metrics.map(metricName)], rows), caveat, ''];
}

function data({ dataset, statements }: Report): string[] {
  const { dataDescription } = statements;
  return [
    isGiven(dataDescription) ? inline(dataDescription) : 'Whose data this was is not stated.',
    '',
    `Labels: ${dataset.labels} Evaluated on: ${dataset.evaluationData}`,
    '',
  ];
}

function tableOf(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [headings, headings.map(() => '---'), ...rows].map(rowOf).concat('');
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.map(inline).join(' | ')} |`;
}

/** Text from a job or its owner, as one line that is no markup. */
function inline(text: string): string {
  return text.replaceAll(/[^\P{Cc}]/gu, ' ').replaceAll(/[\\`*_{}[\]<>#|]/g, (sign) => `\\${sign}`);
}
