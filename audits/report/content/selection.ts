import type { Plan, Selection } from '../../../privacy/index.ts';
import { missing } from '../schema-node.ts';
import type { Accounting } from '../schema-method.ts';
import type { Dataset } from '../schema-evidence.ts';

/** Which records of the file take part. */
export function selectionInWords({ perClass, classes }: Selection): string {
  return `Of each of ${classes} classes the first ${perClass} records by a public order take part, ${perClass * classes} in all. One record of the file more or fewer replaces at most one of them, and each step is accounted for that (replace-one), so that those left out are protected as well.`;
}

/** The selection as the report lists it. */
export function selectionOf({ selection }: Plan): Dataset['selection'] {
  if (!selection) return missing('all records of the training file take part');
  const { perClass, classes, seed } = selection;
  return {
    perClass,
    classes,
    seed,
    accounting: 'each step under replace-one, for add-or-remove-one of the file',
  };
}

/** What the selection adds to what the bound rests on. */
export function selectionAssumption({ selection }: Plan): Accounting['assumptions'] {
  if (!selection) return [];
  return [
    {
      text: 'One record of the training file more or fewer replaces at most one of the records that take part.',
      holds: 'holds',
      evidence:
        "The order looks at one record at a time, and a class gives the first of it: another record of the class takes the place of one that is gone. Each step is accounted under replace-one, with twice a record's influence.",
    },
  ];
}
