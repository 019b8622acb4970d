import { Ajv, type ErrorObject } from 'ajv';
import type { Path, Problem } from './document.ts';
import { constraintOf, schemaAt, type SchemaNode } from './schema-node.ts';
import { suggestionFor } from './suggestion.ts';

const ajv = new Ajv({ strict: true, allErrors: true, verbose: true, useDefaults: true });

/** Fills in the defaults, in place, and returns all that the schema finds wrong. */
export function schemaProblems(value: unknown, schema: SchemaNode): Problem[] {
  const validate = ajv.compile(schema);
  if (validate(value)) return [];
  const errors = validate.errors ?? [];
  return errors
    .filter((error) => !explainedElsewhere(error, errors))
    .map((error) => problemOf(error, schema));
}

function within(inner: ErrorObject, outer: ErrorObject): boolean {
  return inner.schemaPath.startsWith(`${outer.schemaPath}/`);
}

function deeper(inner: ErrorObject, outer: ErrorObject): boolean {
  const isPart =
    inner.instancePath.length > outer.instancePath.length || inner.keyword === 'additionalProperties';
  return within(inner, outer) && isPart;
}

/** Of a failed choice, the choice itself is reported; unless the fault lies deeper, in a part of the chosen form. */
function explainedElsewhere(error: ErrorObject, errors: readonly ErrorObject[]): boolean {
  if (error.keyword === 'anyOf') return errors.some((inner) => deeper(inner, error));
  const choice = errors.find((outer) => outer.keyword === 'anyOf' && within(error, outer));
  return choice !== undefined && !deeper(error, choice);
}

function problemOf(error: ErrorObject, schema: SchemaNode): Problem {
  const path = pathFrom(error.instancePath);
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(
        path,
        String(error.params.additionalProperty),
        error.parentSchema as SchemaNode,
        settingsOf(schema, ''),
      );
    case 'required': {
      const key = String(error.params.missingProperty);
      const node = (error.parentSchema as SchemaNode).properties?.[key];
      const example =
        node?.examples?.[0] === undefined ? '' : `, such as ${key}: ${JSON.stringify(node.examples[0])}`;
      return { path: [...path, key], message: `missing; must be given${example}` };
    }
    case 'uniqueItems':
      return {
        path,
        message: `items ${error.params.j + 1} and ${error.params.i + 1} are the same; remove one`,
      };
    default:
      return {
        path,
        message: wrongValue(error.data, schemaAt(schema, path) ?? (error.parentSchema as SchemaNode)),
      };
  }
}

function wrongValue(value: unknown, node: SchemaNode): string {
  const words = node.enum ?? node.items?.enum;
  const suggestion = typeof value === 'string' && words ? suggestionFor(value, words) : undefined;
  const hint = suggestion ? `; did you mean ${suggestion}?` : hintFor(value, node);
  return `=${shown(value)}, must be ${constraintOf(node)}${hint}`;
}

function hintFor(value: unknown, node: SchemaNode): string {
  const expected = new Set([node, ...(node.anyOf ?? [])].map(({ type }) => type));
  if (value === null) return '; it is empty: give a value, or remove the key';
  if (expected.has('string') && (typeof value === 'number' || typeof value === 'boolean'))
    return `; write it in quotes: '${value}'`;
  if (expected.has('boolean') && typeof value === 'string') return '; write true or false, without quotes';
  if (
    (expected.has('number') || expected.has('integer')) &&
    typeof value === 'string' &&
    Number.isFinite(Number(value)) &&
    value.trim() !== ''
  ) {
    return `; write it without quotes: ${Number(value)}`;
  }
  if (expected.has('array') && typeof value === 'string') return `; write a list: [${value}]`;
  return '';
}

/** @param settings - every setting's dotted path, so that a key written in the wrong group is found in its right one */
function unknownKey(parent: Path, key: string, node: SchemaNode, settings: readonly string[]): Problem {
  const siblings = Object.keys(node.properties ?? {});
  const near = suggestionFor(key, siblings);
  const elsewhere =
    near ?? suggestionFor(key, new Set(settings.map((path) => path.slice(path.lastIndexOf('.') + 1))));
  const suggestion = near ?? settings.find((path) => path === elsewhere || path.endsWith(`.${elsewhere}`));
  const remedy = suggestion ? `did you mean ${suggestion}?` : `there are ${siblings.join(', ')}`;
  return { path: [...parent, key], message: `unknown key; ${remedy}`, atKey: true };
}

/** A value as messages show it: not the whole of a long one. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function pathFrom(pointer: string): Path {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function settingsOf(node: SchemaNode, prefix: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    `${prefix}${key}`,
    ...settingsOf(child, `${prefix}${key}.`),
  ]);
}
