import type { CommandModule } from 'yargs';
import { configurationPage, jobSchema } from '../config/index.ts';
import type { CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly format: 'json' | 'markdown';
}

/** Prints what a job file may hold, for editors (JSON Schema) or for people. */
export const schema: CommandModule<CommonArguments, Arguments> = {
  command: 'schema',
  describe: 'Print the JSON Schema of job files, or their reference page',
  builder: (parser) =>
    parser
      .option('format', {
        choices: ['json', 'markdown'] as const,
        default: 'json' as const,
        describe: 'Form of the output',
      })
      .example('$0 schema > job.schema.json', 'for editors'),
  handler: ({ format }) => {
    process.stdout.write(format === 'json' ? `${JSON.stringify(jobSchema, null, 2)}\n` : configurationPage());
  },
};
