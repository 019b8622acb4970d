import { join } from 'node:path';
import type { Signer } from '../../privacy/index.ts';
import { writeAtomic } from '../formats/index.ts';
import { ATTESTATION, attest, openRelease } from '../verify/index.ts';

/**
 * Signs the released half of a run: every file with its digest, plan, guarantee and ledger, in attestation.dsse.json.
 * @param release - the release directory
 */
export async function signRelease(release: string, signer: Signer): Promise<void> {
  await writeAtomic(join(release, ATTESTATION), [await attest(await openRelease(release), signer)]);
}
