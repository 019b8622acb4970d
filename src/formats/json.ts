import { DataError } from '../../privacy/errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON text that must be an object in which no object names a key twice: of two equal keys `JSON.parse` keeps the
 * last without a word, and two readers of one file may then see two different files.
 * @param label - the file, for errors
 * @throws DataError
 */
export function parseJsonObject(text: string, label: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${label}: not JSON (${(cause as Error).message}).`, { cause });
  }
  if (!isJsonObject(value)) throw new DataError(`${label}: must hold a JSON object.`);
  const key = duplicateKey(text);
  if (key !== undefined)
    throw new DataError(`${label}: the key ${JSON.stringify(key)} occurs twice in one object.`);
  return value;
}

/** The first key that occurs twice in one object of `json`, which must be valid JSON. */
function duplicateKey(json: string): string | undefined {
  const scopes: (Set<string> | undefined)[] = [];
  const mark = /["{}[\]]/g;
  const colon = /\s*:/y;
  for (let match = mark.exec(json); match !== null; match = mark.exec(json)) {
    if (match[0] === '{') scopes.push(new Set());
    else if (match[0] === '[') scopes.push(undefined);
    else if (match[0] === '}' || match[0] === ']') scopes.pop();
    else {
      // A string is consumed whole, so that braces inside it are not seen; it is a key where a colon follows.
      const end = stringEnd(json, match.index);
      mark.lastIndex = colon.lastIndex = end;
      if (colon.test(json)) {
        const key = JSON.parse(json.slice(match.index, end)) as string;
        const scope = scopes.at(-1)!;
        if (scope.has(key)) return key;
        scope.add(key);
      }
    }
  }
  return undefined;
}

/** Position after the closing quote. (A regular expression overflows on strings of megabytes.) */
function stringEnd(json: string, begin: number): number {
  for (let at = begin + 1; ; at++) {
    if (json[at] === '\\') at++;
    else if (json[at] === '"') return at + 1;
  }
}
