import { identityOf, ledgerUrl, openKey, openLedger, type Ledger } from '../ledger/index.ts';
import type { Signer } from '../../privacy/index.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';
import { passphraseFor } from './passphrase.ts';

export interface LedgerArguments extends CommonArguments {
  readonly ledger: string | undefined;
}

/** Where the ledger lies. */
export const ledgerOption = {
  type: 'string',
  requiresArg: true,
  describe: 'SQLite file or postgres://...; else DPTUNE_LEDGER, else a file of your own',
} as const;

export const keyOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Key that signs the checkpoint, by dptune keys',
} as const;

/** Does `work` on the ledger that is meant, and closes it. */
export async function onLedger(
  args: LedgerArguments,
  work: (ledger: Ledger, output: Output) => Promise<void>,
): Promise<void> {
  const ledger = await openLedger(ledgerUrl(args.ledger), identityOf());
  try {
    await work(ledger, outputFor(args));
  } finally {
    await ledger.close();
  }
}

/** The key of this name, opened; nothing where none is named. */
export async function signerFor(
  key: string | undefined,
  passphraseFile: string | undefined,
): Promise<Signer | undefined> {
  return key === undefined ? undefined : openKey(key, await passphraseFor(key, passphraseFile));
}
