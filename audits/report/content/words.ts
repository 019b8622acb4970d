import { roundedUp, type Plan, type PrivacyUnit, type Relation } from '../../../privacy/index.ts';

const relations: Readonly<Record<Relation, string>> = {
  'add-or-remove-one': 'the data with and without the unit (add-or-remove-one)',
  'replace-one': 'the data with the unit, and with any other unit in its place (replace-one)',
  'zero-out': 'the data with the unit, and with an empty one in its place (zero-out)',
};

/** What neighbouring data sets are. */
export function relationInWords(relation: Relation): string {
  return relations[relation];
}

/** `one record`, `one user with at most 4 records`. */
export function unitInWords(unit: PrivacyUnit): string {
  if (unit.kind === 'record') return 'one record';
  return `one user with at most ${unit.maxRecords} record${unit.maxRecords === 1 ? '' : 's'}`;
}

/** The guarantee as one sentence. */
export function statementOf({
  epsilon,
  delta,
  unit,
  relation,
}: Pick<Plan, 'epsilon' | 'delta' | 'unit' | 'relation'>): string {
  return (
    `(epsilon, delta) = (${roundedUp(epsilon, 4)}, ${roundedUp(delta, 4)}) differential privacy for ${unitInWords(unit)}, ` +
    `neighbouring relation ${relation}.`
  );
}
