import { auto, section } from './schema-node.ts';

const fraction = { type: 'number', minimum: 0, exclusiveMaximum: 1 } as const;
const column = { type: 'string', minLength: 1 } as const;

/** `data:` where the text comes from and how it is read. */
export const dataSchema = {
  description: 'The text to learn from. Paths are relative to this file.',
  type: 'object',
  properties: {
    train: {
      description: 'Training file: CSV, TSV, JSON lines or Parquet, also gzipped. Private.',
      type: 'string',
      minLength: 1,
      examples: ['data/train.csv'],
    },
    test: {
      description: 'File for the final evaluation. Never used for a decision during training.',
      type: 'string',
      minLength: 1,
      examples: ['data/test.csv'],
    },
    validation: {
      description:
        'File that guides early stopping, best checkpoint and plateau. These need {path, public: true}: a decision taken on private data would leak it.',
      anyOf: [
        { type: 'string', minLength: 1 },
        {
          type: 'object',
          properties: {
            path: { description: 'The file.', type: 'string', minLength: 1 },
            public: { description: 'Declares that nobody in this file needs protection.', type: 'boolean' },
          },
          required: ['path'],
          additionalProperties: false,
        },
      ],
      examples: [{ path: 'data/validation.csv', public: true }],
    },
    split: section('Cuts test and validation data out of the training file at random, by privacy unit.', {
      test: { description: 'Share of units for the test set.', ...fraction, default: 0 },
      validation: {
        description:
          'Share of units for validation: private data, so reported only, never used for a decision.',
        ...fraction,
        default: 0,
      },
      seed: { description: 'Seed of the split. Public.', type: 'integer', minimum: 0, default: 0 },
      column: {
        description: 'Column of the training file that says train or test, in place of a random split.',
        ...column,
        examples: ['split'],
      },
    }),
    parallel: {
      description:
        'For plain text files: columns that stand in text files of their own, line k of them belonging to line k of the text.',
      type: 'array',
      items: {
        description: 'One column.',
        type: 'object',
        properties: {
          column: { description: 'Name of the column, as columns has it.', ...column, examples: ['label'] },
          train: { description: 'The file beside data.train.', type: 'string', minLength: 1 },
          test: { description: 'The file beside data.test.', type: 'string', minLength: 1 },
          validation: { description: 'The file beside data.validation.', type: 'string', minLength: 1 },
        },
        required: ['column', 'train'],
        additionalProperties: false,
      },
      minItems: 1,
      maxItems: 20,
      examples: [[{ column: 'label', train: 'train-labels.txt' }]],
    },
    format: {
      description:
        'File format; auto goes by the file name. text: one text on each line. conll: one word on each line, its tag last, a blank line after each sentence.',
      enum: ['auto', 'csv', 'tsv', 'jsonl', 'parquet', 'text', 'conll'],
      default: 'auto',
    },
    delimiter: auto('Field separator of CSV files.', { type: 'string', minLength: 1, maxLength: 1 }),
    header: {
      description:
        'Whether the first line of CSV files names the columns; without it they are called 1, 2, ...',
      type: 'boolean',
      default: true,
    },
    quote: {
      description: "Whether '\"' encloses fields of CSV files; without it, it is an ordinary character.",
      type: 'boolean',
      default: true,
    },
    columns: section('Which column holds what.', {
      text: { description: 'The text.', ...column, default: 'text' },
      textPair: { description: 'A second text, for tasks on pairs.', ...column, examples: ['question'] },
      label: {
        description: 'The class, the list of classes, or the number to predict.',
        ...column,
        default: 'label',
      },
      tokens: {
        description:
          'For task: token-classification. The words of a sentence: a list, or a text with spaces between them.',
        ...column,
        default: 'tokens',
      },
      tags: {
        description:
          'For task: token-classification. The tag of each word (BIO or BIOES): a list, or a text with spaces between them.',
        ...column,
        default: 'tags',
      },
      prompt: {
        description: 'For task: generation. What is given. Together with completion, in place of text.',
        ...column,
        examples: ['concepts'],
      },
      completion: {
        description: 'For task: generation. What is to be written after the prompt; it alone is learnt.',
        ...column,
        examples: ['sentence'],
      },
      unit: {
        description: 'Who a record belongs to. Needed for privacy.unit: user.',
        ...column,
        examples: ['author'],
      },
    }),
    labels: auto(
      'The classes as they stand in the label column, or names for the numbers 0, 1, ... there. auto collects them from the training file, which is a look at private data and is reported as one.',
      { type: 'array', items: { type: 'string' }, minItems: 2, uniqueItems: true },
    ),
    separator: {
      description:
        'For task: generation with prompt and completion. Text that ends every prompt. Prompts for the trained model must end in it, too.',
      type: 'string',
      maxLength: 1000,
      default: '\n',
    },
    chat: {
      description:
        "For task: generation with prompt and completion. Writes them as a user's and the assistant's turn by the model's chat template; separator then has no effect.",
      type: 'boolean',
      default: false,
    },
    fewShot: {
      description:
        'Records of each class that take part: the first by a public order (data.split.seed), so many of each class that data.labels or label words name. Adding or removing one record of the file then replaces one of them, which needs twice the noise. For tasks classification and pair.',
      type: 'integer',
      minimum: 1,
      examples: [64],
    },
    cleaning: {
      description:
        'Steps applied to every text, in this order: unicode (NFC), html (tags and entities), whitespace, lower, lemmatize (English), dedupe (exact duplicates).',
      type: 'array',
      items: { enum: ['unicode', 'html', 'whitespace', 'lower', 'lemmatize', 'dedupe'] },
      uniqueItems: true,
      default: [],
    },
    maxLength: auto('Longest text in tokens; the rest is cut off.', { type: 'integer', minimum: 4 }),
  },
  required: ['train'],
  additionalProperties: false,
} as const;
