import {
  DataError,
  merkleTree,
  signCheckpoint,
  type LedgerDocument,
  type LogEntry,
  type Payloads,
  type Signer,
} from '../../privacy/index.ts';
import type { Database } from './database.ts';
import { checkpointOf, entriesOf, headOf } from './log.ts';
import type { Db } from './schema.ts';

/** All leaves of the log, as a tree that proofs come from. */
export async function treeOf(db: Db) {
  const rows = await db.selectFrom('entries').select('hash').orderBy('seq').execute();
  return merkleTree(rows.map(({ hash }) => hash));
}

/** What the log says about a job that ended, with proofs, and signed where there is a key. */
export async function documentOf(
  { exclusive }: Database,
  scopeName: string,
  job: string,
  signer: Signer | undefined,
): Promise<LedgerDocument> {
  return exclusive(async (db) => {
    const tree = await treeOf(db);
    const head = checkpointOf(await headOf(db));
    const [opening] = await entriesOf(db, { scope: scopeName, type: 'open' });
    const own = await entriesOf(db, { job });
    const [reserve, ending] = [own[0], own.at(-1)];
    if (!opening || reserve?.type !== 'reserve' || !ending || !['settle', 'abort'].includes(ending.type)) {
      throw new DataError(`job=${job}: has not ended, or the log is damaged. See dptune budget verify.`);
    }
    const { plan, approvals } = reserve.payload as unknown as Payloads['reserve'];
    const { balances } = ending.payload as unknown as Payloads['settle'];
    const { [scopeName]: balance, ...parents } = balances;
    const proven = (entry: LogEntry) => ({ entry, proof: tree.inclusionProof(entry.seq) });
    return {
      format: 'dptune-ledger/1',
      scope: opening.payload as unknown as Payloads['open'],
      job,
      plan,
      ...balance!,
      parents,
      approvals,
      entries: [opening, ...own].map(proven),
      head,
      checkpoint: signer ? signCheckpoint(head, [signer]) : null,
      publicKey: signer?.verifier.text ?? null,
    };
  });
}
