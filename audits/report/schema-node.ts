/** A JSON Schema (draft 7) that knows the type of what it accepts: types and validation have one source. */
export interface Schema<T> {
  readonly json: Readonly<Record<string, unknown>>;
  /** Never there at run time; carries the type. */
  readonly accepts?: T;
}

export type TypeOf<S> = S extends Schema<infer T> ? T : never;

/** Stands where a report has no value: nothing is left out without a reason. */
export interface Missing {
  readonly value: null;
  readonly reason: string;
}

/** A value, or why there is none. */
export type Field<T> = T | Missing;

/** @returns what stands in a report for a value that it does not have */
export function missing(reason: string): Missing {
  return { value: null, reason };
}

/** Whether a field has its value. */
export function isGiven<T>(field: Field<T>): field is T {
  return !(typeof field === 'object' && field !== null && 'value' in field && field.value === null);
}

export function text(description: string): Schema<string> {
  return { json: { description, type: 'string' } };
}

/** Digits of a SHA-256. */
export function digest(description: string): Schema<string> {
  return { json: { description, type: 'string', pattern: '^[0-9a-f]{64}$' } };
}

export function number(
  description: string,
  bounds: Readonly<Record<'minimum' | 'maximum' | 'exclusiveMinimum', number>> | object = {},
): Schema<number> {
  return { json: { description, type: 'number', ...bounds } };
}

/** Counts something. */
export function whole(description: string): Schema<number> {
  return { json: { description, type: 'integer', minimum: 0 } };
}

export function probability(description: string): Schema<number> {
  return number(description, { minimum: 0, maximum: 1 });
}

export function flag(description: string): Schema<boolean> {
  return { json: { description, type: 'boolean' } };
}

export function choice<const T extends string>(description: string, values: readonly T[]): Schema<T> {
  return { json: { description, enum: values } };
}

export function list<T>(description: string, item: Schema<T>): Schema<readonly T[]> {
  return { json: { description, type: 'array', items: item.json } };
}

type Fields = Readonly<Record<string, Schema<unknown>>>;
type GroupOf<F extends Fields> = { readonly [K in keyof F]: TypeOf<F[K]> };

/** Every field is required, and no other is allowed. */
export function group<F extends Fields>(description: string, fields: F): Schema<GroupOf<F>> {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, { json }]) => [name, json]));
  return {
    json: {
      description,
      type: 'object',
      properties,
      required: Object.keys(fields),
      additionalProperties: false,
    },
  };
}

/** Values by any names. */
export function byName<T>(description: string, value: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return { json: { description, type: 'object', additionalProperties: value.json } };
}

const missingJson = {
  type: 'object',
  properties: { value: { const: null }, reason: { type: 'string', minLength: 1 } },
  required: ['value', 'reason'],
  additionalProperties: false,
};

/** What a report may be without, if it says why. */
export function orMissing<T>(schema: Schema<T>): Schema<Field<T>> {
  const { description, ...json } = schema.json;
  return { json: { description, anyOf: [json, missingJson] } };
}
