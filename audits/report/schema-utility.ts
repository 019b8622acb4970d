import { byName, choice, group, list, number, orMissing, text, whole, type TypeOf } from './schema-node.ts';

const figure = group('One figure.', {
  metric: text('Metric.'),
  value: orMissing(number('Value.')),
  interval: orMissing(
    group('95 % bootstrap interval.', { lower: number('Lower end.'), upper: number('Upper end.') }),
  ),
});

const measured = {
  records: whole('Records that it was measured on.'),
  figures: list('Figures.', figure),
};

export const utilitySchema = group('How well the model does what it is for. Measured without noise.', {
  primary: orMissing(text('Metric shown first.')),
  models: list(
    'The released model and what it is compared with.',
    group('One model.', {
      name: text('Name.'),
      role: choice('Part that it plays.', ['released', 'baseline', 'validation']),
      ...measured,
      slices: byName(
        'Figures by the values of a column.',
        list('Values.', group('One value.', { name: text('Value.'), ...measured })),
      ),
    }),
  ),
  nonPrivate: orMissing(text('Where the figures of the non-private twin are.')),
  retention: orMissing(
    group('Language-model loss on public text, nats a token.', {
      before: number('Of the base model.'),
      after: number('Of the fine-tuned model.'),
    }),
  ),
  caveat: text('What the figures are not covered by.'),
});

export type Utility = TypeOf<typeof utilitySchema>;
