import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  asPlanned,
  auditOneRun,
  exposureFigures,
  planFamily,
  rocOf,
  truePositiveRate,
  type AuditBound,
  type ExposureFigures,
  type OneRunAudit,
} from '../../audits/index.ts';
import { DptuneError, DriftError, InvalidParameterError } from '../../privacy/index.ts';
import {
  auditFormat,
  coinsOf,
  commitmentOf,
  openRunConfig,
  readJson,
  readPlanFile,
  runDirectory,
  writeJson,
  type Coins,
  type JobPlan,
  type RunDirectory,
} from '../train/index.ts';
import { canaryLosses } from './scoring.ts';

/** What an audit may say. That nothing was found is not a proof. */
export type Verdict = 'no violation found' | 'violation' | 'inconclusive';

/** One bound, as it stands in audit.json. */
export interface AuditResult {
  readonly adversary: 'A0' | 'A1' | 'A2' | 'A3' | 'A4';
  readonly method: string;
  /** What the bound is conditional on; null where it holds for every mechanism. */
  readonly family: string | null;
  readonly m: number;
  readonly r: number;
  readonly v: number;
  readonly delta: number;
  readonly confidence: number;
  readonly correction: string;
  readonly preregisteredHash: string;
  readonly epsilonLower: number;
  readonly ceiling: number;
  /** How well the canaries are told apart; null where each is a trial of its own. */
  readonly attack: {
    readonly auc: number;
    readonly tprAt001: number;
    readonly tprAt01: number;
  } | null;
  readonly canaryDesign: string;
  readonly verdict: Verdict;
  /** Epsilon that the plan claims. */
  readonly claim: number;
  /** Noise over clipping norm, as measured where every step is seen. */
  readonly noiseMultiplier?: number;
}

/** The audit of one trained model with its canaries. */
export interface RunAudit {
  /** False where the model was trained without privacy, and claims nothing. */
  readonly isPrivate: boolean;
  readonly verdict: Verdict;
  readonly results: readonly AuditResult[];
  /** Of a language model's canaries, each a secret after a prefix. No bound of epsilon. */
  readonly exposure?: ExposureFigures;
  /** The same canaries in the non-private twin, where there is one; stays in `private/`. */
  readonly twin: RunAudit | undefined;
}

/** What an outsider has: the final model. */
const adversary = 'A1';

/**
 * Scores the canaries of a finished run, guesses which of them trained, and writes release/audit.json; the same for its
 * non-private twin, into `private/audit/`.
 * @throws InvalidParameterError for a run without canaries, or one that is not finished
 * @throws DriftError if the coins are not those that were committed to before training
 */
export async function auditRun(root: string): Promise<RunAudit> {
  const directory = runDirectory(root);
  const { document, ...own } = await auditOf(directory);
  const path = join(directory.release, 'audit.json');
  // What other adversaries found stays.
  const { results: known } = (await readJson(path)) as { results: readonly AuditResult[] };
  const others = known.filter((result) => result.adversary !== adversary);
  await writeJson(path, { ...document, results: [...own.results, ...others] });
  const twinPath = join(directory.private, 'non-private');
  const twinRun = runDirectory(twinPath);
  if (!existsSync(join(twinRun.release, 'metrics.json'))) return { ...own, twin: undefined };
  const { document: inside, ...twin } = await auditOf(twinRun);
  await writeJson(join(directory.private, 'audit', 'non-private.json'), inside);
  return { ...own, twin: { ...twin, twin: undefined } };
}

/** @throws DptuneError `violation` or `inconclusive`, with what follows; a model that claims nothing violates nothing */
export function requireNoViolation({ isPrivate, verdict, results }: RunAudit): void {
  if (!isPrivate || verdict === 'no violation found') return;
  const { epsilonLower, claim, confidence, ceiling } = results.at(-1)!;
  throw verdict === 'violation'
    ? new DptuneError(
        'violation',
        `audit: the model tells more about its canaries than its plan allows (epsilon at least ${epsilonLower.toPrecision(3)} at ${100 * confidence} % confidence, claimed ${claim.toPrecision(3)}). Do not release it; report this as a bug of dptune, with plan.json and audit.json.`,
      )
    : new DptuneError(
        'inconclusive',
        `audit: could not have refuted the claim of epsilon ${claim.toPrecision(3)} whatever the model told (at most ${ceiling.toPrecision(3)}). Plan more canaries or guesses.`,
      );
}

async function auditOf(directory: RunDirectory): Promise<{
  readonly isPrivate: boolean;
  readonly verdict: Verdict;
  readonly results: readonly AuditResult[];
  readonly exposure?: ExposureFigures;
  readonly document: Readonly<Record<string, unknown>>;
}> {
  const config = await openRunConfig(directory.root);
  const planPath = join(directory.release, 'plan.json');
  if (!existsSync(join(directory.release, 'metrics.json'))) {
    throw new InvalidParameterError(
      `run=${directory.root}: is not finished. Go on with dptune train --resume ${directory.root}.`,
    );
  }
  const plan = await readPlanFile(planPath);
  const isPrivate = ((await readJson(planPath)) as { notPrivate?: boolean }).notPrivate !== true;
  const coins = await committedCoins(directory, plan);
  const { initial, released } = await canaryLosses(config, plan, join(directory.release, 'model'));
  // As published, so that whoever repeats the audit ranks the same numbers.
  const drop = Array.from(initial, (loss, canary) => Number((loss - released[canary]!).toPrecision(7)));
  const members = Array.from(coins.coins, (coin) => coin === '1');
  const { audit: part, privacy } = plan;
  const family = planFamily(privacy.event, privacy.relation);
  const audit = auditOneRun({ scores: { 'loss drop': drop }, members }, part!.design, family, asPlanned);
  const roc = rocOf({ scores: drop, members });
  const attack = {
    auc: roc.auc,
    tprAt001: truePositiveRate(roc, 0.001),
    tprAt01: truePositiveRate(roc, 0.01),
  };
  const verdict = verdictOf(audit);
  const results = audit.bounds.map((bound) => ({
    ...resultOf(plan, audit, bound),
    attack,
    verdict,
  }));
  const document = {
    ...(isPrivate ? {} : { notPrivate: true }),
    format: auditFormat,
    preregisteredHash: part!.hash,
    commitment: coins.commitment,
    // From here on, what was secret until the canaries were scored: anyone can now repeat the audit.
    nonce: coins.nonce,
    coins: coins.coins,
    scores: { 'loss drop': drop },
    results,
  };
  const exposure = config.task === 'generation' ? exposureFigures(released, members) : undefined;
  return { isPrivate, verdict, results, ...(exposure && { exposure }), document };
}

async function committedCoins(directory: RunDirectory, { audit }: JobPlan): Promise<Coins> {
  const coins = await coinsOf(directory);
  if (!audit || !coins) {
    throw new InvalidParameterError(
      `run=${directory.root}: was trained without canaries. Give the job audit.canaries, or audit it with --white-box.`,
    );
  }
  const { commitment } = (await readJson(join(directory.release, 'audit.json'))) as { commitment: string };
  if (commitment === coins.commitment && commitment === commitmentOf(audit.hash, coins)) return coins;
  throw new DriftError(
    'private/audit/coins.json: is not what was committed to when the run began. Restore it from a copy.',
  );
}

/** One test decides, named before training: whether the plan's own trade-off curve is refuted. */
function verdictOf({ claim }: OneRunAudit): Verdict {
  if (claim!.refuted) return 'violation';
  return claim!.refutable ? 'no violation found' : 'inconclusive';
}

const methods: Readonly<Partial<Record<AuditBound['method'], string>>> = {
  'one-run': 'one run, any mechanism (Steinke et al. 2023)',
  'one-run-f-dp': 'one run, trade-off curve (Mahloujifar et al. 2024)',
};

function resultOf(plan: JobPlan, audit: OneRunAudit, bound: AuditBound) {
  const { canaries, canaryDesign, hash } = plan.audit!;
  return {
    adversary,
    method: methods[bound.method]!,
    family: bound.family,
    ...audit.guesses,
    delta: audit.delta,
    confidence: audit.confidence,
    correction: 'one rule, fixed before training',
    preregisteredHash: hash,
    epsilonLower: bound.epsilonLower,
    ceiling: bound.ceiling,
    canaryDesign: `${canaries} ${canaryDesign} canaries`,
    claim: plan.privacy.epsilon,
  } as const;
}
