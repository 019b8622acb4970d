import type { CommandModule } from 'yargs';
import { outputFor, type CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly topic: Topic;
}

type Topic = 'epsilon';

const texts: Readonly<Record<Topic, readonly string[]>> = {
  epsilon: [
    'Epsilon, in plain words',
    '',
    'Imagine two trainings: one on all your records, one on the same records without one person. Differential',
    'privacy limits how differently the two may turn out. Epsilon is that limit: whatever somebody does with the',
    'published model, no result may be more than e^epsilon times as likely in one training as in the other.',
    'Delta is the probability with which that may fail; it should be far below 1 / number of people.',
    '',
    'What it means for an attacker who wonders whether a given person is in the data, and starts from even odds:',
    '',
    '  epsilon 0.1   is right at most  52.5 % of the time: hardly better than a coin',
    '  epsilon 1     is right at most  73.2 %',
    '  epsilon 2     is right at most  88.1 %',
    '  epsilon 3     is right at most  95.3 %',
    '  epsilon 8     is right at most  99.97 %: little protection against the worst attacker',
    '',
    'These are the worst case over all attackers, all people and all data. Real attacks do much worse, and',
    '`dptune account --attack` shows a tighter figure for your settings.',
    '',
    'What makes epsilon smaller (better): more noise, fewer steps, smaller batches relative to the data, more people.',
    'Epsilons add up: two models from the same people together tell more than either alone. That is why a',
    'budget belongs to a group of people, not to one training.',
    '',
    'What it protects is one unit: one record, or all the records of one user, whichever the job names. What it does',
    'not hide are facts about the group as a whole, which is what the model is supposed to learn.',
    '',
    'How the number is made: `dptune account` composes the privacy loss of every step exactly, on a grid, with all',
    'rounding on the safe side, and prints an upper bound that is never below the true epsilon.',
  ],
};

/** Explains terms in plain words. */
export const explain: CommandModule<CommonArguments, Arguments> = {
  command: 'explain <topic>',
  describe: 'Explain a term in plain words',
  builder: (parser) =>
    parser
      .positional('topic', {
        choices: Object.keys(texts) as Topic[],
        demandOption: true,
        describe: 'What to explain',
      })
      .example('$0 explain epsilon', 'what epsilon means'),
  handler: (args) => {
    const output = outputFor(args);
    const lines = texts[args.topic];
    for (const line of lines) output.line(line);
    output.event({ event: 'explanation', topic: args.topic, text: lines.join('\n') });
  },
};
