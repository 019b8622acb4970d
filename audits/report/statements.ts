import { DataError } from '../../privacy/errors.ts';
import { missing } from './schema-node.ts';
import { statementsSchema, type Statements } from './schema-evidence.ts';

/** What stands in a report whose owner stated nothing. */
export function noStatements(): Statements {
  const names = Object.keys(statementsSchema.json['properties'] as object);
  const none = missing('not stated; dptune report RUN --statements FILE adds it');
  return Object.fromEntries(names.map((name) => [name, none])) as unknown as Statements;
}

/**
 * Checks what an owner states: some of the fields, each with a value.
 * @throws DataError naming what does not fit
 */
export async function checkStatements(json: unknown): Promise<Partial<Statements>> {
  const { Ajv } = await import('ajv');
  const { required: _, ...schema } = statementsSchema.json;
  const validate = new Ajv({ strict: true, allErrors: true }).compile<Partial<Statements>>(schema);
  if (validate(json)) return json;
  const known = Object.keys(schema['properties'] as object).join(', ');
  const faults = (validate.errors ?? [])
    .filter(({ keyword }) => keyword !== 'anyOf')
    .map(({ instancePath, message, params }) => {
      const key = (params as { additionalProperty?: string }).additionalProperty;
      return `${instancePath}${key === undefined ? '' : `/${key}`} ${message}`;
    });
  throw new DataError(`${[...new Set(faults)].slice(0, 5).join('; ')}. The fields are ${known}.`);
}
