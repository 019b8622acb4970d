import { basename } from 'node:path';
import type { TrainedRun } from './job.ts';

/** The released model's README.md: Hugging Face front matter, the guarantee in words, figures, use. */
export function modelCard(
  run: TrainedRun,
  metrics: Readonly<Record<string, unknown>>,
  adapterUse: string | undefined,
): string {
  const { plan, isPrivate } = run;
  const { privacy } = plan;
  const base =
    basename(plan.model.reference) === plan.model.reference ? '' : `base_model: ${plan.model.reference}\n`;
  const front = [
    '---',
    `${base}library_name: transformers`,
    'pipeline_tag: text-classification',
    'tags:',
    '  - dptune',
    isPrivate ? '  - differential-privacy' : '  - not-private',
    '---',
  ];
  return [
    ...front,
    '',
    isPrivate ? '# Privately fine-tuned model' : '# NOT PRIVATE: fine-tuned without differential privacy',
    '',
    ...(isPrivate ? guarantee(run) : [notPrivateReason(run)]),
    '',
    '## Training',
    '',
    `Base model: ${plan.model.reference} (digests in plan.json). Head: ${plan.head}.`,
    '',
    '| phase | method | steps | expected batch | sampling rate | clipping norm | noise multiplier |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...privacy.phases.map(
      (phase, index) =>
        `| ${phase.name} | ${plan.training[index]!.method} | ${phase.steps} | ${phase.expectedBatch} | ${short(phase.samplingRate)} | ${phase.clipping.norm} (${phase.clipping.kind}) | ${isPrivate ? short(phase.noiseMultiplier) : 'none'} |`,
    ),
    '',
    '## Evaluation',
    '',
    ...metricsTable(metrics),
    '',
    'Measured on held-out data without noise. If that data is private, publishing these figures is outside of the guarantee above.',
    '',
    '## Use',
    '',
    '```python',
    'from transformers import pipeline',
    "classify = pipeline('text-classification', model='model')",
    '```',
    ...(plan.head === 'mean'
      ? [
          '',
          'The mean over the tokens is written as one more layer that the plain class computes. Load it in float32 or bfloat16 (float16 overflows), and do not train it further in transformers: continue with dptune, or with the adapter.',
        ]
      : []),
    ...(adapterUse ? ['', 'The adapter alone:', '', '```python', adapterUse, '```'] : []),
    '',
  ].join('\n');
}

/** For whatever of a run that is not private may be copied on its own. */
export function notPrivateReason({ nonPrivate }: Pick<TrainedRun, 'nonPrivate'>): string {
  const how = nonPrivate ? 'without clipping and noise' : 'with sampling and noise from a seed';
  return `NOT PRIVATE: trained ${how}. It carries no privacy guarantee.`;
}

function guarantee({ plan: { privacy, sizeSource } }: TrainedRun): string[] {
  const { epsilon, delta, unit, relation, publicSize } = privacy;
  const who = unit.kind === 'record' ? 'one record' : `one user with at most ${unit.maxRecords} records`;
  return [
    `(epsilon, delta) = (${upward(epsilon)}, ${delta}) differential privacy for ${who}, neighbouring relation ${relation}.`,
    '',
    `Mechanism: DP-SGD, Poisson sampling of units, Gaussian noise from the operating system's generator. Accountant: ${privacy.accountant.method}, version ${privacy.accountant.version}. Plan: ${privacy.hash}.`,
    '',
    sizeSource === 'declared'
      ? `The number of units, ${publicSize}, was declared public.`
      : `The number of units, ${publicSize}, was counted in the data and is treated as public.`,
  ];
}

function metricsTable(metrics: Readonly<Record<string, unknown>>): string[] {
  const rows = Object.entries(metrics).filter(([, value]) => typeof value === 'object' && value !== null);
  const names = [
    'accuracy',
    'balancedAccuracy',
    'macroF1',
    'mcc',
    'auroc',
    'pearson',
    'spearman',
    'microF1',
  ].filter((name) => rows.some(([, value]) => typeof (value as Record<string, unknown>)[name] === 'number'));
  if (names.length === 0) return ['No test data was given.'];
  return [
    `| model | ${names.join(' | ')} |`,
    `| --- | ${names.map(() => '---').join(' | ')} |`,
    ...rows.map(([model, value]) => {
      const cells = names.map((name) => {
        const figure = (value as Record<string, unknown>)[name];
        return typeof figure === 'number' ? figure.toFixed(3) : '-';
      });
      return `| ${model} | ${cells.join(' | ')} |`;
    }),
  ];
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** A bound from above, in four significant digits that never say less. */
function upward(bound: number): string {
  const unit = 10 ** (Math.floor(Math.log10(bound)) - 3);
  return String(Number((Math.ceil(bound / unit) * unit).toPrecision(4)));
}
