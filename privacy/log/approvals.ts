import { DptuneError } from '../errors.ts';
import { parseVerifierKey, verifySignature, type Signer } from './note.ts';

/** A named person's consent to one plan. */
export interface Approval {
  /** Hash of the plan, hex. */
  readonly planHash: string;
  readonly keyName: string;
  /** Verifier key NAME+HASH+BASE64. */
  readonly publicKey: string;
  /** Ed25519, base64. */
  readonly signature: string;
  /** UTC, ISO 8601. */
  readonly time: string;
}

/** What is signed. The first line keeps the signature from being taken for one over anything else. */
function approvalText({ planHash, keyName, time }: Pick<Approval, 'planHash' | 'keyName' | 'time'>): string {
  return `dptune approval v1\n${planHash}\n${keyName}\n${time}\n`;
}

export function signApproval(planHash: string, time: string, signer: Signer): Approval {
  const { name: keyName, text: publicKey } = signer.verifier;
  const signature = signer.sign(approvalText({ planHash, keyName, time })).toString('base64');
  return { planHash, keyName, publicKey, signature, time };
}

/** Whether the approval's own key signed it. Whether that key is trusted is for the caller to say. */
export function verifyApproval(approval: Approval): boolean {
  try {
    const key = parseVerifierKey(approval.publicKey);
    const signature = Buffer.from(approval.signature, 'base64');
    return key.name === approval.keyName && verifySignature(key, approvalText(approval), signature);
  } catch (error) {
    if (error instanceof DptuneError) return false;
    throw error;
  }
}

/**
 * The approvals that count for a plan: signed, by trusted keys, one a key.
 * @param trusted - verifier keys NAME+HASH+BASE64
 */
export function validApprovals(
  planHash: string,
  approvals: readonly Approval[],
  trusted: readonly string[],
): Approval[] {
  const seen = new Set<string>();
  return approvals.filter((approval) => {
    const material = approval.publicKey.slice(approval.publicKey.lastIndexOf('+') + 1);
    const counts =
      approval.planHash === planHash &&
      trusted.includes(approval.publicKey) &&
      !seen.has(material) &&
      verifyApproval(approval);
    if (counts) seen.add(material);
    return counts;
  });
}
