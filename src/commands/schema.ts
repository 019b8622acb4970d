import type { CommandModule } from 'yargs';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { configurationPage, jobSchema, searchSchema } from '../config/index.ts';
import type { CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly of: 'job' | 'search';
  readonly format: 'json' | 'markdown';
}

/** Prints what a job file may hold, for editors (JSON Schema) or for people. */
export const schema: CommandModule<CommonArguments, Arguments> = {
  command: 'schema [of]',
  describe: 'Print the JSON Schema of job or search files, or the reference page of jobs',
  builder: (parser) =>
    parser
      .positional('of', {
        choices: ['job', 'search'] as const,
        default: 'job' as const,
        describe: 'Which file',
      })
      .option('format', {
        choices: ['json', 'markdown'] as const,
        default: 'json' as const,
        describe: 'Form of the output',
      })
      .example('$0 schema > job.schema.json', 'for editors'),
  handler: ({ of, format }) => {
    if (of === 'search' && format === 'markdown') {
      throw new InvalidParameterError(
        'format=markdown: there is such a page of job files only. Leave it out.',
      );
    }
    const found = of === 'job' ? jobSchema : searchSchema;
    process.stdout.write(format === 'json' ? `${JSON.stringify(found, null, 2)}\n` : configurationPage());
  },
};
