import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { InvalidParameterError } from '../errors.ts';

/**
 * Signed notes (https://c2sp.org/signed-note, version 1): a text, an empty line, and lines `— NAME BASE64`, where BASE64
 * holds a 4-byte key hash and an Ed25519 signature of the text, its last line feed included.
 */
const SEPARATOR = '\n\n\u2014 ';
const ED25519 = 0x01;
/** DER before the 32 bytes of an Ed25519 public key (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** A key as others know it. */
export interface VerifierKey {
  readonly name: string;
  /** First 4 bytes of SHA-256(name, line feed, 0x01, public key), hex. */
  readonly keyHash: string;
  readonly publicKey: KeyObject;
  /** The one text of it: NAME+HASH+BASE64, as signed-note writes verifier keys. */
  readonly text: string;
}

/**
 * @param name - no white space and no plus sign
 * @param publicKey - Ed25519, or its 32 bytes
 */
export function verifierKey(name: string, publicKey: KeyObject | Uint8Array): VerifierKey {
  if (!/^[^\s+\p{Cc}]+$/u.test(name)) {
    throw new InvalidParameterError(
      `key name=${JSON.stringify(name)}: must be text without spaces, control characters and plus signs. Choose another.`,
    );
  }
  const raw = publicKey instanceof Uint8Array ? publicKey : rawKey(publicKey);
  const typed = Buffer.concat([Buffer.from([ED25519]), raw]);
  const keyHash = createHash('sha256').update(`${name}\n`).update(typed).digest('hex').slice(0, 8);
  return {
    name,
    keyHash,
    publicKey: createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' }),
    text: `${name}+${keyHash}+${typed.toString('base64')}`,
  };
}

/** @throws InvalidParameterError unless `text` is a verifier key whose hash fits */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, hash, base64] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  const bytes = Buffer.from(base64 ?? '', 'base64');
  if (name !== undefined && bytes.length === 33 && bytes[0] === ED25519) {
    const key = verifierKey(name, bytes.subarray(1));
    if (key.keyHash === hash && key.text === text) return key;
  }
  throw new InvalidParameterError(
    `public key=${text}: is not an Ed25519 verifier key NAME+HASH+BASE64, or its hash does not fit. Copy it whole.`,
  );
}

/** Something that signs under a name. */
export interface Signer {
  readonly verifier: VerifierKey;
  /** Ed25519 signature, 64 bytes. */
  readonly sign: (text: string) => Buffer;
}

export function signerOf(name: string, privateKey: KeyObject): Signer {
  const verifier = verifierKey(name, createPublicKey(privateKey));
  return { verifier, sign: (text) => sign(null, Buffer.from(text), privateKey) };
}

/** Whether `signature` is the key's own over `text`. */
export function verifySignature(key: VerifierKey, text: string, signature: Uint8Array): boolean {
  return signature.length === 64 && verify(null, Buffer.from(text), key.publicKey, signature);
}

/** @param text - lines, each ended by a line feed */
export function signNote(text: string, signers: readonly Signer[]): string {
  if (!/^(?:[^\p{Cc}\p{Surrogate}]|\n)*\n$/u.test(text)) {
    throw new InvalidParameterError(
      `note=${JSON.stringify(text)}: must be lines of text, the last one ended too, without control characters. Add a line feed.`,
    );
  }
  const lines = signers.map(({ verifier, sign: signed }) => {
    const bytes = Buffer.concat([Buffer.from(verifier.keyHash, 'hex'), signed(text)]);
    return `\u2014 ${verifier.name} ${bytes.toString('base64')}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

/**
 * The text of a note that at least one of `keys` signed. Signatures of unknown keys are passed over, as the specification
 * says; a wrong signature of a known key makes the whole note void.
 * @returns undefined if the note is malformed or nobody known signed it
 */
export function openNote(
  note: string,
  keys: readonly VerifierKey[],
): { readonly text: string; readonly signedBy: readonly VerifierKey[] } | undefined {
  const end = note.lastIndexOf(SEPARATOR);
  if (end < 0 || !note.endsWith('\n')) return undefined;
  const text = note.slice(0, end + 1);
  const signedBy: VerifierKey[] = [];
  for (const line of note.slice(end + 2, -1).split('\n')) {
    const [, name, base64] = /^\u2014 (\S+) ([A-Za-z0-9+/]+=*)$/u.exec(line) ?? [];
    const bytes = Buffer.from(base64 ?? '', 'base64');
    if (name === undefined || bytes.length < 5 || bytes.toString('base64') !== base64) return undefined;
    const hash = bytes.subarray(0, 4).toString('hex');
    const key = keys.find((known) => known.name === name && known.keyHash === hash);
    if (!key) continue;
    if (!verifySignature(key, text, bytes.subarray(4))) return undefined;
    signedBy.push(key);
  }
  return signedBy.length > 0 ? { text, signedBy } : undefined;
}

function rawKey(key: KeyObject): Buffer {
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new InvalidParameterError(
      `key type=${key.asymmetricKeyType}: must be ed25519. Make one with dptune keys new.`,
    );
  }
  const spki = key.export({ format: 'der', type: 'spki' });
  return spki.subarray(SPKI_PREFIX.length);
}
