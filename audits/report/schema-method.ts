import {
  choice,
  digest,
  flag,
  group,
  list,
  number,
  orMissing,
  text,
  whole,
  type TypeOf,
} from './schema-node.ts';

const positive = { exclusiveMinimum: 0 };

export const mechanismSchema = group('How the model was trained: every number that the guarantee rests on.', {
  name: text('Algorithm.'),
  version: text('Version of sampler, noise, rounding and clipping rules.'),
  planHash: digest('SHA-256 of the privacy plan.'),
  sampler: text('How units are chosen for a step.'),
  noise: text('Distribution of the noise and how it is added.'),
  normalisation: text('What a noisy sum is divided by.'),
  randomness: group('Where sampling and noise come from.', {
    source: text('Generator.'),
    secure: flag('Whether it is a cryptographic generator seeded by the operating system.'),
  }),
  phases: list(
    'Phases, one after the other.',
    group('One phase.', {
      name: text('Name.'),
      method: text('What is trained.'),
      samplingRate: number(
        'Probability q with which a unit takes part in a step; where there are bands, in a step that is its turn.',
        positive,
      ),
      bands: whole(
        'Steps whose noise is correlated, and of which a unit has one turn; 1 for independent noise.',
      ),
      expectedBatch: number('Units in a step on average.', positive),
      divisor: number('What the noisy sum is divided by: public, never the realised batch.', positive),
      steps: whole('Steps T of the plan.'),
      stepsCharged: orMissing(whole('Steps that were charged.')),
      clippingKind: choice('Rule that bounds a unit.', ['flat', 'per-layer', 'automatic']),
      clippingNorm: number('Clipping norm C: L2 norm that no unit exceeds.', positive),
      clippingGamma: orMissing(number('Stability constant of automatic clipping.', positive)),
      clipThreshold: number('Norm clipped to, with room for float32 rounding.', positive),
      noiseMultiplier: orMissing(number('sigma: standard deviation of the noise over C.', positive)),
      noiseStandardDeviation: orMissing(number('sigma C, on each coordinate of the sum.', positive)),
      latticeSpacing: orMissing(number('The noisy sum is rounded to multiples of this.', positive)),
      optimizer: text('Update rule, applied to the noisy gradient.'),
      learningRate: number('Peak learning rate.', positive),
    }),
  ),
  precision: text('Arithmetic.'),
  microBatches: text('What micro-batches change.'),
});

export const accountingSchema = group('How epsilon was computed.', {
  method: text('Accountant.'),
  version: text('Its version.'),
  direction: text("The worse of the neighbouring relation's directions."),
  digest: digest('Ties the answer to the question.'),
  crossCheck: orMissing(
    group('A second accountant on different mathematics.', {
      method: text('Accountant.'),
      epsilon: number('Its bound at the same delta; at least the claimed one.', positive),
    }),
  ),
  curve: orMissing(
    list(
      'Epsilon spent by step.',
      group('One point.', {
        step: whole('Steps taken, over all phases.'),
        epsilon: number('Epsilon at the same delta.', { minimum: 0 }),
      }),
    ),
  ),
  assumptions: list(
    'What the bound rests on.',
    group('One assumption.', {
      text: text('The assumption.'),
      holds: choice('Whether it holds.', ['holds', 'does not hold', 'not shown']),
      evidence: text('What that is known from.'),
    }),
  ),
});

export const jobSchema = group(
  'What this report takes from the job beside its plan; none of it depends on the private data.',
  {
    nonPrivate: flag('Trained without clipping and noise.'),
    seeded: flag('Sampling and noise came from a seed.'),
    labels: choice('Where the names of the classes come from; none where the task has none.', [
      'declared',
      'collected',
      'none',
    ]),
    cleaning: list('Steps applied to every text.', text('One step.')),
    test: choice('What the model was evaluated on.', ['file', 'split', 'none']),
    validation: choice('What may have guided training.', ['public file', 'private file', 'split', 'none']),
    nonPrivateTwin: flag('Whether a twin without privacy was trained for comparison.'),
  },
);

export type Job = TypeOf<typeof jobSchema>;
export type Mechanism = TypeOf<typeof mechanismSchema>;
export type Accounting = TypeOf<typeof accountingSchema>;
