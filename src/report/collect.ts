import { join, resolve } from 'node:path';
import { diffValues, DriftError, planFromJson } from '../../privacy/index.ts';
import {
  approvalsIn,
  auditIn,
  buildReport,
  checkReport,
  ledgerIn,
  missing,
  noStatements,
  roundingIn,
  testsIn,
  type Evidence,
  type JobFacts,
  type PlanFacts,
  type Report,
  type Statements,
} from '../../audits/index.ts';
import { declaredLabels, splitsTest, type Config } from '../config/index.ts';
import { artifactsIn, chargedSteps, readIfThere, readNeeded } from './run-files.ts';
import { versions } from './versions.ts';

/**
 * The report of a run that has its release. Nothing of `private/` enters it but what the plan already says: flags, settings
 * and the number of steps charged (G29).
 * @param path - the run directory
 * @param statements - what its owner states; what an earlier report holds unless given
 * @throws DriftError where plan.json was changed, DataError where files are missing or damaged
 */
export async function collectReport(path: string, statements?: Partial<Statements>): Promise<Report> {
  const run = resolve(path);
  const release = join(run, 'release');
  const remedy = 'Give the directory of a finished run; dptune train --resume RUN finishes one.';
  const start = (await readNeeded(join(run, 'private', 'start.json'), remedy)) as Start;
  const stored = (await readNeeded(join(release, 'plan.json'), remedy)) as PlanFacts;
  requireStarted(stored, start.plan);
  const plan = { ...stored, privacy: planFromJson(stored.privacy) };
  const metrics = (await readNeeded(join(release, 'metrics.json'), remedy)) as Evidence['metrics'];
  const before = (await readIfThere(join(release, 'report.json'))) as Report | undefined;
  const ledger = await readIfThere(join(release, 'ledger.json'));
  const evidence: Evidence = {
    created: before?.meta.created ?? new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    versions: await versions(plan.privacy),
    plan,
    job: factsOf(start),
    stepsCharged:
      (await chargedSteps(join(run, 'private', 'journal.ndjson'))) ??
      missing('no journal of charged steps lies in private/'),
    metrics,
    statements: { ...noStatements(), ...before?.statements, ...statements },
    rounding: roundingIn(await readIfThere(join(release, 'frozen-weights.json'))),
    implementationTests: testsIn(await readIfThere(join(release, 'conformance.json'))),
    audit: auditIn(await readIfThere(join(release, 'audit.json'))),
    ledger: ledgerIn(ledger),
    approvals: approvalsIn(ledger),
    artifacts: await artifactsIn(release),
  };
  return checkReport(buildReport(evidence));
}

/** The released plan is the one that the run was started with, but for the stamp of a run that is not private. */
function requireStarted(released: PlanFacts & { readonly notPrivate?: unknown }, started: PlanFacts): void {
  const { notPrivate: _, ...own } = released;
  const [first] = diffValues(started, own);
  if (!first) return;
  throw new DriftError(
    `plan.json: ${first.field} is ${JSON.stringify(first.after)}, and the run was started with ${JSON.stringify(first.before)}. Restore it from a copy.`,
  );
}

interface Start {
  readonly plan: PlanFacts;
  readonly config: Config;
  readonly nonPrivate: boolean;
  readonly seeded: boolean;
}

function factsOf({ config, nonPrivate, seeded }: Start): JobFacts {
  const { data, evaluate, task } = config;
  return {
    nonPrivate,
    seeded,
    labels: ['regression', 'generation'].includes(task)
      ? 'none'
      : declaredLabels(config)
        ? 'declared'
        : 'collected',
    cleaning: data.cleaning,
    test: data.test === undefined ? (splitsTest(data.split) ? 'split' : 'none') : 'file',
    validation: data.validation
      ? data.validation.public
        ? 'public file'
        : 'private file'
      : data.split.validation > 0
        ? 'split'
        : 'none',
    nonPrivateTwin: !nonPrivate && evaluate.baselines.includes('non-private'),
  };
}
