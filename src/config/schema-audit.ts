import { auto, section } from './schema-node.ts';

/** `audit:` canaries that are trained on by fair coins, to measure afterwards what the model tells about them. */
export const auditSchema = section(
  'An audit during the job: made-up canaries join the training data, each by a fair coin, and afterwards it is guessed from the model which did. No unit of yours is touched; the canaries cost some accuracy.',
  {
    canaries: {
      description: 'How many. 0 is no audit. A thousand can certify an epsilon of 5.8, a hundred one of 3.5.',
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      default: 0,
    },
    design: {
      description:
        'What they are. random-token: random words with a random answer. new-token: the same of words that the vocabulary reserves and no text has. mislabelled: texts of audit.source with a wrong label. auto: mislabelled where a source is given, else random-token.',
      enum: ['auto', 'random-token', 'new-token', 'mislabelled'],
      default: 'auto',
    },
    source: {
      description:
        'PUBLIC labelled file, with the columns of the training data, that mislabelled canaries are taken from. Never private data: a copied record would be protected less than the others.',
      type: 'string',
      minLength: 1,
      examples: ['data/public.csv'],
    },
    guesses: auto(
      'How many of the canaries are guessed, those with the most extreme scores; fixed before training. auto: as many as promise the best bound if the claim were false by a factor of 2.',
      { type: 'integer', minimum: 1 },
    ),
    confidence: {
      description: 'Probability with which a bound that the audit prints is true, at least.',
      type: 'number',
      exclusiveMinimum: 0.5,
      exclusiveMaximum: 1,
      default: 0.95,
    },
  },
);
