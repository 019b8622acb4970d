import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  canonicalJson,
  demandOf,
  ledgerFaults,
  type Demand,
  type LedgerDocument,
  type Payloads,
} from '../../privacy/index.ts';
import { always, notChecked, passed, unless, type Rule, type Subject } from './check.ts';

/** ledger.json, where there is one. */
export function ledgerOf({ documents }: Subject): LedgerDocument | undefined {
  return documents.get('ledger.json') as LedgerDocument | undefined;
}

export const NO_LEDGER = 'there is no ledger.json: the job was charged to no budget, so nobody counted';

export const ledgerRule: Rule = {
  id: 'ledger',
  title: 'The budget was charged what the plan costs',
  explanation:
    "Every ledger entry of the job must have the hash of its content and be in the log by its RFC 6962 proof; the reservation must be for this plan and cost what its events cost under the budget's rule, the end what the charged steps cost; a signed checkpoint must be of this log; approvals must be signed, for this plan, by different keys.",
  isNeeded: (subject) => ledgerOf(subject) !== undefined,
  run: (subject) => {
    const [ledger, { plan }] = [ledgerOf(subject), subject];
    if (!ledger) return notChecked(NO_LEDGER);
    if (!plan) return notChecked('plan.json cannot be believed');
    const faults = [
      ...(ledger.format === 'dptune-ledger/1' ? [] : ['format: must be dptune-ledger/1']),
      ...ledgerFaults(ledger, paidFor(plan).hash),
    ];
    if (faults.length > 0) return unless(faults, '');
    const { scope, entries, head, charged, remaining, unit, approvals } = ledger;
    return passed(
      `${entries.length} entries in a log of ${head.size}; scope ${scope.name}, ${unit} ${charged} charged, ${remaining} left; approved by ${approvals.map(({ publicKey }) => publicKey).join(', ') || 'nobody'}`,
    );
  },
};

export const stepsRule: Rule = {
  id: 'steps',
  title: 'Steps charged are the steps of the plan',
  explanation:
    "Steps that the report says were charged must not exceed the plan's, and must be those of the ledger's last entry and of the run's own journal where these are there. Training that stopped early has fewer, and still pays for the whole plan's epsilon.",
  isNeeded: always,
  run: (subject) => {
    const { report, plan, release } = subject;
    if (!report || !plan) return notChecked('the report or the plan cannot be read');
    const phases = report.mechanism.phases.map(({ name, stepsCharged }) => ({ name, stepsCharged }));
    if (phases.some(({ stepsCharged }) => typeof stepsCharged !== 'number')) {
      return notChecked('the report does not say how many steps were charged');
    }
    const reported = Object.fromEntries(
      phases.map(({ name, stepsCharged }) => [name, stepsCharged as number]),
    );
    const [inLedger, inJournal] = [ledgerSteps(subject), journalSteps(release.privateHalf)];
    const faults = [
      ...plan.privacy.phases.flatMap(({ name, steps }) =>
        (reported[name] ?? 0) > steps ? [`${name}: ${reported[name]} steps charged, ${steps} planned`] : [],
      ),
      ...differences('the ledger', inLedger, reported),
      ...differences('the journal', inJournal, reported),
      ...demandFaults(subject),
    ];
    const sources = ['plan', ...(inLedger ? ['ledger'] : []), ...(inJournal ? ['journal'] : [])].join(', ');
    const said = plan.privacy.phases
      .map(({ name, steps }) => `${name} ${reported[name]} of ${steps}`)
      .join(', ');
    return unless(faults, `${said}; compared with ${sources}`);
  },
};

type Steps = Readonly<Record<string, number>>;

function differences(source: string, steps: Steps | undefined, reported: Steps): string[] {
  if (!steps) return [];
  const names = [...new Set([...Object.keys(steps), ...Object.keys(reported)])];
  return names
    .filter((name) => (steps[name] ?? 0) !== (reported[name] ?? 0))
    .map((name) => `${name}: ${source} has ${steps[name] ?? 0} steps, the report ${reported[name] ?? 0}`);
}

function ledgerSteps(subject: Subject): Steps | undefined {
  if (subject.plan?.search?.method === 'private-selection') return undefined;
  const last = ledgerOf(subject)?.entries.at(-1)?.entry.payload as Payloads['settle'] | undefined;
  return last?.steps;
}

/** What the budget was asked for: the plan, or the whole search that chose the run, if it was paid for at once. */
function paidFor({ privacy, search }: NonNullable<Subject['plan']>): { hash: string; demand: Demand } {
  return search?.method === 'private-selection'
    ? { hash: search.hash, demand: { phases: [], once: [search.event] } }
    : { hash: privacy.hash, demand: demandOf(privacy) };
}

/** What the ledger reserved for must be what the plan does. */
function demandFaults(subject: Subject): string[] {
  const [ledger, { plan }] = [ledgerOf(subject), subject];
  const reserve = ledger?.entries[1]?.entry.payload as Payloads['reserve'] | undefined;
  if (!reserve || !plan) return [];
  const isSame = canonicalJson(reserve.demand) === canonicalJson(paidFor(plan).demand);
  return isSame ? [] : ['the ledger reserved for other steps or events than the plan has'];
}

/** Last step of each phase in the write-ahead record of a run; a torn last line was never followed by a batch. */
function journalSteps(privateHalf: string | undefined): Steps | undefined {
  const path = privateHalf === undefined ? undefined : join(privateHalf, 'journal.ndjson');
  if (path === undefined || !existsSync(path)) return undefined;
  const steps: Record<string, number> = {};
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    const { phase, step } = JSON.parse(line) as { phase: string; step: number };
    steps[phase] = Math.max(steps[phase] ?? 0, step);
  }
  return steps;
}
