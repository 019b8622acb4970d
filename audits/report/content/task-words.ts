import { isGiven } from '../schema-node.ts';
import type { Report } from '../schema.ts';

type Learnt = Pick<Report, 'dataset' | 'prompts'>;

const tasks: Readonly<Record<string, string>> = {
  classification: 'classifying texts',
  pair: 'classifying pairs of texts',
  'multi-label': 'finding all classes of a text',
  regression: 'predicting a number from a text',
  'token-classification': 'finding entities in texts',
};

/** What the model does: `classifying texts`. */
export function taskInWords({ dataset: { task }, prompts }: Learnt): string {
  if (task !== 'generation') return tasks[task] ?? task;
  if (!isGiven(prompts)) return 'writing texts';
  return prompts.chat ? 'answering requests in a conversation' : 'completing prompts';
}

const heads: Readonly<Record<string, string>> = {
  mean: 'the mean over the tokens of a text',
  first: 'the first token of a text',
  pooler: "the base model's pooler, over the first token of a text",
  'last-token': 'the last token of a text',
  token: 'the first token of each word',
  checkpoint: "the base model's own head",
  verbalizer: "the language model's scores of the label words",
};

/** What a model's answer is read from. */
export function headInWords(head: string): string {
  return heads[head] ?? head;
}

const sources: Readonly<Record<'declared' | 'collected' | 'none', string>> = {
  declared: 'Declared in the job.',
  collected: 'Collected from the training data, which is a look at it that no noise covers.',
  none: 'There are none.',
};

/** Where the names of the classes come from, for tasks that have any. */
export function labelsInWords(task: string, source: 'declared' | 'collected' | 'none'): string {
  if (task === 'regression') return 'Numbers, which have no names to declare or to collect.';
  return task === 'generation' ? 'None: what is learnt are the texts themselves.' : sources[source];
}

const unseen: Readonly<Record<string, string>> = {
  regression: 'always the mean',
  'multi-label': 'what most records have',
  'token-classification': 'never an entity',
};

const models: Readonly<Record<string, string>> = {
  private: 'this model',
  nonPrivate: 'this model (NOT PRIVATE)',
  frozen: 'frozen base model, trained head',
  untrained: 'before fine-tuning',
  validation: 'this model, on public validation data',
};

/** Models of the utility group as people read them; `majority` is the answer that never looks at the text. */
export function modelName(name: string, task: string): string {
  if (name === 'majority') return unseen[task] ?? 'always the commonest class';
  return models[name] ?? name;
}
