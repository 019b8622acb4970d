import { isGiven } from '../schema-node.ts';
import type { Report } from '../schema.ts';

/** What the report does not show, in plain sentences. */
export function limitsOf({
  status,
  audit,
  implementationTests,
  ledger,
  approvals,
  dataset,
}: Omit<Report, 'hazards' | 'limits'>): string[] {
  return [
    ...(status.private
      ? []
      : ['This run is NOT PRIVATE: nothing in this report is a guarantee about the people in its data.']),
    'Figures and verdicts are evidence for a judgement that people make; the report itself judges no law and no standard.',
    isGiven(audit)
      ? 'An audit can find a violation of the guarantee, never prove that there is none.'
      : 'No audit of this run was made: nothing was tried that could have found a violation after training.',
    ...(isGiven(implementationTests)
      ? []
      : ["The mechanism was not tested on this job's own model and data before it trained."]),
    isGiven(ledger)
      ? 'The ledger counts what was charged to its scope. Releases about the same people that were never charged are not in it.'
      : 'Nobody counted: the job was charged to no ledger, so what was spent on the same people before or after is not known.',
    ...(isGiven(approvals) ? [] : ['Nobody signed the plan before it ran.']),
    ...(dataset.sizeSource === 'counted'
      ? ['The number of units was taken from the private data and is published as if it were public.']
      : []),
    ...(dataset.task === 'generation'
      ? [
          'Texts that the model writes were not checked: they may be wrong, and they may name people whom many records, or the texts of its pretraining, have in common.',
        ]
      : []),
    'What only the owner of the data can know stands under statements; it was not checked.',
    'The digests of the training data are not published, because a digest can confirm a guess of a record.',
  ];
}
