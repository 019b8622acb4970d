import { sign, verify, type KeyObject } from 'node:crypto';
import { DptuneError, InvalidParameterError } from '../../privacy/errors.ts';

/** A signed document in the form of the Dead Simple Signing Envelope, version 1 (secure-systems-lab/dsse). */
export interface Envelope {
  readonly payloadType: string;
  /** base64 of the body's bytes. */
  readonly payload: string;
  /** `keyid` is a hint for choosing a key; nothing is believed because of it. */
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** An Ed25519 key pair's private half under the name that verifiers know it by. */
export interface Signer {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/**
 * What is really signed: the pre-authentication encoding, which binds the type to the body.
 *   "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body, lengths in bytes, ASCII decimal
 * Source: DSSE protocol, version 1, "Signature Definition".
 */
export function preAuthEncoding(payloadType: string, body: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${body.length} `),
    Buffer.from(body),
  ]);
}

/**
 * Signs a body with one Ed25519 key.
 * @throws InvalidParameterError for another kind of key
 */
export function signEnvelope(payloadType: string, body: Uint8Array, signer: Signer): Envelope {
  const { keyId, privateKey } = signer;
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyType !== 'ed25519') {
    throw new InvalidParameterError(
      `key=${keyId}: must be an Ed25519 private key. Make one with dptune keys new.`,
    );
  }
  const sig = sign(null, preAuthEncoding(payloadType, body), privateKey).toString('base64');
  return {
    payloadType,
    payload: Buffer.from(body).toString('base64'),
    signatures: [{ keyid: keyId, sig }],
  };
}

/**
 * The envelope in a parsed JSON value; it is not verified yet.
 * @throws DptuneError `verification` where it is none, or where its base64 could be read in two ways
 */
export function envelopeFrom(json: unknown): Envelope {
  const { payloadType, payload, signatures } = (json ?? {}) as Partial<Envelope>;
  if (typeof payloadType !== 'string' || typeof payload !== 'string' || !Array.isArray(signatures)) {
    throw refusal('must hold payloadType, payload and signatures');
  }
  if (signatures.length === 0 || signatures.length > MOST_SIGNATURES) {
    throw refusal(`has ${signatures.length} signatures, and 1 to ${MOST_SIGNATURES} are read`);
  }
  strictBase64(payload);
  const read = signatures.map((signature: unknown) => {
    const { keyid, sig } = (signature ?? {}) as Record<string, unknown>;
    if (typeof sig !== 'string') throw refusal('has a signature without sig');
    if (keyid !== undefined && typeof keyid !== 'string') throw refusal('has a keyid that is no text');
    strictBase64(sig);
    return { keyid: keyid ?? '', sig };
  });
  return { payloadType, payload, signatures: read };
}

/** The bytes that were signed over, together with the type. */
export function bodyOf({ payload }: Envelope): Buffer {
  return Buffer.from(payload, 'base64');
}

/** Whether one of the envelope's signatures is this Ed25519 key's, whatever its keyid says. */
export function isSignedBy(envelope: Envelope, publicKey: KeyObject): boolean {
  if (publicKey.asymmetricKeyType !== 'ed25519') return false;
  const signed = preAuthEncoding(envelope.payloadType, bodyOf(envelope));
  return envelope.signatures.some(({ sig }) => verify(null, signed, publicKey, Buffer.from(sig, 'base64')));
}

const MOST_SIGNATURES = 100;

/** Node's reader skips what is not base64, so that many texts would stand for the same bytes. */
function strictBase64(text: string): void {
  if (Buffer.from(text, 'base64').toString('base64') !== text) throw refusal('holds text that is not base64');
}

function refusal(what: string): DptuneError {
  return new DptuneError(
    'verification',
    `envelope: ${what}. It is no DSSE envelope, or it was changed; get it from its producer again.`,
  );
}
