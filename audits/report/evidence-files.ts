import type { Balance, LedgerDocument } from '../../privacy/index.ts';
import type {
  Approvals,
  AuditResults,
  ImplementationTests,
  LedgerProof,
  Rounding,
} from './schema-evidence.ts';
import { missing, type Field } from './schema-node.ts';

type Json = Readonly<Record<string, unknown>>;

/** Files that other parts of the program write into release/; what they lack becomes a missing field. */
function or<T>(value: unknown, reason: string): Field<T> {
  return value === undefined || value === null ? missing(reason) : (value as T);
}

export function testsIn(json: unknown): Field<ImplementationTests> {
  if (json === undefined) return missing('dptune check was not run on this job');
  const { checks, seconds, falseAlarm } = json as {
    readonly checks: readonly Json[];
    readonly seconds: number;
    readonly falseAlarm?: number;
  };
  return {
    seconds,
    falseAlarm: or(falseAlarm, 'not computed'),
    passed: checks.filter(({ passed }) => passed === true).length,
    failed: checks.filter(({ passed }) => passed !== true).length,
    checks: checks.map(({ id, title, passed, detail }) => ({
      id: String(id),
      title: String(title),
      passed: passed === true,
      detail: typeof detail === 'string' ? detail : JSON.stringify(detail ?? ''),
    })),
  };
}

export function roundingIn(json: unknown): Field<Rounding> {
  if (json === undefined) return missing('frozen-weights.json does not lie in the release');
  const { bits, weights, compared, tokens, relativeError, largestDifference, sameWord } = json as Json;
  const figures = { bits, weights, compared, tokens, relativeError, largestDifference } as Omit<
    Rounding,
    'sameWord'
  >;
  return { ...figures, sameWord: or(sameWord, 'the checkpoint has no map to words') };
}

export function auditIn(json: unknown): Field<AuditResults> {
  if (json === undefined) return missing('no audit of this run was made; see dptune audit');
  const none = 'not a part of this audit';
  const { results } = json as { results: readonly Json[] };
  return results.map((result) => {
    const attack = result['attack'] as Json | null | undefined;
    return {
      adversary: String(result['adversary']),
      method: String(result['method']),
      family: or(result['family'], 'the bound holds for every mechanism, not only for those of a family'),
      canaries: or(result['m'], none),
      guesses: or(result['r'], none),
      correct: or(result['v'], none),
      delta: result['delta'] as number,
      confidence: result['confidence'] as number,
      correction: or(result['correction'], none),
      preregisteredHash: or(result['preregisteredHash'], 'the design was not fixed before training'),
      epsilonLower: result['epsilonLower'] as number,
      ceiling: or(result['ceiling'], none),
      canaryDesign: or(result['canaryDesign'], none),
      verdict: String(result['verdict']),
      claim: or(result['claim'], none),
      attack: attack
        ? {
            auc: or(attack['auc'], none),
            tprAt001: or(attack['tprAt001'], none),
            tprAt01: or(attack['tprAt01'], none),
          }
        : missing(none),
    };
  });
}

const nobodyCounted = 'ledger: none. The job was charged to no ledger, so nobody counted';

export function ledgerIn(json: unknown): Field<LedgerProof> {
  if (json === undefined) return missing(nobodyCounted);
  const document = json as LedgerDocument;
  const { scope, entries, head, checkpoint, publicKey, parents } = document;
  const [kind, budget] = Object.entries(scope.budget)[0]!;
  const noKey = 'no key was given to sign with';
  return {
    scope: scope.name,
    description: scope.description,
    unit: scope.unit,
    relation: scope.relation,
    delta: scope.delta,
    method: scope.method,
    theorem: scope.theorem,
    budget: { value: budget, unit: kind },
    ...amountsIn(document),
    parents: Object.entries(parents).map(([name, balance]) => {
      const { charged, remaining } = amountsIn(balance);
      return { scope: name, charged, remaining };
    }),
    expires: or(scope.expires, 'the scope does not expire'),
    review: or(scope.review, 'no date of review is set'),
    entries: entries.length,
    size: head.size,
    root: head.root,
    checkpoint: or(checkpoint, noKey),
    publicKey: or(publicKey, noKey),
  };
}

function amountsIn({ unit, spentBefore, charged, remaining }: Balance) {
  const amount = (value: number) => ({ value, unit });
  return { spentBefore: amount(spentBefore), charged: amount(charged), remaining: amount(remaining) };
}

export function approvalsIn(json: unknown): Field<Approvals> {
  if (json === undefined) return missing(nobodyCounted);
  const { approvals } = json as { approvals?: readonly Json[] };
  if (!approvals || approvals.length === 0) return missing('the job asked for no approvals');
  return approvals.map(({ keyName, publicKey, planHash, signature, time }) => ({
    name: String(keyName),
    publicKey: String(publicKey),
    planHash: String(planHash),
    signature: String(signature),
    time: String(time),
  }));
}
