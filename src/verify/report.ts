import {
  approvalsIn,
  auditIn,
  buildReport,
  ledgerIn,
  missing,
  roundingIn,
  testsIn,
  type Evidence,
  type Report,
} from '../../audits/index.ts';
import { diffValues } from '../../privacy/index.ts';
import { always, notChecked, unless, type Finding, type Rule, type Subject } from './check.ts';
import { artifactsOf } from './files.ts';

export const reportRule: Rule = {
  id: 'report',
  title: 'The report says what plan, metrics, ledger, tests and audit say',
  explanation:
    'The report is built anew from the other files of the release and compared with report.json, field by field. Every number of the guarantee is computed again from the plan (epsilon, delta, mu, attack rates, trade-off curve, groups, epsilon by step); every other number is traced to a file whose digest is checked. Taken as stated are the date, the settings of the job and what the owner of the data states; a signature covers them.',
  isNeeded: always,
  run: (subject) => {
    const { report, plan } = subject;
    const unready = whyNotRebuilt(subject);
    if (unready !== undefined || !report || !plan)
      return notChecked(unready ?? 'the report or the plan cannot be read');
    const rebuilt = JSON.parse(JSON.stringify(rebuild(subject, report, plan))) as Report;
    const faults = diffValues(rebuilt, report).map(
      ({ field, before, after }) => `${field}: ${shown(before)} follows, ${shown(after)} is reported`,
    );
    return unless(
      faults,
      `${countNumbers(report)} numbers, each computed again or found in a file of the release`,
    );
  },
};

/** Words and figures of a report are a function of the program's version, too. */
export function whyNotRebuilt({ report, version }: Subject): string | undefined {
  if (!report) return 'report.json cannot be read';
  const made = report.meta.versions.find(({ name }) => name === 'dptune')?.version;
  if (made === version) return undefined;
  return `made by dptune ${made ?? '(not stated)'}, and this is ${version}: verify it with npx dptune@${made ?? 'VERSION'} verify`;
}

function rebuild(
  { documents, ...rest }: Subject,
  report: Report,
  plan: NonNullable<Subject['plan']>,
): Report {
  const { mechanism, accountant } = plan.privacy;
  const fromPlan: Readonly<Record<string, string>> = { mechanism, accountant: accountant.version };
  const charged = report.mechanism.phases.map(({ name, stepsCharged }) => [name, stepsCharged] as const);
  const counted = charged.every(([, steps]) => typeof steps === 'number');
  const evidence: Evidence = {
    created: report.meta.created,
    versions: report.meta.versions.map(({ name, version }) => ({ name, version: fromPlan[name] ?? version })),
    plan,
    job: report.job,
    stepsCharged: counted
      ? (Object.fromEntries(charged) as Record<string, number>)
      : missing('no journal of charged steps lies in private/'),
    metrics: (documents.get('metrics.json') ?? {}) as Evidence['metrics'],
    statements: report.statements,
    rounding: roundingIn(documents.get('frozen-weights.json')),
    implementationTests: testsIn(documents.get('conformance.json')),
    audit: auditIn(documents.get('audit.json')),
    ledger: ledgerIn(documents.get('ledger.json')),
    approvals: approvalsIn(documents.get('ledger.json')),
    artifacts: artifactsOf({ documents, ...rest }),
  };
  return buildReport(evidence);
}

export const stampRule: Rule = {
  id: 'stamp',
  title: 'All files agree on whether the run is private',
  explanation:
    'A run without noise, or with noise from a seed, is stamped NOT PRIVATE in its plan, its metrics, its report and its model; the stamps must agree.',
  isNeeded: always,
  run: ({ report, plan, documents, release }): Finding => {
    if (!report || !plan) return notChecked('the report or the plan cannot be read');
    const { private: isPrivate } = report.status;
    const metrics = (documents.get('metrics.json') ?? {}) as { readonly notPrivate?: unknown };
    const config = release.files.get('model/config.json')?.content?.toString('utf8') ?? '{}';
    const stamps = {
      'report.json, settings of the job': report.job.nonPrivate || report.job.seeded,
      'plan.json': plan.notPrivate === true,
      'metrics.json': metrics.notPrivate === true,
      'model/config.json': (JSON.parse(config) as Record<string, unknown>)['not_private'] === true,
    };
    const faults = Object.entries(stamps)
      .filter(([, stamped]) => stamped === isPrivate)
      .map(
        ([name, stamped]) =>
          `${name}: is stamped ${stamped ? 'NOT PRIVATE' : 'private'}, the report ${report.status.stamp}`,
      );
    return unless(faults, report.status.stamp);
  },
};

function countNumbers(value: unknown): number {
  if (typeof value === 'number') return 1;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, inner) => sum + countNumbers(inner), 0);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
