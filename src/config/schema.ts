import type { FromSchema } from 'json-schema-to-ts';
import { auditSchema } from './schema-audit.ts';
import { dataSchema } from './schema-data.ts';
import { ledgerSchema } from './schema-ledger.ts';
import { auto, section } from './schema-node.ts';
import { privacySchema } from './schema-privacy.ts';
import { stagesSchema } from './schema-stages.ts';
import { trainSchema } from './schema-train.ts';

const count = { type: 'integer', minimum: 1 } as const;

/** The job file: the one source of its types, validation, messages, reference page and template. */
export const jobSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'urn:dptune:schema:job:1',
  title: 'dptune job',
  description: 'A private fine-tuning job.',
  type: 'object',
  properties: {
    model: {
      description:
        'Pretrained model: a Hugging Face directory, or org/name@revision from the hub. A directory of that name next to this file comes first.',
      type: 'string',
      minLength: 1,
      examples: ['models/bert'],
    },
    task: {
      description:
        'What to learn: one class per text, or per pair of texts (pair), any number of classes per text, a number, a tag per word (token-classification: named entities); or to write (generation): texts, or the completions of prompts.',
      enum: ['classification', 'pair', 'multi-label', 'regression', 'token-classification', 'generation'],
      default: 'classification',
    },
    stages: stagesSchema,
    data: dataSchema,
    privacy: privacySchema,
    train: trainSchema,
    evaluate: section('What is measured.', {
      metrics: auto('Metrics to report; auto is all that fit the task.', {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        minItems: 1,
        uniqueItems: true,
      }),
      slices: {
        description: 'Columns of the test file by whose values the metrics are also broken down.',
        type: 'array',
        items: { type: 'string', minLength: 1 },
        uniqueItems: true,
        default: [],
      },
      bootstrap: {
        description: 'Resamples for the 95 % intervals; 0 is none.',
        type: 'integer',
        minimum: 0,
        maximum: 100_000,
        default: 1000,
      },
      baselines: {
        description:
          'What the private model is compared with: the majority class, the frozen encoder with a trained head (generation and label words: the untrained model), the same job without privacy.',
        type: 'array',
        items: { enum: ['majority', 'frozen', 'non-private'] },
        uniqueItems: true,
        default: ['majority', 'frozen'],
      },
      retention: {
        description:
          'A public text file on which the language-model loss is measured before and after, to show forgetting.',
        type: 'string',
        minLength: 1,
        examples: ['data/public.txt'],
      },
      texts: section(
        'For task: generation with prompts. Texts written for the prompts of data.test and compared with its completions; those of one prompt are references of one text.',
        {
          prompts: {
            description: 'Most prompts, the first of the file; 0 is none.',
            type: 'integer',
            minimum: 0,
            default: 200,
          },
          maxNewTokens: { description: 'Most tokens of each text.', ...count, default: 64 },
          beams: {
            description: 'Texts followed at once; 1 takes the likeliest token each time.',
            ...count,
            default: 1,
          },
        },
      ),
      everySteps: auto('Steps between two evaluations on public validation data.', count),
    }),
    checkpoint: section('When training saves what it needs to go on after an interruption.', {
      everySteps: auto('Steps between two checkpoints.', count),
      everyMinutes: {
        description: 'Minutes between two checkpoints.',
        type: 'number',
        exclusiveMinimum: 0,
        default: 5,
      },
    }),
    performance: section('How fast it runs. Nothing here can change the guarantee.', {
      engine: {
        description: 'What computes; auto takes the fastest.',
        enum: ['auto', 'onnx', 'tfjs'],
        default: 'auto',
      },
      device: {
        description: 'Where it computes.',
        enum: ['auto', 'cpu', 'webgpu', 'cuda'],
        default: 'auto',
      },
      threads: auto('Processor threads.', count),
      microBatchTokens: auto('Tokens, padding included, that are computed at once. Bounds the memory.', {
        type: 'integer',
        minimum: 16,
      }),
      cache: {
        description: 'Keeps the activations of frozen layers under private/ instead of computing them again.',
        type: 'boolean',
        default: true,
      },
    }),
    seed: {
      description:
        'Seed of all that is not private: initial weights, dropout. Sampling and noise never take a seed.',
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 0,
    },
    audit: auditSchema,
    ledger: ledgerSchema,
  },
  required: ['model', 'data', 'privacy'],
  additionalProperties: false,
} as const;

type ValidJob = FromSchema<typeof jobSchema>;

/** A whole job as validation leaves it: every default filled in, `task: pair` written out. */
export type CompleteJob = Omit<ValidJob, 'task'> & { task: Exclude<ValidJob['task'], 'pair'> };

/** A whole job as it is used: every default filled in, short forms written out. */
export type Config = Omit<CompleteJob, 'data'> & {
  data: Omit<CompleteJob['data'], 'validation'> & { validation?: { path: string; public: boolean } };
};

/** A job as people write it. */
export type ConfigInput = FromSchema<typeof jobSchema, { keepDefaultedPropertiesOptional: true }>;

/** One entry of `train.phases`. */
export type PhaseInput =
  NonNullable<ConfigInput['train']> extends { phases?: readonly (infer P)[] } ? P : never;
