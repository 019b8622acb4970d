/** The verifier as a library: no engine, no database, no native code. */
export type { Outcome } from './check.ts';
export { attest } from './attest.ts';
export { bundleOf } from './bundle-writer.ts';
export { openRelease, type Release } from './release.ts';
export type { ReleaseFile } from './release-file.ts';
export { ATTESTATION, RELEASE_DIRECTORIES, RELEASE_DOCUMENTS } from './release-paths.ts';
export type { VerifyOptions } from './subject.ts';
export { verify, verifyRelease, type Check, type Verification } from './verification.ts';
