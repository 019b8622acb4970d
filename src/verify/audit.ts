import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  asPlanned,
  auditOneRun,
  planFamily,
  rocOf,
  truePositiveRate,
  type AuditDesign,
} from '../../audits/index.ts';
import { canonicalHash, diffValues, type Payloads } from '../../privacy/index.ts';
import { failed, notChecked, unless, type Finding, type Rule, type Subject } from './check.ts';
import { ledgerOf } from './ledger.ts';
import type { JobPlanText } from './plan.ts';

/** What plan.json fixed of an audit before training. */
interface AuditPart {
  readonly canaries: number;
  readonly design: AuditDesign;
  readonly hash: string;
}

interface AuditResult {
  readonly adversary: string;
  readonly m: number;
  readonly r: number;
  readonly v: number;
  readonly delta: number;
  readonly confidence: number;
  readonly family: string | null;
  readonly preregisteredHash: string;
  readonly epsilonLower: number;
  readonly ceiling: number;
  readonly claim: number;
  readonly verdict: string;
  readonly attack: unknown;
}

/** audit.json, with what its canaries showed, so that anyone can judge them again. */
interface AuditDocument {
  readonly preregisteredHash: string;
  readonly commitment: string;
  readonly nonce: string;
  readonly coins: string;
  readonly scores: Readonly<Record<string, readonly number[]>>;
  readonly results: readonly AuditResult[];
}

/** The adversary that the published scores are of: an outsider with the final model. */
const OUTSIDER = 'A1';

function outsiders({ documents }: Subject): readonly AuditResult[] {
  const { results = [] } = (documents.get('audit.json') ?? {}) as Partial<AuditDocument>;
  return results.filter(({ adversary }) => adversary === OUTSIDER);
}

export const auditRule: Rule = {
  id: 'audit',
  title: 'The audit follows from its canaries',
  explanation:
    'The design of the audit must be the one that the plan fixed before training, the coins that decided which canaries trained must be those that were committed to, in the ledger as well where that has the commitment, and guesses, bounds, ceilings, attack rates and verdict are computed again from the published scores. The scores themselves are the word of whoever ran the model.',
  isNeeded: (subject) => outsiders(subject).length > 0,
  run: (subject) => {
    const { documents, plan } = subject;
    if (!plan) return notChecked('plan.json cannot be believed');
    const part = (plan as JobPlanText & { readonly audit?: AuditPart }).audit;
    const document = documents.get('audit.json') as AuditDocument | undefined;
    const results = outsiders(subject);
    const reserved = reservedCommitment(subject);
    if (!part) {
      return results.length > 0 || reserved !== undefined
        ? failed('the plan has no canaries, and audit.json or the ledger tells of some')
        : notChecked(document ? 'the scores behind the audit are not published' : 'no audit was made');
    }
    if (!document) return failed('audit.json: is missing; the plan has canaries');
    const faults = commitmentFaults(subject, document);
    if (faults.length > 0) return unless(faults, '');
    if (results.length === 0) return notChecked('the canaries were not scored');
    const when =
      reserved === undefined
        ? 'no ledger had the commitment to their coins before training'
        : 'the ledger had the commitment to their coins before the first step';
    return judged(plan, part, document, results, when);
  },
};

/** What the ledger was told of the coins when the job was reserved: before its first charge. */
function reservedCommitment(subject: Subject): string | undefined {
  const reserve = ledgerOf(subject)?.entries[1]?.entry.payload as Partial<Payloads['reserve']> | undefined;
  return reserve?.commitment;
}

/** Everyone who was told of the commitment before training must have been told the same. */
function commitmentFaults(subject: Subject, { commitment }: Pick<AuditDocument, 'commitment'>): string[] {
  const inside = subject.release.privateHalf;
  const start = inside === undefined ? undefined : join(inside, 'start.json');
  const started =
    start !== undefined && existsSync(start)
      ? (JSON.parse(readFileSync(start, 'utf8')) as { audit?: { commitment: string } }).audit?.commitment
      : undefined;
  return Object.entries({ 'the ledger': reservedCommitment(subject), 'private/start.json': started }).flatMap(
    ([source, expected]) =>
      expected === undefined || expected === commitment
        ? []
        : [`${source} has another commitment to the coins than audit.json`],
  );
}

function judged(
  { privacy }: JobPlanText,
  part: AuditPart,
  document: AuditDocument,
  results: readonly AuditResult[],
  when: string,
): Finding {
  const { hash, ...registered } = part;
  const { preregisteredHash, commitment, nonce, coins, scores } = document;
  const faults = [
    ...(hash === canonicalHash(registered) && hash === preregisteredHash
      ? []
      : ['the design is not the one that the plan fixed']),
    ...(commitment === canonicalHash({ audit: hash, nonce, coins })
      ? []
      : ['the coins are not those that were committed to']),
    ...(coins.length === part.canaries ? [] : [`${coins.length} coins for ${part.canaries} canaries`]),
  ];
  if (faults.length > 0) return unless(faults, '');
  const members = Array.from(coins, (coin) => coin === '1');
  const family = planFamily(privacy.event, privacy.relation);
  const audit = auditOneRun({ scores, members }, part.design, family, asPlanned);
  const roc = rocOf({ scores: scores[part.design.candidates[0]!.score]!, members });
  const verdict = audit.claim!.refuted
    ? 'violation'
    : audit.claim!.refutable
      ? 'no violation found'
      : 'inconclusive';
  const expected = audit.bounds.map((bound) => ({
    ...audit.guesses,
    family: bound.family,
    delta: audit.delta,
    confidence: audit.confidence,
    preregisteredHash: hash,
    epsilonLower: bound.epsilonLower,
    ceiling: bound.ceiling,
    claim: privacy.epsilon,
    verdict,
    attack: {
      auc: roc.auc,
      tprAt001: truePositiveRate(roc, 0.001),
      tprAt01: truePositiveRate(roc, 0.01),
    },
  }));
  const reported = results.map((result, k) =>
    Object.fromEntries(Object.keys(expected[k] ?? {}).map((key) => [key, result[key as keyof AuditResult]])),
  );
  const differing = diffValues(expected, reported).map(
    ({ field, before, after }) =>
      `results${field}: ${JSON.stringify(before)} follows, ${JSON.stringify(after)} is reported`,
  );
  const others = document.results.length - results.length;
  return unless(
    differing,
    `${results.length} bounds from ${part.canaries} canaries: ${verdict}; ${when}${others > 0 ? `; ${others} of other adversaries are taken as reported` : ''}`,
  );
}
