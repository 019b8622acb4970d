import { missing } from './schema-node.ts';
import { statementsSchema, type Statements } from './schema-evidence.ts';

/** What stands in a report whose owner stated nothing. */
export function noStatements(): Statements {
  const names = Object.keys(statementsSchema.json['properties'] as object);
  const none = missing('not stated; dptune report RUN --statements FILE adds it');
  return Object.fromEntries(names.map((name) => [name, none])) as unknown as Statements;
}
