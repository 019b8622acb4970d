import { dataSchema } from './schema-data.ts';
import { trainSchema } from './schema-train.ts';

const { train, format, delimiter, header, quote, columns, labels, cleaning, maxLength } =
  dataSchema.properties;

/** `stages:` what the model learns from public data before the private job. */
export const stagesSchema = {
  description:
    'Trainings on public data, without privacy, before the private job: each starts from the model that the one before made, and the job from the last. The plan and the report name them.',
  type: 'array',
  items: {
    description: 'One stage.',
    type: 'object',
    properties: {
      name: { description: 'Name in the plan.', type: 'string', minLength: 1, examples: ['intermediate'] },
      public: {
        description: 'Declares that nobody in the data of this stage needs protection. Must be true.',
        type: 'boolean',
      },
      task: {
        description:
          "What to learn; the task of the job unless given. pretraining: more text by the model's own objective (masked tokens of encoders, next tokens of decoders), all weights; of data and train it uses text, batchSize, steps or epochs, and learningRate.",
        enum: [
          'classification',
          'multi-label',
          'regression',
          'token-classification',
          'generation',
          'pretraining',
        ],
      },
      data: {
        description: 'The public text. Paths are relative to this file.',
        type: 'object',
        properties: { train, format, delimiter, header, quote, columns, labels, cleaning, maxLength },
        required: ['train'],
        additionalProperties: false,
      },
      train: trainSchema,
    },
    required: ['name', 'public', 'data'],
    additionalProperties: false,
  },
  maxItems: 10,
  examples: [[{ name: 'intermediate', public: true, data: { train: 'data/public.csv' } }]],
} as const;
