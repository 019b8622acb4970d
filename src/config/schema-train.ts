import { clippingSchema } from './schema-privacy.ts';
import { auto, section, withoutDefaults } from './schema-node.ts';

const probability = { type: 'number', minimum: 0, exclusiveMaximum: 1 } as const;
const positive = { type: 'number', exclusiveMinimum: 0 } as const;
const count = { type: 'integer', minimum: 1 } as const;

/** Settings that a phase may give for itself. */
const settings = {
  method: {
    description:
      'What is trained: lora (low-rank adapters), full (everything), bitfit (biases), head (the classifier), last (the last layers and the head).',
    enum: ['auto', 'lora', 'full', 'bitfit', 'head', 'last'],
    default: 'auto',
  },
  layers: { description: 'Number of layers trained by method: last.', ...count, examples: [2] },
  lora: section('Low-rank adapters.', {
    rank: auto('Rank of each adapter.', count),
    alpha: auto('Scale; an adapter is multiplied by alpha/rank.', positive),
    dropout: { description: 'Dropout before each adapter.', ...probability, default: 0 },
    targets: auto('Names of the linear maps that get one.', {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      uniqueItems: true,
    }),
  }),
  batchSize: auto('Expected number of units in a step (Poisson sampling: the real number varies).', count),
  epochs: auto('Expected passes over the data. Give this or steps.', positive),
  steps: auto('Number of optimizer steps. Give this or epochs.', count),
  learningRate: auto('Peak learning rate.', positive),
  schedule: section('How the learning rate moves.', {
    kind: {
      description: 'plateau follows a metric on public validation data.',
      enum: ['auto', 'constant', 'linear', 'cosine', 'plateau', 'expression'],
      default: 'auto',
    },
    warmup: auto('Share of the steps in which the rate rises from 0.', probability),
    expression: {
      description: 'For kind: expression. The factor on learningRate, in step (0, 1, ...) and steps.',
      type: 'string',
      minLength: 1,
      maxLength: 200,
      examples: ['1 - step/steps'],
    },
    factor: {
      description: 'For kind: plateau. The rate is multiplied by this.',
      type: 'number',
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.5,
    },
    patience: {
      description: 'For kind: plateau. Evaluations without progress before that.',
      ...count,
      default: 3,
    },
  }),
  optimizer: section('The update rule, applied to the noisy gradient.', {
    kind: {
      description: 'dp-adam-bc is Adam with the noise subtracted from its second moment.',
      enum: ['auto', 'sgd', 'adam', 'adamw', 'dp-adam-bc'],
      default: 'auto',
    },
    betas: {
      description: 'Decay of the two moments (all but sgd).',
      type: 'array',
      items: probability,
      minItems: 2,
      maxItems: 2,
      default: [0.9, 0.999],
    },
    epsilon: {
      description: 'Added to the root of the second moment (all but sgd).',
      ...positive,
      default: 1e-8,
    },
    weightDecay: { description: 'Weight decay.', type: 'number', minimum: 0, default: 0 },
    momentum: { description: 'Momentum (sgd only).', ...probability, default: 0.9 },
  }),
  dropout: auto('Dropout inside the model.', probability),
} as const;

const phaseSchema = withoutDefaults({
  description: 'One phase; what it does not give is taken from train.',
  type: 'object',
  properties: {
    name: {
      description: 'Name in the plan and in the progress line.',
      type: 'string',
      minLength: 1,
      examples: ['head'],
    },
    share: {
      description: 'Share of the privacy budget; the shares add up to 1. Equal shares unless given.',
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
    },
    ...settings,
    clipping: clippingSchema,
  },
  required: ['name'],
  additionalProperties: false,
} as const);

/** `train:` how the model learns. */
export const trainSchema = section(
  'How the model learns. auto: the recipe decides from the public size, budget and model.',
  {
    ...settings,
    head: {
      description:
        'What the classifier sees: the mean of the token states, the first token, the pooler; the last token (last-token: decoders); every word on its own (token: task token-classification); the head of the checkpoint; or the language model itself answers by one word a class (verbalizer).',
      enum: ['auto', 'mean', 'first', 'pooler', 'last-token', 'token', 'checkpoint', 'verbalizer'],
      default: 'auto',
    },
    verbalizer: {
      description:
        'For head: verbalizer. The text is put into a template, and the word that the language model finds likeliest in it names the class.',
      type: 'object',
      properties: {
        template: {
          description:
            'What surrounds the text: {text} and {mask} once each, {textPair} for tasks on pairs. With decoders {mask} ends it. Too long a text is cut, the template never.',
          type: 'string',
          minLength: 1,
          maxLength: 2000,
          examples: ['{text} It was {mask}.'],
        },
        words: {
          description:
            "For each class the word that stands for it: one token of the model's vocabulary. It declares the classes where data.labels does not.",
          type: 'object',
          additionalProperties: { type: 'string', minLength: 1, maxLength: 100 },
          minProperties: 2,
          examples: [{ positive: 'great', negative: 'terrible' }],
        },
      },
      required: ['template', 'words'],
      additionalProperties: false,
      examples: [{ template: '{text} It was {mask}.', words: { positive: 'great', negative: 'terrible' } }],
    },
    frozenWeights: {
      description:
        'How the linear maps that never train are held: int8 takes a quarter of their memory and rounds them. The released model is the rounded one.',
      enum: ['float32', 'int8'],
      default: 'float32',
    },
    average: {
      description: 'Decay of an exponential moving average of the weights; 0 is none. Costs no privacy.',
      ...probability,
      default: 0,
    },
    earlyStopping: {
      description:
        'Ends training when public validation data shows no progress. The whole budget counts as spent.',
      type: 'object',
      properties: {
        patience: { description: 'Evaluations without progress.', ...count, default: 3 },
        metric: {
          description: 'The metric watched; auto is the loss.',
          type: 'string',
          minLength: 1,
          default: 'auto',
        },
      },
      additionalProperties: false,
      examples: [{ patience: 3 }],
    },
    keepBest: {
      description: 'Releases the checkpoint that did best on public validation data instead of the last one.',
      type: 'boolean',
      default: false,
    },
    phases: {
      description:
        'Phases trained one after the other, each charged. Without any, the recipe or the settings above make one.',
      type: 'array',
      items: phaseSchema,
      minItems: 1,
      maxItems: 50,
      examples: [
        [
          { name: 'head', method: 'head', share: 0.5 },
          { name: 'adapters', method: 'lora', share: 0.5 },
        ],
      ],
    },
  },
);
