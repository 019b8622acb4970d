import {
  choice,
  flag,
  group,
  list,
  number,
  orMissing,
  probability,
  text,
  whole,
  type TypeOf,
} from './schema-node.ts';

const positive = { exclusiveMinimum: 0 };
const notNegative = { minimum: 0 };

/** What is claimed, and all the original parameters, so that others can convert them (NIST SP 800-226). */
export const claimSchema = group('The guarantee. Every figure is a certified upper bound.', {
  variant: choice('Kind of differential privacy.', ['approximate']),
  epsilon: number('Epsilon of the whole plan at delta.', positive),
  delta: number('Probability with which the guarantee may fail.', positive),
  relation: choice('What neighbouring data sets differ in.', [
    'add-or-remove-one',
    'replace-one',
    'zero-out',
  ]),
  unit: text('Who or what is protected, in words.'),
  statement: text('The guarantee as one sentence, with its numbers rounded up.'),
  gaussian: orMissing(
    group(
      'Gaussian differential privacy: one number for the whole curve (arXiv:1905.02383, arXiv:2503.10945).',
      {
        mu: number('The mechanism is mu-GDP wherever delta is at least floor.', positive),
        regret: number('How far the trade-off curve of mu falls below the true one at most.', notNegative),
        floor: number('Deltas below this one are not looked at.', positive),
      },
    ),
  ),
  profile: orMissing(
    list(
      'Points of the privacy profile: epsilon at other deltas.',
      group('One point.', {
        delta: number('Delta.', positive),
        epsilon: number('Epsilon at it.', notNegative),
      }),
    ),
  ),
  withoutAmplification: orMissing(
    group('What would be left if an attacker could see which steps a unit took part in.', {
      epsilon: number('Epsilon at the same delta.', positive),
      participations: whole(
        'Steps that a unit takes part in, as this figure assumes: ceil(q T), summed over phases.',
      ),
    }),
  ),
});

/** What the guarantee means for an attacker who has the model, knows all other data and may compute without limit. */
export const meaningSchema = group(
  'The guarantee in plain words, from the exact trade-off curve where it is known.',
  {
    attacker: list(
      'The best that any attacker can do who decides whether a given unit took part.',
      group('At one rate of false alarms.', {
        falsePositiveRate: probability('Share of outsiders that the attacker takes for participants.'),
        truePositiveRate: probability('Share of participants found, at most.'),
        posteriorFromHalf: probability('Probability that an alarm is right, at most, if 50 % took part.'),
        posteriorFromHundredth: probability('Probability that an alarm is right, at most, if 1 % took part.'),
      }),
    ),
    advantage: probability('True minus false positive rate, at most, over all attackers.'),
    accuracyFromHalf: probability('Right guesses about presence, at most, from even odds.'),
    tradeOff: list(
      'The trade-off curve: least false negative rate at each false positive rate.',
      group('One point.', {
        falsePositiveRate: probability('False positive rate.'),
        falseNegativeRate: probability('False negative rate of every attacker, at least.'),
      }),
    ),
    source: text('What the figures were computed from.'),
    means: list('What the guarantee means.', text('One sentence.')),
    doesNotMean: list('What it does not mean.', text('One sentence.')),
  },
);

export const unitSchema = group('Who is protected.', {
  kind: choice('The privacy unit.', ['record', 'user']),
  maxRecords: orMissing(whole('Records of one user that take part, at most; chosen once.')),
  definition: text('What one unit is.'),
  relation: text('What neighbouring data sets differ in, in words.'),
  truncation: text('What is cut off a unit before training.'),
  maxTokens: whole('Tokens of a record that are read, at most.'),
  whoElse: orMissing(
    text('Other people who appear in a unit and are not protected by it, as its owner states.'),
  ),
  userLevel: orMissing(number('Epsilon at the same delta for a whole user.', positive)),
  groups: list(
    'What several units together are protected by: people who hold several units, or families.',
    group('One group size.', {
      size: whole('Units in the group.'),
      epsilon: orMissing(number('Epsilon at the same delta.', positive)),
    }),
  ),
});

export const scopeSchema = group('What the guarantee covers, and what it does not.', {
  setting: choice('Who is trusted with the raw data.', ['central']),
  accessesCovered: text('Accesses to private data that the guarantee covers.'),
  tuningCovered: flag('Whether choosing the settings was paid for out of the same claim.'),
  tuning: text('How the settings were chosen, as far as known.'),
  output: text('What may be released under the guarantee.'),
  reads: list(
    'Reads of private data beside the noisy sums.',
    group('One read.', {
      name: text('Name in the plan.'),
      purpose: text('What for.'),
      disposition: choice('Charged, or kept in private/.', ['charged', 'private']),
    }),
  ),
  unprotected: list(
    'Quantities that are made public without protection.',
    group('One quantity.', { quantity: text('What.'), why: text('Why it is not protected.') }),
  ),
  otherReleases: orMissing(list('Other releases about the same people, as the owner states.', text('One.'))),
});

export type Claim = TypeOf<typeof claimSchema>;
export type Meaning = TypeOf<typeof meaningSchema>;
export type Unit = TypeOf<typeof unitSchema>;
export type Scope = TypeOf<typeof scopeSchema>;
