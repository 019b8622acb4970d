import { openNote, signNote, type Signer, type VerifierKey } from './note.ts';

/** The state of a log that a signature vouches for (https://c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  /** Unique name of the log. */
  readonly origin: string;
  /** Entries in it. */
  readonly size: number;
  /** Merkle root over them, lower-case hex. */
  readonly root: string;
}

/** The signed note: origin, size, root in base64. */
export function signCheckpoint({ origin, size, root }: Checkpoint, signers: readonly Signer[]): string {
  return signNote(`${origin}\n${size}\n${Buffer.from(root, 'hex').toString('base64')}\n`, signers);
}

/**
 * What a checkpoint says, if one of `keys` signed it.
 * @returns undefined for anything malformed, and where no known key signed
 */
export function openCheckpoint(
  note: string,
  keys: readonly VerifierKey[],
): (Checkpoint & { readonly signedBy: readonly VerifierKey[] }) | undefined {
  const opened = openNote(note, keys);
  const checkpoint = opened && checkpointFrom(opened.text);
  return checkpoint && { ...checkpoint, signedBy: opened.signedBy };
}

function checkpointFrom(text: string): Checkpoint | undefined {
  const [origin, size, base64, ...rest] = text.slice(0, -1).split('\n');
  // Extension lines are allowed, empty ones are not.
  if (!origin || rest.includes('') || !/^(0|[1-9]\d{0,15})$/.test(size ?? '')) return undefined;
  const root = Buffer.from(base64 ?? '', 'base64');
  if (root.length !== 32 || root.toString('base64') !== base64) return undefined;
  return { origin, size: Number(size), root: root.toString('hex') };
}
