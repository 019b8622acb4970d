import { randomUUID } from 'node:crypto';
import type { LedgerDocument, Signer } from '../../privacy/index.ts';
import { documentOf, identityOf, ledgerUrl, openLedger } from '../ledger/index.ts';
import type { SearchPlan } from './plan.ts';

/**
 * Pays for a private selection as a whole, before its first trial: what it costs does not depend on how many trials there
 * are, and an interrupted search has drawn already. Other searches pay trial by trial, or nothing.
 * @param signer - signs the checkpoint that goes into the release
 * @returns undefined where the job names no budget
 * @throws DptuneError `budget` if it is refused; nothing was drawn then
 */
export async function chargeSearch(
  { method, ledger: asked, part, candidates }: SearchPlan,
  signer: Signer | undefined,
): Promise<LedgerDocument | undefined> {
  if (method !== 'private-selection' || asked === 'none' || !part) return undefined;
  const { unit, relation } = candidates[0]!.plan.privacy;
  const ledger = await openLedger(ledgerUrl(asked.url), identityOf());
  try {
    const job = randomUUID();
    await ledger.reserve({
      job,
      scope: asked.scope,
      plan: part.hash,
      unit: unit.kind,
      relation,
      demand: { phases: [], once: [part.event] },
      approvals: asked.approvals ?? 0,
    });
    await ledger.charge(job, {});
    await ledger.settle(job, {});
    return await documentOf(ledger.database, asked.scope, job, signer);
  } finally {
    await ledger.close();
  }
}
