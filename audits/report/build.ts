import { readoutsOf } from '../../privacy/index.ts';
import { claimOf, meaningOf, supported } from './content/claim.ts';
import { baseModelOf, datasetOf } from './content/dataset.ts';
import { hazardsOf } from './content/hazards.ts';
import { limitsOf } from './content/limits.ts';
import { accountingOf, mechanismOf } from './content/method.ts';
import { scopeOf, unitOf } from './content/unit.ts';
import { utilityOf } from './content/utility.ts';
import { costOf, isPrivate, type Evidence } from './evidence.ts';
import { missing } from './schema-node.ts';
import type { Report } from './schema.ts';

/** Why a run carries no guarantee, or what its guarantee is. */
export function statusOf({ job }: Pick<Evidence, 'job'>): Report['status'] {
  if (isPrivate(job)) {
    return {
      private: true,
      stamp: 'PRIVATE',
      reason: 'Clipping, secure sampling and noise were on in every step.',
    };
  }
  const how = job.nonPrivate ? 'without clipping and noise' : 'with sampling and noise from a seed';
  return { private: false, stamp: 'NOT PRIVATE', reason: `Trained ${how}. It carries no privacy guarantee.` };
}

function promptsOf({ chat, separator }: Evidence['plan']): Report['prompts'] {
  if (chat) return { chat, separator: '' };
  if (separator !== undefined) return { chat: false, separator };
  return missing('the model did not learn to complete prompts');
}

/**
 * The report that the evidence amounts to. Every figure of the guarantee follows from the plan and is computed here, so
 * that whoever has the plan can compute it again.
 */
export function buildReport(evidence: Evidence): Report {
  const { plan, job, versions, created } = evidence;
  const cost = costOf(plan);
  const status = statusOf(evidence);
  const none = missing(status.reason);
  const readouts = status.private ? supported(() => readoutsOf(cost.event, cost)) : none;
  const body = {
    format: 'dptune-report/1',
    status,
    meta: { created, tool: 'dptune', versions },
    claim: status.private ? claimOf(plan, readouts) : none,
    meaning: status.private ? meaningOf(plan, readouts) : none,
    unit: unitOf(evidence, status.private),
    scope: scopeOf(evidence),
    mechanism: mechanismOf(evidence),
    accounting: status.private ? accountingOf(evidence) : none,
    dataset: datasetOf(evidence),
    statements: evidence.statements,
    baseModel: baseModelOf(evidence),
    head:
      plan.task === 'generation'
        ? missing('a model that writes answers by the output of the language model itself')
        : plan.head,
    prompts: promptsOf(plan),
    labelWords: plan.verbalizer ?? missing('the model does not answer by words of its own'),
    reasons: plan.reasons,
    job,
    utility: utilityOf(evidence),
    implementationTests: evidence.implementationTests,
    audit: evidence.audit,
    attacks: missing(
      'none are released: what attacks on natural records found stays in private/ unless it is charged',
    ),
    ledger: evidence.ledger,
    approvals: evidence.approvals,
    artifacts: evidence.artifacts,
  } as const;
  return { ...body, hazards: hazardsOf(body), limits: limitsOf(body) };
}
