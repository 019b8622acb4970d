import { canonicalJson } from '../canonical-json.ts';
import { DptuneError } from '../errors.ts';
import {
  entryFault,
  openCheckpoint,
  parseVerifierKey,
  validApprovals,
  verifyInclusion,
} from '../log/index.ts';
import type { Approval, Checkpoint, LogEntry } from '../log/index.ts';
import { costOf } from './cost.ts';
import type { Balance, EndPayload, ReservePayload } from './entries.ts';
import { noAmounts } from './filter.ts';
import { approvalsFor } from './replay.ts';
import type { Scope } from './scope.ts';

/** One entry, and the proof that it is in the log of the document's head. */
export interface ProvenEntry {
  readonly entry: LogEntry;
  /** RFC 6962 inclusion proof, hex. */
  readonly proof: readonly string[];
}

/** release/ledger.json: what a run was charged, in a form that can be checked without the ledger. */
export interface LedgerDocument extends Balance {
  readonly format: 'dptune-ledger/1';
  /** The budget, as it was opened. */
  readonly scope: Scope;
  /** Name of the reservation. */
  readonly job: string;
  readonly plan: string;
  /** The opening of the scope and every entry about this job, in order. */
  readonly entries: readonly ProvenEntry[];
  /** Scopes above, and how they stood. */
  readonly parents: Readonly<Record<string, Balance>>;
  /** The log when this was written. */
  readonly head: Checkpoint;
  /** The head, signed; null where no key was given. */
  readonly checkpoint: string | null;
  /** Verifier key of the checkpoint. */
  readonly publicKey: string | null;
  readonly approvals: readonly Approval[];
}

/**
 * Everything in a ledger document that does not hold together: entries that were changed or are not in the log, costs that
 * do not follow from the events, figures that are not those of the last entry, approvals that do not count, a checkpoint
 * that nobody signed. Empty if all is well. Whether the signer is who they should be is for the reader to say.
 * @param planHash - hash of the plan that was trained
 */
export function ledgerFaults(document: LedgerDocument, planHash: string): string[] {
  try {
    return [
      ...entryFaults(document),
      ...storyFaults(document, planHash),
      ...checkpointFaults(document),
      ...approvalFaults(document),
    ];
  } catch (error) {
    if (error instanceof DptuneError) return [error.message];
    if (error instanceof TypeError) return ['ledger.json: is not a ledger document of this version'];
    throw error;
  }
}

function entryFaults({ entries, head }: LedgerDocument): string[] {
  return entries.flatMap(({ entry, proof }) => {
    const fault = entryFault(entry);
    if (fault !== undefined) return [fault];
    const claim = { leaf: entry.hash, index: entry.seq, size: head.size, root: head.root };
    return verifyInclusion(claim, proof) ? [] : [`entry ${entry.seq}: is not in the log of the head`];
  });
}

function storyFaults(document: LedgerDocument, planHash: string): string[] {
  const { entries, scope, job, plan } = document;
  const faults: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) faults.push(what);
  };
  const [opening, ...own] = entries.map(({ entry }) => entry);
  const reserve = own[0]?.payload as ReservePayload | undefined;
  const last = own.at(-1);
  const ending = last?.payload as EndPayload | undefined;
  if (opening?.type !== 'open' || own[0]?.type !== 'reserve' || !reserve || !ending) {
    return ['entries: must be the opening of the scope, the reservation, the charges and the end'];
  }
  check(isSame(opening.payload, scope), 'scope: is not what was opened');
  check(plan === planHash, `plan: ${plan} was charged, and ${planHash} was trained`);
  check(reserve.plan === planHash, `entry ${own[0].seq}: reserves for plan ${reserve.plan}`);
  check(last!.type === 'settle' || last!.type === 'abort', 'entries: the last one must end the job');
  own.forEach((entry, k) => {
    const { job: named } = entry.payload as { job?: string };
    const isCharge = k > 0 && k < own.length - 1;
    check(entry.scope === scope.name && named === job, `entry ${entry.seq}: is about another job`);
    check(!isCharge || entry.type === 'charge', `entry ${entry.seq}: is no charge`);
    check(k === 0 || entry.seq > own[k - 1]!.seq, `entry ${entry.seq}: stands out of order`);
  });
  const reserved = costOf(scope, reserve.demand);
  check(
    isSame(reserve.costs[scope.name], reserved),
    `entry ${own[0].seq}: does not reserve what the plan costs`,
  );
  const begun = own.some(({ type }) => type === 'charge');
  const due = begun ? costOf(scope, reserve.demand, ending.steps) : noAmounts(scope);
  check(isSame(ending.costs[scope.name], due), `entry ${last!.seq}: is not what the steps cost`);
  const { [scope.name]: balance, ...parents } = ending.balances;
  const { unit, spentBefore, charged, remaining } = document;
  check(
    isSame(balance, { unit, spentBefore, charged, remaining }),
    'spentBefore, charged, remaining: are not those of the last entry',
  );
  check(isSame(parents, document.parents), 'parents: are not those of the last entry');
  check(isSame(reserve.approvals, document.approvals), 'approvals: are not those of the reservation');
  return faults;
}

function checkpointFaults({ head, checkpoint, publicKey }: LedgerDocument): string[] {
  if (checkpoint === null || publicKey === null) {
    return checkpoint === publicKey
      ? []
      : ['checkpoint: needs the key that signed it, and the key a checkpoint'];
  }
  const opened = openCheckpoint(checkpoint, [parseVerifierKey(publicKey)]);
  if (!opened) return ['checkpoint: is not signed by the public key'];
  const { signedBy: _, ...signed } = opened;
  return isSame(signed, head) ? [] : ['checkpoint: is of another head'];
}

function approvalFaults({ plan, approvals, entries, scope }: LedgerDocument): string[] {
  const { approvalsNeeded } = entries[1]!.entry.payload as unknown as ReservePayload;
  const needed = approvalsFor([{ scope }], approvalsNeeded);
  const valid = validApprovals(
    plan,
    approvals,
    approvals.map(({ publicKey }) => publicKey),
  );
  if (valid.length < approvals.length)
    return ['approvals: not all are signed, for this plan, by different keys'];
  return valid.length >= needed ? [] : [`approvals: ${valid.length} of ${needed}`];
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
