import { DataError } from '../../privacy/errors.ts';
import type { Arguments, Expression } from './jinja-expressions.ts';
import {
  isEqual,
  isMap,
  isTrue,
  itemsOf,
  jsonOf,
  sliceOf,
  strip,
  textOf,
  type Callable,
  type Value,
} from './jinja-values.ts';

/** Looks a name up; undefined where it is not set. */
export type Names = (name: string) => Value;

export function evaluate(expression: Expression, names: Names): Value {
  const of = (part: Expression): Value => evaluate(part, names);
  switch (expression.kind) {
    case 'value':
      return expression.value;
    case 'name':
      return names(expression.name);
    case 'list':
      return expression.items.map(of);
    case 'dict':
      return new Map(expression.entries.map(([key, value]) => [textOf(of(key)), of(value)]));
    case 'attribute':
      return attributeOf(of(expression.of), of(expression.key));
    case 'slice': {
      const part = (bound: Expression | undefined): Value => bound && of(bound);
      return sliceOf(of(expression.of), part(expression.from), part(expression.to), part(expression.step));
    }
    case 'call':
      return call(of(expression.of), expression.args, of);
    case 'filter':
      return filter(expression.name, of(expression.of), valuesOf(expression.args, of));
    case 'test':
      return test(expression.name, of(expression.of), valuesOf(expression.args, of)) !== expression.negated;
    case 'not':
      return !isTrue(of(expression.of));
    case 'minus':
      return -numberOf(of(expression.of));
    case 'binary':
      return binary(expression.operator, of(expression.left), () => of(expression.right));
    case 'choice':
      if (isTrue(of(expression.condition))) return of(expression.yes);
      return expression.no && of(expression.no);
  }
  return expression satisfies never;
}

interface Given {
  readonly positional: readonly Value[];
  readonly named: Readonly<Record<string, Value>>;
}

function valuesOf({ positional, named }: Arguments, of: (part: Expression) => Value): Given {
  const values = Object.entries(named).map(([name, part]) => [name, of(part)] as const);
  return { positional: positional.map(of), named: Object.fromEntries(values) };
}

function call(callee: Value, args: Arguments, of: (part: Expression) => Value): Value {
  if (typeof callee !== 'function') throw new DataError('chat template: calls what is not known here.');
  const { positional, named } = valuesOf(args, of);
  return callee(positional, named);
}

function attributeOf(value: Value, key: Value): Value {
  if (value === undefined) throw new DataError(`chat template: ${textOf(key)} of what is not defined.`);
  if (typeof key === 'number' && (typeof value === 'string' || Array.isArray(value)))
    return value.at(key) as Value;
  if (isMap(value) && value.has(textOf(key))) return value.get(textOf(key));
  return typeof key === 'string' ? methodOf(value, key) : undefined;
}

/** Python's methods that chat templates use; undefined for others. */
function methodOf(value: Value, name: string): Callable | undefined {
  if (typeof value === 'string') return textMethods(value)[name];
  if (!isMap(value)) return undefined;
  const methods: Readonly<Record<string, Callable>> = {
    items: () => [...value].map((entry): Value => entry),
    keys: () => [...value.keys()],
    values: () => [...value.values()],
    get: ([key, fallback = null]) => value.get(textOf(key)) ?? fallback,
  };
  return methods[name];
}

function textMethods(text: string): Readonly<Record<string, Callable>> {
  return {
    strip: ([characters]) => strip(text, characters, 'both'),
    lstrip: ([characters]) => strip(text, characters, 'left'),
    rstrip: ([characters]) => strip(text, characters, 'right'),
    upper: () => text.toUpperCase(),
    lower: () => text.toLowerCase(),
    startswith: ([part]) => anyOf(part, (start) => text.startsWith(start)),
    endswith: ([part]) => anyOf(part, (end) => text.endsWith(end)),
    replace: ([from, to]) => text.replaceAll(textOf(from), () => textOf(to)),
    split: ([separator, most]) => {
      const parts =
        separator === undefined || separator === null
          ? text.trim().split(/\s+/)
          : text.split(textOf(separator));
      const limit = (most ?? -1) as number;
      return limit < 0 || parts.length <= limit + 1
        ? parts
        : [...parts.slice(0, limit), parts.slice(limit).join(textOf(separator))];
    },
  };
}

function anyOf(wanted: Value, has: (part: string) => boolean): boolean {
  return Array.isArray(wanted) ? wanted.some((part: Value) => has(textOf(part))) : has(textOf(wanted));
}

function numberOf(value: Value): number {
  if (typeof value === 'number') return value;
  throw new DataError('chat template: reckons with what is no number.');
}

function binary(operator: string, left: Value, right: () => Value): Value {
  if (operator === 'and') return isTrue(left) ? right() : left;
  if (operator === 'or') return isTrue(left) ? left : right();
  const other = right();
  switch (operator) {
    case '==':
      return isEqual(left, other);
    case '!=':
      return !isEqual(left, other);
    case 'in':
      return isMap(other)
        ? other.has(textOf(left))
        : typeof other === 'string'
          ? other.includes(textOf(left))
          : itemsOf(other).some((item) => isEqual(item, left));
    case '~':
      return textOf(left) + textOf(other);
    case '+':
      if (typeof left === 'string' && typeof other === 'string') return left + other;
      if (Array.isArray(left) && Array.isArray(other)) return [...(left as Value[]), ...(other as Value[])];
      return numberOf(left) + numberOf(other);
    case '-':
      return numberOf(left) - numberOf(other);
    case '*':
      return numberOf(left) * numberOf(other);
    case '/':
      return numberOf(left) / numberOf(other);
    case '//':
      return Math.floor(numberOf(left) / numberOf(other));
    case '%':
      return ((numberOf(left) % numberOf(other)) + numberOf(other)) % numberOf(other);
    default: {
      const [a, b] = typeof left === 'string' ? [left, textOf(other)] : [numberOf(left), numberOf(other)];
      return operator === '<' ? a < b : operator === '>' ? a > b : operator === '<=' ? a <= b : a >= b;
    }
  }
}

const FILTERS: Readonly<Record<string, (value: Value, given: Given) => Value>> = {
  trim: (value, { positional: [characters] }) => strip(textOf(value), characters, 'both'),
  upper: (value) => textOf(value).toUpperCase(),
  lower: (value) => textOf(value).toLowerCase(),
  string: (value) => textOf(value),
  safe: (value) => value,
  int: (value) => Math.trunc(Number(value)),
  length: (value) => (isMap(value) ? value.size : itemsOf(value).length),
  count: (value) => itemsOf(value).length,
  list: (value) => itemsOf(value),
  items: (value) => (isMap(value) ? [...value].map((entry): Value => entry) : []),
  first: (value) => itemsOf(value)[0],
  last: (value) => itemsOf(value).at(-1),
  join: (value, { positional: [separator = ''] }) => itemsOf(value).map(textOf).join(textOf(separator)),
  replace: (value, { positional: [from, to] }) => textOf(value).replaceAll(textOf(from), () => textOf(to)),
  default: (value, { positional: [fallback = '', also = false] }) =>
    value === undefined || (isTrue(also) && !isTrue(value)) ? fallback : value,
  tojson: (value, { positional, named }) =>
    jsonOf(value, (positional[0] ?? named['indent'] ?? undefined) as number | undefined),
  map: (value, { named: { attribute } }) => itemsOf(value).map((item) => attributeOf(item, attribute)),
  selectattr: (value, given) => itemsOf(value).filter((item) => hasAttribute(item, given)),
  rejectattr: (value, given) => itemsOf(value).filter((item) => !hasAttribute(item, given)),
};

function hasAttribute(item: Value, { positional: [name, check, ...rest] }: Given): boolean {
  const found = isMap(item) ? item.get(textOf(name)) : undefined;
  return check === undefined ? isTrue(found) : test(textOf(check), found, { positional: rest, named: {} });
}

function filter(name: string, value: Value, given: Given): Value {
  const apply = Object.hasOwn(FILTERS, name) ? FILTERS[name] : name === 'd' ? FILTERS['default'] : undefined;
  if (apply === undefined) throw new DataError(`chat template: filter ${name} is not known here.`);
  return apply(value, given);
}

const TESTS: Readonly<Record<string, (value: Value, other: Value) => boolean>> = {
  defined: (value) => value !== undefined,
  undefined: (value) => value === undefined,
  none: (value) => value === null,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  mapping: isMap,
  sequence: (value) => typeof value === 'string' || Array.isArray(value) || isMap(value),
  iterable: (value) => typeof value === 'string' || Array.isArray(value) || isMap(value),
  equalto: isEqual,
  eq: isEqual,
};

function test(name: string, value: Value, { positional: [other] }: Given): boolean {
  if (!Object.hasOwn(TESTS, name)) throw new DataError(`chat template: test ${name} is not known here.`);
  return TESTS[name]!(value, other);
}
