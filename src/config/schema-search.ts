import type { FromSchema } from 'json-schema-to-ts';
import { auto } from './schema-node.ts';

/** The search file: which settings of a job are tried, and what pays for looking at their results. */
export const searchSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'urn:dptune:schema:search:1',
  title: 'dptune search',
  description: 'A search for the settings of a private fine-tuning job.',
  type: 'object',
  properties: {
    job: {
      description: 'Job file, relative to this one. Its privacy section is the guarantee of one trial.',
      type: 'string',
      minLength: 1,
      examples: ['job.yaml'],
    },
    method: {
      description:
        'What pays for the choice. private-selection: a random number of trials of random settings, of which the best alone is released (Papernot and Steinke). charged: every setting once, all charged. public: every setting on public data, which costs nothing; the job is then trained once with the best.',
      enum: ['private-selection', 'charged', 'public'],
    },
    settings: {
      description:
        'Settings of the job by their dotted keys, each with the values to try; all combinations are candidates.',
      type: 'object',
      additionalProperties: { type: 'array', minItems: 1 },
      minProperties: 1,
      examples: [{ 'train.learningRate': [0.001, 0.003] }],
    },
    metric: auto(
      'Figure on public validation data by which trials are compared; auto is accuracy, or what fits the task.',
      { type: 'string', minLength: 1 },
    ),
    epsilon: {
      description:
        'Budget of the whole search, the released model included, at the delta of the job. The budget of one trial follows from it; without it, that is the epsilon of the job, and the whole costs more.',
      type: 'number',
      exclusiveMinimum: 0,
      examples: [8],
    },
    trials: auto(
      'For private-selection: the expected number of trials, which is public; the real number is random and secret. auto is the number of candidates.',
      { type: 'number', minimum: 1, maximum: 10_000 },
    ),
    distribution: auto(
      'For private-selection: how the number of trials is drawn; auto takes what costs least. poisson may draw 0, and then nothing is released.',
      { enum: ['poisson', 'logarithmic', 'geometric'] },
    ),
    publicData: {
      description: 'For public: a training file that nobody needs protection in.',
      type: 'string',
      minLength: 1,
      examples: ['data/public.csv'],
    },
  },
  required: ['job', 'method', 'settings'],
  additionalProperties: false,
} as const;

/** A search file as validation leaves it. */
export type SearchInput = FromSchema<typeof searchSchema>;
