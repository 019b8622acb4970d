export { signApproval, validApprovals, verifyApproval } from './approvals.ts';
export type { Approval } from './approvals.ts';
export { openCheckpoint, signCheckpoint } from './checkpoint.ts';
export type { Checkpoint } from './checkpoint.ts';
export { chainFaults, emptyHash, entryFault, sealEntry } from './entries.ts';
export type { EntryBody, LogEntry } from './entries.ts';
export {
  emptyRoot,
  extendFrontier,
  frontierRoot,
  leafHash,
  merkleTree,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';
export type { Frontier, MerkleTree } from './merkle.ts';
export { openNote, parseVerifierKey, signerOf, signNote, verifierKey, verifySignature } from './note.ts';
export type { Signer, VerifierKey } from './note.ts';
