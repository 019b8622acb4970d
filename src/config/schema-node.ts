/** The part of JSON Schema (draft 7) that the job schema uses, as its readers (errors, docs, init) see it. */
export interface SchemaNode {
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly anyOf?: readonly SchemaNode[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | SchemaNode;
  readonly items?: SchemaNode;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** A setting that the recipe decides unless it is given. */
export const auto = <const S extends SchemaNode>(description: string, schema: S) =>
  ({ description, anyOf: [{ const: 'auto' }, schema], default: 'auto' }) as const;

/** A group of settings, none of which has to be given. */
export const section = <const P extends Readonly<Record<string, SchemaNode>>>(
  description: string,
  properties: P,
) => ({ description, type: 'object', properties, additionalProperties: false, default: {} }) as const;

/** `S` without any `default`, at any depth: settings that override others only where they are given. */
export type WithoutDefaults<S> = S extends readonly unknown[]
  ? { readonly [K in keyof S]: WithoutDefaults<S[K]> }
  : S extends object
    ? { readonly [K in keyof S as K extends 'default' ? never : K]: WithoutDefaults<S[K]> }
    : S;

export function withoutDefaults<const S>(schema: S): WithoutDefaults<S> {
  if (Array.isArray(schema)) return schema.map(withoutDefaults) as WithoutDefaults<S>;
  if (typeof schema !== 'object' || schema === null) return schema as WithoutDefaults<S>;
  const kept = Object.entries(schema).filter(([key]) => key !== 'default');
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutDefaults(value)])) as WithoutDefaults<S>;
}

/** The constraint in words, as it stands in error messages and in the reference: `auto or a whole number of at least 1`. */
export function constraintOf(node: SchemaNode): string {
  if (node.anyOf) return alternatives(node.anyOf.map(constraintOf));
  if (node.const !== undefined) return node.const;
  if (node.enum) return alternatives(node.enum);
  switch (node.type) {
    case 'integer':
      return `a whole number${rangeOf(node)}`;
    case 'number':
      return `a number${rangeOf(node)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return node.maxLength === 1 ? 'a single character' : 'a text';
    case 'array':
      return `a list${node.minItems === node.maxItems && node.minItems ? ` of ${node.minItems}` : ''}, each item ${constraintOf(node.items ?? {})}`;
    case 'object':
      return typeof node.additionalProperties === 'object'
        ? `a mapping, each value ${constraintOf(node.additionalProperties)}`
        : `a mapping with ${Object.keys(node.properties ?? {}).join(', ')}`;
    default:
      return 'any value';
  }
}

function rangeOf(node: SchemaNode): string {
  const bounds = [
    node.exclusiveMinimum === undefined ? undefined : `above ${node.exclusiveMinimum}`,
    node.minimum === undefined ? undefined : `of at least ${node.minimum}`,
    node.exclusiveMaximum === undefined ? undefined : `below ${node.exclusiveMaximum}`,
    node.maximum === undefined ? undefined : `at most ${node.maximum}`,
  ].filter((bound) => bound !== undefined);
  return bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
}

function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** The schema of a nested setting, by its keys; list positions step into `items`. */
export function schemaAt(root: SchemaNode, path: readonly (string | number)[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = root;
  for (const step of path) {
    node =
      typeof step === 'number'
        ? branch(node, 'items')?.items
        : branch(node, 'properties')?.properties?.[step];
    if (!node) return undefined;
  }
  return node;
}

function branch(node: SchemaNode, keyword: 'items' | 'properties'): SchemaNode | undefined {
  return node[keyword] ? node : node.anyOf?.find((alternative) => alternative[keyword]);
}
