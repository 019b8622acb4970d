import { DataError } from '../../privacy/errors.ts';

/** A value while a template is rendered; undefined is Jinja's Undefined, null is None. */
export type Value =
  undefined | null | boolean | number | string | readonly Value[] | ReadonlyMap<string, Value> | Callable;
export type Callable = (positional: readonly Value[], named: Readonly<Record<string, Value>>) => Value;

/** JSON as a value: objects become maps. */
export function valueOf(json: unknown): Value {
  if (Array.isArray(json)) return json.map(valueOf);
  if (typeof json === 'object' && json !== null)
    return new Map(Object.entries(json).map(([key, value]) => [key, valueOf(value)]));
  return json as Value;
}

export function isMap(value: Value): value is ReadonlyMap<string, Value> {
  return value instanceof Map;
}

export function isTrue(value: Value): boolean {
  if (isMap(value)) return value.size > 0;
  if (Array.isArray(value) || typeof value === 'string') return value.length > 0;
  return Boolean(value);
}

export function isEqual(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item: Value, at) => isEqual(item, b[at] as Value));
  if (isMap(a) && isMap(b))
    return a.size === b.size && [...a].every(([key, value]) => isEqual(value, b.get(key)));
  return a === b;
}

/** As Python prints it. */
export function textOf(value: Value): string {
  if (value === undefined) return '';
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw new DataError('chat template: prints a list or a mapping. Only text can be printed here.');
}

/** As Python's json.dumps with ensure_ascii=False: spaces after commas and colons. */
export function jsonOf(value: Value, indent: number | undefined, depth = 0): string {
  const gap = indent === undefined ? '' : `\n${' '.repeat(indent * (depth + 1))}`;
  const end = indent === undefined ? '' : `\n${' '.repeat(indent * depth)}`;
  const joined = (open: string, items: readonly string[], close: string): string =>
    items.length === 0
      ? open + close
      : open + gap + items.join(indent === undefined ? ', ' : `,${gap}`) + end + close;
  if (Array.isArray(value))
    return joined(
      '[',
      value.map((item: Value) => jsonOf(item, indent, depth + 1)),
      ']',
    );
  if (isMap(value))
    return joined(
      '{',
      [...value].map(([key, item]) => `${JSON.stringify(key)}: ${jsonOf(item, indent, depth + 1)}`),
      '}',
    );
  if (typeof value === 'function' || value === undefined)
    throw new DataError('chat template: tojson of what is no JSON.');
  return JSON.stringify(value);
}

/** Items of a loop, keys of a mapping. */
export function itemsOf(value: Value): readonly Value[] {
  if (Array.isArray(value)) return value as readonly Value[];
  if (isMap(value)) return [...value.keys()];
  if (typeof value === 'string') return Array.from(value);
  if (value === undefined) return [];
  throw new DataError('chat template: loops over what is no list.');
}

/** A part of a list or text, with Python's meaning of negative places. */
export function sliceOf(value: Value, from: Value, to: Value, step: Value): Value {
  if (typeof value !== 'string' && !Array.isArray(value))
    throw new DataError('chat template: a slice of what is no list.');
  const items = typeof value === 'string' ? Array.from(value) : (value as readonly Value[]);
  const stride = (step ?? 1) as number;
  const place = (given: Value, fallback: number): number => {
    if (given === undefined || given === null) return fallback;
    const at = (given as number) < 0 ? (given as number) + items.length : (given as number);
    return Math.max(stride < 0 ? -1 : 0, Math.min(at, stride < 0 ? items.length - 1 : items.length));
  };
  const picked: Value[] = [];
  const start = place(from, stride < 0 ? items.length - 1 : 0);
  const stop = place(to, stride < 0 ? -1 : items.length);
  for (let at = start; stride < 0 ? at > stop : at < stop; at += stride) picked.push(items[at]);
  return typeof value === 'string' ? picked.map(textOf).join('') : picked;
}

/** Python's strip, of white space or of given characters. */
export function strip(text: string, characters: Value, side: 'both' | 'left' | 'right'): string {
  const drops = (letter: string): boolean =>
    typeof characters === 'string' ? characters.includes(letter) : /\s/.test(letter);
  let [start, end] = [0, text.length];
  if (side !== 'right') while (start < end && drops(text[start]!)) start++;
  if (side !== 'left') while (end > start && drops(text[end - 1]!)) end--;
  return text.slice(start, end);
}
