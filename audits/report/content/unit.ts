import type { Scope, Unit } from '../schema-claim.ts';
import { isGiven, missing } from '../schema-node.ts';
import { costOf, type Evidence } from '../evidence.ts';
import { groupsOf } from './claim.ts';
import { selectionInWords } from './selection.ts';
import { relationInWords } from './words.ts';

export function unitOf({ plan, statements }: Evidence, isClaimed: boolean): Unit {
  const { unit, relation, selection } = plan.privacy;
  const { epsilon } = costOf(plan);
  const isUser = unit.kind === 'user';
  return {
    kind: unit.kind,
    maxRecords: isUser ? unit.maxRecords : missing('a unit is a single record'),
    definition: isUser
      ? 'One user: all records with the same value in the unit column of the data.'
      : 'One record: one row of the training file, whoever wrote it or appears in it.',
    relation: relationInWords(relation),
    truncation: isUser
      ? `Of a user with more than ${unit.maxRecords} records, that many are chosen once and the others are left out.`
      : selection
        ? selectionInWords(selection)
        : `What a record has beyond ${plan.maxLength} tokens is cut off.`,
    maxTokens: plan.maxLength,
    whoElse: statements.whoElseAppears,
    userLevel: !isClaimed
      ? missing('the run carries no guarantee')
      : isUser
        ? epsilon
        : missing(
            'no user-level guarantee is possible without a bound on the number of records of one user; see groups for several records together',
          ),
    groups: isClaimed ? groupsOf(plan) : [],
  };
}

export function scopeOf(evidence: Evidence): Scope {
  const { plan, statements } = evidence;
  return {
    setting: 'central',
    accessesCovered:
      (plan.privacy.reads.some(({ disposition }) => disposition === 'charged')
        ? 'The training steps of this run and the charged reads below.'
        : 'The training steps of this run.') +
      ' Nothing that happened to the data before or beside this run.',
    tuningCovered: plan.search !== undefined,
    tuning: plan.search
      ? `This run was chosen among ${plan.search.candidates.length} candidates by looking at the private data (${plan.search.method}); the claim is the cost of the whole search.`
      : 'What the job leaves open, the recipe chooses from public facts alone, which costs nothing. Whether earlier runs on the same data guided the settings is not known here; if they did, their cost is added in the ledger or nowhere.',
    output:
      'The final model and every intermediate one, with everything in release/ but what stands below as made public without protection. The losses, gradient norms and realised batch sizes of single steps are not covered and stay in private/.',
    reads: plan.privacy.reads.map(({ name, purpose, disposition }) => ({ name, purpose, disposition })),
    unprotected: unprotectedIn(evidence),
    otherReleases: isGiven(statements.otherReleases)
      ? statements.otherReleases
      : missing(
          'not stated: whether other models or statistics about the same people were released is not known here',
        ),
  };
}

function unprotectedIn({ plan, job, metrics }: Evidence): Scope['unprotected'] {
  const { publicSize, unit } = plan.privacy;
  const found: { quantity: string; why: string }[] = [
    {
      quantity: `the number of units, ${publicSize}`,
      why:
        plan.sizeSource === 'declared'
          ? plan.privacy.selection
            ? 'it follows from what the job declares'
            : 'it was declared public'
          : 'it was counted in the data and is treated as public',
    },
  ];
  if (job.labels === 'collected') {
    found.push({
      quantity: 'the names of the labels',
      why: 'they were collected from the training data; declaring them in the job would avoid that',
    });
  }
  const measured = Object.values(metrics).some((value) => typeof value === 'object' && value !== null);
  if (measured && job.test !== 'none') {
    found.push({
      quantity: 'the figures on the test data',
      why:
        job.test === 'split'
          ? `they were measured without noise on ${unit.kind === 'user' ? 'users' : 'records'} split off from the private file`
          : 'they were measured without noise; whoever is in the test data is not protected by the guarantee',
    });
  }
  found.push({
    quantity: 'duration, energy and memory of the run',
    why: 'whoever can watch the machine learns how many units each step took',
  });
  return found;
}
