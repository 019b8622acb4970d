import { verifySignature, type Signer, type VerifierKey } from '../../privacy/index.ts';
import { DptuneError } from '../../privacy/errors.ts';

/** A signed text in the form of the Dead Simple Signing Envelope, version 1 (secure-systems-lab/dsse). */
export interface Envelope {
  readonly payloadType: string;
  /** base64 of the body's UTF-8 bytes. */
  readonly payload: string;
  /** `keyid` is the verifier key NAME+HASH+BASE64: a hint for choosing a key, believed by nobody. */
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/**
 * What is really signed: the pre-authentication encoding, which binds the type to the body.
 *   "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body, lengths in bytes, ASCII decimal
 * Source: DSSE protocol, version 1, "Signature Definition".
 */
export function preAuthEncoding(payloadType: string, body: string): string {
  return `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${Buffer.byteLength(body)} ${body}`;
}

export function signEnvelope(payloadType: string, body: string, signer: Signer): Envelope {
  const sig = signer.sign(preAuthEncoding(payloadType, body)).toString('base64');
  return {
    payloadType,
    payload: Buffer.from(body).toString('base64'),
    signatures: [{ keyid: signer.verifier.text, sig }],
  };
}

/**
 * The envelope in a parsed JSON value; nothing is verified yet.
 * @throws DptuneError `verification` where it is none, or where its base64 could be read in two ways
 */
export function envelopeFrom(json: unknown): Envelope {
  const { payloadType, payload, signatures, ...rest } = (json ?? {}) as Partial<Envelope>;
  if (typeof payloadType !== 'string' || typeof payload !== 'string' || !Array.isArray(signatures)) {
    throw refusal('must hold payloadType, payload and signatures');
  }
  if (Object.keys(rest).length > 0) throw refusal(`holds ${Object.keys(rest)[0]} beside them`);
  if (signatures.length === 0 || signatures.length > MOST_SIGNATURES) {
    throw refusal(`has ${signatures.length} signatures, and 1 to ${MOST_SIGNATURES} are read`);
  }
  if (textOf(payload) === undefined) throw refusal('has a payload that is not base64 of UTF-8 text');
  const read = signatures.map((signature: unknown) => {
    const { keyid = '', sig } = (signature ?? {}) as Record<string, unknown>;
    if (typeof keyid !== 'string' || typeof sig !== 'string' || !isBase64(sig)) {
      throw refusal('has a signature that is none');
    }
    return { keyid, sig };
  });
  return { payloadType, payload, signatures: read };
}

/** The text that was signed, together with its type. */
export function bodyOf({ payload }: Envelope): string {
  return Buffer.from(payload, 'base64').toString('utf8');
}

/** Whether one of the envelope's signatures is this key's, whatever its keyid says. */
export function isSignedBy(envelope: Envelope, key: VerifierKey): boolean {
  const signed = preAuthEncoding(envelope.payloadType, bodyOf(envelope));
  return envelope.signatures.some(({ sig }) => verifySignature(key, signed, Buffer.from(sig, 'base64')));
}

const MOST_SIGNATURES = 100;

/** Node's readers skip what they cannot read, so that many texts would stand for the same bytes. */
function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}

function textOf(base64: string): string | undefined {
  const text = Buffer.from(base64, 'base64').toString('utf8');
  return Buffer.from(text).toString('base64') === base64 ? text : undefined;
}

function refusal(what: string): DptuneError {
  return new DptuneError(
    'verification',
    `envelope: ${what}. It is no DSSE envelope, or it was changed; get it from its producer again.`,
  );
}
