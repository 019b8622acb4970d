import { crosswalk } from '../content/crosswalk.ts';
import { modelName, taskInWords } from '../content/task-words.ts';
import { roundingInWords } from '../rounding.ts';
import { isGiven } from '../schema-node.ts';
import type { Report } from '../schema.ts';
import { figureText, grouped, metricName, significant } from '../words.ts';
import { badge, bullets, facts, section, shown, table } from './blocks.ts';
import { auditSection } from './audit-section.ts';
import type { Charts } from './guarantee-sections.ts';
import { html, type Html } from './markup.ts';

export function evidenceSections(report: Report, charts: Charts): Html[] {
  return [
    utility(report, charts),
    auditSection(report, charts),
    budget(report, charts),
    data(report),
    hazards(report),
    section('limits', 'What this report does not show', bullets(report.limits)),
    artifacts(report),
    appendix(report),
  ];
}

type Measured = Report['utility']['models'][number]['figures'];

function figureOf(figures: Measured, metric: string): Html {
  const found = figures.find((figure) => figure.metric === metric);
  if (!found || typeof found.value !== 'number') return html`–`;
  const { value, interval } = found;
  if (!isGiven(interval)) return html`${figureText(metric, value)}`;
  return html`${value.toFixed(3)}
    <span class="interval">${interval.lower.toFixed(3)} to ${interval.upper.toFixed(3)}</span>`;
}

/** Metrics down, models or values of a column across. */
function comparison(
  caption: string,
  columns: readonly { readonly name: string; readonly records: number; readonly figures: Measured }[],
): Html {
  const metrics = [...new Set(columns.flatMap(({ figures }) => figures.map(({ metric }) => metric)))];
  return table(
    caption,
    ['', ...columns.map(({ name }) => name)],
    [
      ...metrics.map((metric) => [
        metricName(metric),
        ...columns.map(({ figures }) => figureOf(figures, metric)),
      ]),
      ['records', ...columns.map(({ records }) => grouped(records))],
    ],
  );
}

function utility({ utility: found, dataset }: Report, charts: Charts): Html {
  const { models, retention, primary } = found;
  const released = models.find(({ role }) => role === 'released');
  return section(
    'utility',
    'How well it works',
    html`<p>${found.caveat}</p>`,
    charts.utility ?? shown(primary),
    models.length > 0
      ? comparison(
          'Figures, with 95 % bootstrap intervals',
          models.map(({ name, ...measured }) => ({ name: modelName(name, dataset.task), ...measured })),
        )
      : undefined,
    ...Object.entries(released?.slices ?? {}).map(([column, values]) => comparison(`By ${column}`, values)),
    facts('Comparisons', [
      ['Non-private twin', shown(found.nonPrivate)],
      [
        'Language kept',
        shown(
          retention,
          ({ before, after }) =>
            `loss on public text ${significant(before)} before and ${significant(after)} after fine-tuning (nats a token)`,
        ),
      ],
    ]),
  );
}

function budget({ ledger, approvals }: Report, charts: Charts): Html {
  return section(
    'budget',
    'Budget and approvals',
    isGiven(ledger)
      ? facts('The scope that the job was charged to', [
          ['Scope', ledger.scope],
          ['People', ledger.description],
          ['Unit and relation', `${ledger.unit}, ${ledger.relation}, delta ${ledger.delta}`],
          ['Composition', `${ledger.method}: ${ledger.theorem}`],
          ['Budget', `${ledger.budget.value} ${ledger.budget.unit}`],
          ['Spent before', `${ledger.spentBefore.value} ${ledger.spentBefore.unit}`],
          ['Charged', `${ledger.charged.value} ${ledger.charged.unit}`],
          [
            'How it is counted',
            "By a rule that stays valid when each job depends on the last. That costs something: the charge may be above the job's own epsilon.",
          ],
          ['Left', `${ledger.remaining.value} ${ledger.remaining.unit}`],
          ...ledger.parents.map(
            ({ scope, charged, remaining }) =>
              [`In ${scope}`, `${charged.value} ${charged.unit} charged, ${remaining.value} left`] as const,
          ),
          ['Entries of this job', ledger.entries],
          ['Expires', shown(ledger.expires)],
          ['Review', shown(ledger.review)],
          ['Log', html`${grouped(ledger.size)} entries, root <code>${ledger.root}</code>`],
          ['Checkpoint', shown(ledger.checkpoint, (note) => html`<pre>${note}</pre>`)],
          ['Signed with', shown(ledger.publicKey, (key) => html`<code>${key}</code>`)],
        ])
      : html`<p>Budget: ${shown(ledger)}</p>`,
    charts.budget,
    isGiven(approvals)
      ? table(
          'Approvals',
          ['key', 'time', 'signature', 'plan'],
          approvals.map(({ name, time, signature, planHash }) => [
            name,
            time,
            html`<code>${signature}</code>`,
            html`<code>${planHash}</code>`,
          ]),
        )
      : html`<p>Approvals: ${shown(approvals)}</p>`,
  );
}

function lines(values: readonly string[]): string {
  return values.join('; ');
}

function data(report: Report): Html {
  const { dataset, statements, baseModel } = report;
  const rounding = roundingInWords(report);
  return section(
    'data',
    'Data and base model',
    facts('Training data', [
      [
        'Units',
        `${grouped(dataset.publicSize)}, ${dataset.sizeSource === 'declared' ? 'declared public' : 'counted in the data and treated as public'}`,
      ],
      [
        'Take part',
        isGiven(dataset.selection)
          ? `${grouped(dataset.selection.perClass)} of each of ${dataset.selection.classes} classes; ${dataset.selection.accounting}`
          : 'all',
      ],
      ['Task', taskInWords(report)],
      ['Labels', dataset.labels],
      ['Cleaning', dataset.cleaning.length > 0 ? lines(dataset.cleaning) : 'none'],
      ['Evaluated on', dataset.evaluationData],
      ['Guided by', dataset.validationData],
      [
        'Digests',
        'Not published: with all other records known, a digest would confirm a guess of the last one.',
      ],
    ]),
    facts('Stated by the owner, not checked', [
      ['Intended use', shown(statements.intendedUse)],
      ['Must not be used for', shown(statements.outOfScopeUse)],
      ['Responsible', shown(statements.curators, lines)],
      ['Whose data', shown(statements.dataDescription)],
      ['Languages', shown(statements.dataLanguages, lines)],
      ['Sensitive categories', shown(statements.sensitiveCategories, lines)],
      ['Legal basis', shown(statements.legalBasis)],
      ['Retention', shown(statements.retention)],
      ['Recipients', shown(statements.recipients)],
      ['Impact assessment', shown(statements.dpia)],
      [
        'Expert determination',
        shown(
          statements.expert,
          ({ name, qualifications, date, result }) => `${name} (${qualifications}), ${date}: ${result}`,
        ),
      ],
      ['License', shown(statements.license)],
      ['Contact', shown(statements.contact)],
    ]),
    html`<p>Base model: <strong>${baseModel.reference}</strong>. ${baseModel.pretraining}</p>`,
    ...(rounding === undefined ? [] : [html`<p>${rounding}</p>`]),
    table(
      'Files of the base model',
      ['file', 'bytes', 'SHA-256'],
      baseModel.files.map(({ path, bytes, sha256 }) => [path, grouped(bytes), html`<code>${sha256}</code>`]),
    ),
  );
}

const hazardTone = { addressed: 'good', partly: 'warning', open: 'bad', 'not applicable': 'plain' } as const;

function hazards({ hazards: found }: Report): Html {
  return section(
    'hazards',
    'Hazards',
    html`<p>The hazards that NIST SP 800-226 names, with what this run shows of each.</p>`,
    table(
      'Hazards',
      ['', 'hazard', 'status', 'known from'],
      found.map(({ id, title, status, evidence }) => [
        id,
        title,
        badge(hazardTone[status], status),
        evidence,
      ]),
    ),
  );
}

function artifacts({ artifacts: found, meta }: Report): Html {
  return section(
    'artifacts',
    'Files and versions',
    table(
      'Files of the release, beside the renderings of this report',
      ['file', 'bytes', 'SHA-256'],
      found.map(({ path, bytes, sha256 }) => [path, grouped(bytes), html`<code>${sha256}</code>`]),
    ),
    facts(
      'Versions',
      meta.versions.map(({ name, version }) => [name, version]),
    ),
  );
}

function appendix(report: Report): Html {
  return section(
    'crosswalk',
    'Appendix: laws and standards',
    html`<p>
      Where this report holds evidence for what each document asks. Whether that evidence suffices is for
      people to judge.
    </p>`,
    ...crosswalk.map(({ name, scope, rows }) =>
      table(
        `${name}: ${scope}`,
        ['asked for', 'evidence in', 'in this report'],
        rows.map(({ demand, evidence, isGiven: given }) => [
          demand,
          evidence,
          given(report) ? badge('good', 'evidence given') : badge('plain', 'none here'),
        ]),
      ),
    ),
  );
}
