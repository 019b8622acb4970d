import { auto, section } from './schema-node.ts';

/** How the influence of one unit on one step is bounded. */
export const clippingSchema = section('How the influence of one unit on one step is bounded.', {
  kind: {
    description:
      'flat bounds the whole gradient by one norm, per-layer each layer by its own, automatic scales every gradient to about the norm (AUTO-S).',
    enum: ['auto', 'flat', 'per-layer', 'automatic'],
    default: 'auto',
  },
  norm: auto('Largest L2 norm of the gradient of one unit.', { type: 'number', exclusiveMinimum: 0 }),
  gamma: {
    description: 'Stability constant of automatic clipping.',
    type: 'number',
    exclusiveMinimum: 0,
    default: 0.01,
  },
});

/** `privacy:` the guarantee. Everything here is public. */
export const privacySchema = {
  description:
    'The guarantee. Give epsilon (the noise is calibrated to it) or noiseMultiplier (epsilon is reported), not both.',
  type: 'object',
  properties: {
    epsilon: {
      description: 'Privacy budget of the whole job; smaller is more private.',
      type: 'number',
      exclusiveMinimum: 0,
      examples: [8],
    },
    delta: {
      description:
        'Probability with which the guarantee may fail; must be below 1/units. A number, or an expression in n (the number of units), such as 1/n^1.1. auto: the smaller of 1e-5 and 1/n^1.1.',
      anyOf: [
        { const: 'auto' },
        { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
        { type: 'string', minLength: 1, maxLength: 200 },
      ],
      default: 'auto',
    },
    noiseMultiplier: {
      description: 'Standard deviation of the noise over the sensitivity of a step, in place of epsilon.',
      type: 'number',
      exclusiveMinimum: 0,
      examples: [1.1],
    },
    unit: {
      description: 'Who is protected: one record, or a user with all of their records (data.columns.unit).',
      enum: ['record', 'user'],
      default: 'record',
    },
    maxRecordsPerUser: auto(
      'Records kept of each user, chosen once; public. For unit: user. auto: as many as a typical user has (typicalRecordsPerUser), at most 16; 8 where nothing is said about that.',
      { type: 'integer', minimum: 1 },
    ),
    typicalRecordsPerUser: {
      description:
        'Median number of records of a user, as far as everyone may know it, such as from a public data set of the kind. Never counted in the private data.',
      type: 'integer',
      minimum: 1,
      examples: [5],
    },
    relation: {
      description:
        'What neighbouring data sets differ in. replace-one doubles the sensitivity of add-or-remove-one; epsilons of different relations cannot be compared.',
      enum: ['add-or-remove-one', 'replace-one', 'zero-out'],
      default: 'add-or-remove-one',
    },
    publicSize: auto(
      'Number of units that may be known to everyone; sampling rate and divisor follow from it. auto takes the number found in the training data, and the report says that it is treated as public.',
      { type: 'integer', minimum: 1 },
    ),
    clipping: clippingSchema,
    mechanism: section('How the noise of a step relates to that of the steps before.', {
      kind: {
        description:
          'gaussian is independent noise and Poisson sampling; banded-matrix is noise that takes back part of the noise of earlier steps (DP-FTRL by banded matrix factorisation); units have turns and are sampled by Poisson in theirs. It pays with few epochs or a large epsilon.',
        enum: ['gaussian', 'banded-matrix'],
        default: 'gaussian',
      },
      bands: auto(
        'For kind: banded-matrix. Steps whose noise is correlated, and between two turns of a unit; auto takes what leaves the least error at the budget.',
        { type: 'integer', minimum: 2, maximum: 1024 },
      ),
    }),
  },
  additionalProperties: false,
} as const;
