import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  attestTraining,
  envelopeFrom,
  isSignedBy,
  preAuthEncoding,
  trainingStatementOf,
  type Envelope,
} from '../../audits/index.ts';
import { canonicalJson, signerOf } from '../../privacy/index.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signer = signerOf('lab', privateKey);
const other = signerOf('lab', generateKeyPairSync('ed25519').privateKey);
const subjects = [
  { name: 'plan.json', digest: { sha256: 'b'.repeat(64) } },
  { name: 'model/model.safetensors', digest: { sha256: 'a'.repeat(64) } },
];
const predicate = {
  tool: { name: 'dptune', version: '0.1.0' },
  planHash: 'c'.repeat(64),
  guarantee: { epsilon: 2.5, delta: 1e-5, unit: 'user', relation: 'add-or-remove-one' },
  checkpoint: null,
} as const;
const envelope = attestTraining(subjects, predicate, signer);

function flipped(text: string): string {
  return text.startsWith('A') ? `B${text.slice(1)}` : `A${text.slice(1)}`;
}

describe('a DSSE envelope', () => {
  test("encodes type and body as the protocol's own example", () => {
    // secure-systems-lab/dsse, protocol.md, test vectors.
    expect(preAuthEncoding('http://example.com/HelloWorld', 'hello world')).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
    expect(preAuthEncoding('t', 'é')).toBe('DSSEv1 1 t 2 é');
  });

  test('verifies with openssl over the encoded bytes, and not over others', () => {
    const place = mkdtempSync(join(tmpdir(), 'dptune-dsse-'));
    try {
      const file = (name: string, content: string | Buffer): string => {
        writeFileSync(join(place, name), content);
        return join(place, name);
      };
      const body = Buffer.from(envelope.payload, 'base64');
      const encoded = Buffer.concat([
        Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${body.length} `),
        body,
      ]);
      const key = file('key.pem', publicKey.export({ format: 'pem', type: 'spki' }));
      const signature = file('signature', Buffer.from(envelope.signatures[0]!.sig, 'base64'));
      const check = (content: Buffer): string =>
        execFileSync(
          'openssl',
          ['pkeyutl', '-verify', '-pubin', '-rawin', '-inkey', key, '-sigfile', signature].concat([
            '-in',
            file('signed', content),
          ]),
        ).toString();
      expect(check(encoded)).toContain('Signature Verified Successfully');
      encoded[encoded.length - 1]! ^= 1;
      expect(() => check(encoded)).toThrow('Command failed');
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  test('is signed by its key and by no other, whatever it calls itself', () => {
    expect(isSignedBy(envelope, signer.verifier)).toBe(true);
    expect(isSignedBy(envelope, other.verifier)).toBe(false);
    const renamed = { ...envelope, signatures: [{ ...envelope.signatures[0]!, keyid: other.verifier.text }] };
    expect(isSignedBy(renamed, other.verifier)).toBe(false);
  });

  test('is void when type, body or signature changes by one character', () => {
    const { payload, payloadType, signatures } = envelope;
    const [{ keyid, sig }] = signatures as [Envelope['signatures'][number]];
    const changed: Envelope[] = [
      { ...envelope, payloadType: `${payloadType}x` },
      { ...envelope, payload: flipped(payload) },
      { ...envelope, signatures: [{ keyid, sig: flipped(sig) }] },
    ];
    for (const one of changed) expect(isSignedBy(one, signer.verifier)).toBe(false);
  });

  test.each([
    ['null', null],
    ['no signature', { ...envelope, signatures: [] }],
    ['too many signatures', { ...envelope, signatures: Array(101).fill(envelope.signatures[0]) }],
    ['base64 with white space', { ...envelope, payload: `${envelope.payload} ` }],
    ['base64 of no text', { ...envelope, payload: '/w==' }],
    ['one field more', { ...envelope, extra: 1 }],
    ['a signature that is none', { ...envelope, signatures: [{ keyid: 'x' }] }],
  ])('is refused with %s', (_, json) => {
    expect(() => envelopeFrom(json)).toThrow('envelope');
  });
});

describe('an in-toto statement', () => {
  test('names subjects by digest, in order, as canonical JSON', () => {
    const text = Buffer.from(envelope.payload, 'base64').toString();
    expect(text).toBe(canonicalJson(JSON.parse(text)));
    const { subject, ...rest } = trainingStatementOf(envelopeFrom(JSON.parse(JSON.stringify(envelope))));
    expect(subject.map(({ name }) => name)).toEqual(['model/model.safetensors', 'plan.json']);
    expect(rest).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: 'urn:dptune:attestation:training:v1',
      predicate,
    });
  });

  test('of another type, or with a digest that is none, is not taken for one', () => {
    const statement = JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as Record<
      string,
      unknown
    >;
    const withChange = (change: object): Envelope => ({
      ...envelope,
      payload: Buffer.from(JSON.stringify({ ...statement, ...change })).toString('base64'),
    });
    const wrong = [
      withChange({ predicateType: 'https://slsa.dev/provenance/v1' }),
      withChange({ _type: 'https://in-toto.io/Statement/v0.1' }),
      withChange({ subject: [{ name: 'x', digest: { sha256: 'zz' } }] }),
      { ...envelope, payloadType: 'text/plain' },
    ];
    for (const one of wrong) expect(() => trainingStatementOf(one)).toThrow('attestation');
  });
});
