import { createHash } from 'node:crypto';
import { InvalidParameterError } from './errors.ts';

/**
 * The one text of a JSON value, after RFC 8785 (JSON Canonicalization Scheme): no white space, keys in the order of
 * their UTF-16 code units, numbers and strings as ECMAScript writes them.
 * @throws InvalidParameterError naming the place of what JSON cannot carry exactly: a number that is not finite, undefined,
 *   a lone surrogate, a class instance, a hole, a cycle
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$', new Set());
}

/** SHA-256 of the canonical JSON's UTF-8 bytes, lower-case hex. */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value), 'utf8').digest('hex');
}

function write(value: unknown, path: string, parents: Set<object>): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refusal(path, `${value}`);
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (!isWellFormed(value)) throw refusal(path, 'a string with a lone surrogate');
    return JSON.stringify(value);
  }
  if (typeof value !== 'object') throw refusal(path, typeof value);
  if (parents.has(value)) throw refusal(path, 'a cycle');
  parents.add(value);
  const text = Array.isArray(value) ? writeArray(value, path, parents) : writeObject(value, path, parents);
  parents.delete(value);
  return text;
}

function writeArray(items: readonly unknown[], path: string, parents: Set<object>): string {
  const parts: string[] = [];
  for (let i = 0; i < items.length; i++) parts.push(write(items[i], `${path}[${i}]`, parents));
  return `[${parts.join(',')}]`;
}

function writeObject(value: object, path: string, parents: Set<object>): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refusal(path, 'not a plain object');
  const parts = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${write(key, path, parents)}:${write(item, `${path}.${key}`, parents)}`);
  return `{${parts.join(',')}}`;
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function refusal(path: string, what: string): InvalidParameterError {
  return new InvalidParameterError(
    `${path}=${what}: canonical JSON holds finite numbers, well-formed strings, booleans, null, arrays and plain ` +
      'objects only. Leave it out or give it as text.',
  );
}
