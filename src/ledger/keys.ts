import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  DataError,
  InvalidParameterError,
  parseVerifierKey,
  signerOf,
  verifierKey,
  type Signer,
  type VerifierKey,
} from '../../privacy/index.ts';
import { dataDirectory } from './location.ts';

/** Ed25519 keys of this user: NAME.pem (PKCS#8, encrypted) and NAME.pub (verifier key) in the data directory, never in a run. */
function keyDirectory(): string {
  return join(dataDirectory(), 'keys');
}

/** Shortest passphrase: what it protects signs for a person. */
const LEAST_PASSPHRASE = 12;

/**
 * Makes a key, encrypted with a passphrase (PBES2: PBKDF2 and AES-256-CBC).
 * @throws InvalidParameterError if there is one of that name, or the passphrase is too short
 */
export function newKey(name: string, passphrase: string): VerifierKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const verifier = verifierKey(name, publicKey);
  const path = pathOf(name, 'pem');
  if (passphrase.length < LEAST_PASSPHRASE) {
    throw new InvalidParameterError(
      `passphrase: has ${passphrase.length} characters, and must have at least ${LEAST_PASSPHRASE}. Choose a longer one.`,
    );
  }
  if (existsSync(path)) {
    throw new InvalidParameterError(`key=${name}: exists already in ${keyDirectory()}. Choose another name.`);
  }
  mkdirSync(keyDirectory(), { recursive: true, mode: 0o700 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
  writeNew(path, String(pem), 0o600);
  writeNew(pathOf(name, 'pub'), `${verifier.text}\n`, 0o644);
  return verifier;
}

/** @throws DataError where there is no such key, or the passphrase is wrong */
export function openKey(name: string, passphrase: string): Signer {
  const pem = readKeyFile(name, 'pem');
  let signer: Signer;
  try {
    signer = signerOf(name, createPrivateKey({ key: pem, passphrase }));
  } catch (error) {
    throw new DataError(`key=${name}: does not open with this passphrase. Try again.`, { cause: error });
  }
  if (signer.verifier.text === publicKeyOf(name).text) return signer;
  throw new DataError(`key=${name}: ${name}.pub is of another key. Restore it, or make a new key.`);
}

export function publicKeyOf(name: string): VerifierKey {
  return parseVerifierKey(readKeyFile(name, 'pub').trim());
}

/** All keys of this user. */
export function ownKeys(): VerifierKey[] {
  if (!existsSync(keyDirectory())) return [];
  return readdirSync(keyDirectory())
    .filter((file) => file.endsWith('.pub'))
    .sort()
    .map((file) => publicKeyOf(file.slice(0, -'.pub'.length)));
}

function readKeyFile(name: string, kind: 'pem' | 'pub'): string {
  const path = pathOf(name, kind);
  if (!existsSync(path)) {
    const known = ownKeys().map((key) => key.name);
    const remedy =
      known.length > 0 ? `There are ${known.join(', ')}.` : `Make it with dptune keys new ${name}.`;
    throw new DataError(`key=${name}: is not in ${keyDirectory()}. ${remedy}`);
  }
  return readFileSync(path, 'utf8');
}

function pathOf(name: string, kind: 'pem' | 'pub'): string {
  if (!/^[\p{L}\p{N}@][\p{L}\p{N}@._-]{0,99}$/u.test(name)) {
    throw new InvalidParameterError(
      `key=${JSON.stringify(name)}: must be letters, digits, and @ . _ -, at most 100. Choose such a name.`,
    );
  }
  return join(keyDirectory(), `${name}.${kind}`);
}

/** Creates a file, durable when this returns; an existing one is never written over. */
function writeNew(path: string, content: string, mode: number): void {
  const file = openSync(path, 'wx', mode);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
