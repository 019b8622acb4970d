import { isJsonObject, type Json, type JsonObject } from './json.ts';

/**
 * Paths of the numbers that a JSON text writes as floats though they are whole, such as `3.0`. JavaScript has one kind of
 * number and would write `3`, which transformers refuses where a setting is a float.
 * @param json - valid JSON
 */
export function wholeFloats(json: string): ReadonlySet<string> {
  const found = new Set<string>();
  const scopes: { readonly list: boolean; key: string | number }[] = [];
  let text: string | undefined;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const scope = scopes.at(-1);
    if (token === '{' || token === '[') scopes.push({ list: token === '[', key: token === '[' ? 0 : '' });
    else if (token === '}' || token === ']') scopes.pop();
    else if (token === ':') scope!.key = JSON.parse(text!) as string;
    else if (token === ',') {
      if (scope!.list) scope!.key = (scope!.key as number) + 1;
    } else if (token.startsWith('"')) text = token;
    else if (/[.eE]/.test(token) && Number.isInteger(Number(token)))
      found.add(pathOf(scopes.map(({ key }) => key)));
  }
  return found;
}

function pathOf(keys: readonly (string | number)[]): string {
  return JSON.stringify(keys);
}

/** A JSON text in which numbers at these paths are floats, where they are whole. */
export function jsonWithFloats(value: JsonObject, floats: ReadonlySet<string>): string {
  // No text of the value can be this: the mark is longer than all of them.
  const mark = '~'.repeat(1 + JSON.stringify(value).length);
  const marked = (part: Json, keys: readonly (string | number)[]): Json => {
    if (typeof part === 'number' && Number.isInteger(part) && floats.has(pathOf(keys)))
      return `${mark}${part}`;
    if (Array.isArray(part)) return part.map((item: Json, at) => marked(item, [...keys, at]));
    if (!isJsonObject(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, marked(item, [...keys, key])]));
  };
  return JSON.stringify(marked(value, []), null, 2).replaceAll(
    new RegExp(`"${mark}([^"]+)"`, 'g'),
    (_, digits: string) => (/[.e]/.test(digits) ? digits : `${digits}.0`),
  );
}
