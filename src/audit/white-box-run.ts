import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditBound } from '../../audits/index.ts';
import { canonicalHash, DriftError } from '../../privacy/index.ts';
import {
  auditFormat,
  openJob,
  openRunConfig,
  readJson,
  readPlanFile,
  runDirectory,
  writeJson,
  type Observer,
} from '../train/index.ts';
import type { AuditResult, RunAudit, Verdict } from './run-audit.ts';
import { replayPhases, type PhaseFound, type WhiteBoxEffort } from './white-box.ts';

/** Without noise every guess is right, and a few steps tell. */
const twinSteps = 40;

const methods: Readonly<Partial<Record<AuditBound['method'], string>>> = {
  'clopper-pearson': 'Clopper-Pearson (Jagielski et al. 2020)',
  gaussian: 'Gaussian (Nasr et al. 2023)',
};

/**
 * Replays steps of a run's phases with gradient canaries, on the job's own data and model, and adds what was found to
 * release/audit.json; the same, in few steps, without clipping and noise where the run has a non-private twin.
 * @param path - the run directory; the job's data and model must lie where they did
 * @throws DriftError if the job would not train what the run's plan says
 */
export async function auditWhiteBox(
  path: string,
  effort: WhiteBoxEffort,
  observer: Pick<Observer, 'stage'>,
): Promise<RunAudit> {
  const directory = runDirectory(path);
  const config = await openRunConfig(path);
  const plan = await readPlanFile(join(directory.release, 'plan.json'));
  const { nonPrivate } = (await readJson(directory.start)) as { nonPrivate: boolean };
  const job = await openJob(config);
  try {
    if (canonicalHash(job.plan.privacy.phases) !== canonicalHash(plan.privacy.phases)) {
      throw new DriftError(
        `run=${path}: its job now has other phases than its plan. Restore data and model.`,
      );
    }
    const own = auditOf(await replayPhases(job, nonPrivate, effort, observer), !nonPrivate);
    await addResults(join(directory.release, 'audit.json'), own.results);
    if (!existsSync(join(directory.private, 'non-private'))) return own;
    mkdirSync(join(directory.private, 'audit'), { recursive: true, mode: 0o700 });
    const few = { ...effort, steps: Math.min(effort.steps, twinSteps) };
    const twin = auditOf(await replayPhases(job, true, few, observer), false);
    await writeJson(join(directory.private, 'audit', 'non-private-steps.json'), twin.results);
    return { ...own, twin };
  } finally {
    await job.model.directory.close();
  }
}

function auditOf(found: readonly PhaseFound[], isPrivate: boolean): RunAudit {
  const results = found.flatMap(resultsOf);
  const verdict = (['violation', 'inconclusive'] as const).find((wanted) =>
    results.some((result) => result.verdict === wanted),
  );
  return { isPrivate, verdict: verdict ?? 'no violation found', results, twin: undefined };
}

/** The Gaussian bound decides: the mechanism says of itself that it is one. */
function resultsOf({ phase, audit, claim, noiseMultiplier }: PhaseFound): readonly AuditResult[] {
  const { errors, bounds, delta, confidence, designHash } = audit;
  const gaussian = bounds.find(({ method }) => method === 'gaussian')!;
  const verdict: Verdict =
    gaussian.epsilonLower > claim
      ? 'violation'
      : gaussian.ceiling <= claim
        ? 'inconclusive'
        : 'no violation found';
  const trials = errors.positives + errors.negatives;
  return bounds.map((bound) => ({
    adversary: 'A3',
    method: `one step of phase ${phase}, ${methods[bound.method]!}`,
    family: bound.family,
    m: trials,
    r: trials,
    v: trials - errors.falsePositives - errors.falseNegatives,
    delta,
    confidence,
    correction: 'one threshold, fixed in the program',
    preregisteredHash: designHash,
    epsilonLower: bound.epsilonLower,
    ceiling: bound.ceiling,
    attack: null,
    canaryDesign: 'gradients of norm C on one random coordinate (Dirac)',
    verdict,
    claim,
    noiseMultiplier,
  }));
}

/** Results of this adversary from an earlier replay are replaced, those of others stay. */
async function addResults(path: string, results: readonly AuditResult[]): Promise<void> {
  const document = existsSync(path)
    ? ((await readJson(path)) as { results: readonly AuditResult[] })
    : { format: auditFormat, results: [] };
  const others = document.results.filter(({ adversary }) => adversary !== 'A3');
  await writeJson(path, { ...document, results: [...others, ...results] });
}
