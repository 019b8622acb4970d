export { LedgerUnavailableError, openDatabase } from './database.ts';
export type { Database } from './database.ts';
export { openLedger } from './ledger.ts';
export type { Ledger, Request } from './ledger.ts';
export { dataDirectory, ledgerUrl } from './location.ts';
export { checkpointOf, entriesOf, headOf, identityOf } from './log.ts';
export type { Identity } from './log.ts';
export { verifyLedger } from './verification.ts';
export type { Anchor, Verification } from './verification.ts';
