import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { Config } from '../config/index.ts';
import { evaluateLanguageModel, openClassifier, openRunConfig, summaryRow } from '../train/index.ts';
import { outputFor, type CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly run: string;
  readonly data: string;
}

/** Measures the model of a run on a labelled file. */
export const evaluate: CommandModule<CommonArguments, Arguments> = {
  command: 'evaluate <run>',
  describe: 'Measure the model of a run on a labelled file',
  builder: (parser) =>
    parser
      .positional('run', { type: 'string', demandOption: true, describe: 'Run directory' })
      .option('data', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: "Labelled file, with the columns of the run's job",
      })
      .example('$0 evaluate run --data test.csv', 'figures with 95 % intervals'),
  handler: async (args) => {
    const output = outputFor(args);
    const config = await openRunConfig(args.run);
    const metrics = await metricsOf(config, join(args.run, 'release', 'model'), args.data);
    const row = summaryRow(args.data, metrics);
    if (row) output.table([row]);
    output.event({ event: 'done', metrics });
  },
};

async function metricsOf(
  config: Config,
  model: string,
  data: string,
): Promise<Readonly<Record<string, unknown>>> {
  if (config.task === 'generation') return evaluateLanguageModel(config, model, data);
  const classifier = await openClassifier(model);
  try {
    return await classifier.evaluate(config, data);
  } finally {
    await classifier.close();
  }
}
