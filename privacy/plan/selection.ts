import type { Relation } from '../accounting/index.ts';
import { InvalidParameterError } from '../errors.ts';
import { objectOf, oneOf, wholeNumber } from './fields.ts';
import type { PrivacyUnit } from './plan.ts';

/**
 * Training on a few units of each class: the first `perClass` of each of `classes` declared classes, by a public order that
 * looks at one unit at a time. Units are then sampled from the selection.
 *
 * Removing a unit that was selected brings in at most the next one of its class, and removing any other changes nothing;
 * adding is the same in reverse. So data sets that differ in one unit give selections that differ in one replacement, or in one
 * unit that is gone, which is a replacement by a unit that contributes zero. A step is therefore accounted under replace-one
 * (`ranked-selection`), while the plan's own relation, that of the data, stays add-or-remove-one.
 */
export interface Selection {
  readonly kind: 'first-of-each-class';
  readonly perClass: number;
  readonly classes: number;
  /** Seed of the order. Public. */
  readonly seed: number;
}

/** What a selection demands of the rest of the plan. */
interface Surroundings {
  readonly unit: PrivacyUnit;
  readonly relation: Relation;
  readonly publicSize: number;
}

/** @throws InvalidParameterError where the selection does not fit the plan, or its numbers are none */
export function selectionOf(given: unknown, around: Surroundings): Selection | undefined {
  if (given === undefined) return undefined;
  const fields = objectOf('selection', given, ['kind', 'perClass', 'classes', 'seed']);
  const kind = oneOf('selection.kind', fields['kind'], ['first-of-each-class']);
  const perClass = wholeNumber('selection.perClass', fields['perClass'], 1, 'It counts units of a class.');
  const classes = wholeNumber('selection.classes', fields['classes'], 2, 'It counts the declared classes.');
  const seed = wholeNumber('selection.seed', fields['seed'], 0, 'It fixes a public order.');
  requireFit(around, perClass * classes);
  return { kind, perClass, classes, seed };
}

function requireFit({ unit, relation, publicSize }: Surroundings, size: number): void {
  if (unit.kind !== 'record') {
    throw new InvalidParameterError(
      `selection: with unit=${unit.kind} one unit may change several of the selected. Protect records, or train on all of them.`,
    );
  }
  if (relation !== 'add-or-remove-one') {
    throw new InvalidParameterError(
      `selection: under relation=${relation} one unit may change two of the selected. Use add-or-remove-one, or train on all records.`,
    );
  }
  if (publicSize !== size) {
    throw new InvalidParameterError(
      `publicSize=${publicSize}: a selection has perClass x classes = ${size} units. Leave the size out.`,
    );
  }
}
