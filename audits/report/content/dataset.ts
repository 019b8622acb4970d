import type { Evidence } from '../evidence.ts';
import type { BaseModel, Dataset } from '../schema-evidence.ts';
import { missing } from '../schema-node.ts';
import { selectionOf } from './selection.ts';
import { labelsInWords } from './task-words.ts';

const test: Readonly<Record<Evidence['job']['test'], string>> = {
  file: 'A file of its own, never used for a decision.',
  split: 'Units split off from the training file, never used for a decision.',
  none: 'Nothing: no test data was given.',
};
const validation: Readonly<Record<Evidence['job']['validation'], string>> = {
  'public file': 'A file that its owner declares public. It may have guided training.',
  'private file': 'A private file. It guided nothing; its figures stay in private/.',
  split: 'Units split off from the training file. They guided nothing; their figures stay in private/.',
  none: 'Nothing.',
};

export function datasetOf({ plan, job }: Evidence): Dataset {
  return {
    publicSize: plan.privacy.publicSize,
    sizeSource: plan.sizeSource,
    selection: selectionOf(plan.privacy),
    task: plan.task,
    labels: labelsInWords(plan.task, job.labels),
    cleaning: job.cleaning,
    evaluationData: test[job.test],
    validationData: validation[job.validation],
  };
}

export function baseModelOf({ plan, rounding }: Evidence): BaseModel {
  return {
    reference: plan.model.reference,
    files: plan.model.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    pretraining:
      (plan.stages
        ? `${stagesInWords(plan.stages)}What came before that`
        : 'What it learnt from before this training') +
      ' is not known to this program. If texts of the same people were in the data that the base model was pretrained on, this guarantee does not cover that.',
    frozenWeights: plan.frozenWeights ? rounding : missing('all weights are held in float32'),
  };
}

/** What the model went through before the private training, as far as this program did it. */
function stagesInWords(stages: NonNullable<Evidence['plan']['stages']>): string {
  const named = stages.map(
    ({ name, task, from, data }) =>
      `${name} (${task}, from ${from.reference} with SHA-256 ${from.digest}, training file with SHA-256 ${data})`,
  );
  return `Before the private training it learnt, without privacy, from data that its owner declares public: ${named.join(', then ')}. `;
}
