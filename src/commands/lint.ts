import type { CommandModule } from 'yargs';
import { ConfigError } from '../../privacy/errors.ts';
import { loadJob, overrideOption } from '../config/index.ts';
import { jobHazards } from '../report/index.ts';
import { inspectData } from '../train/index.ts';
import { outputFor, type CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly job: string;
  readonly strict: boolean;
  readonly 'show-private': boolean;
  readonly set: readonly string[];
}

/** Says before any training what a report would have to say against a job. */
export const lint: CommandModule<CommonArguments, Arguments> = {
  command: 'lint <job>',
  describe: 'Point at what may weaken the report of a job, before any training',
  builder: (parser) =>
    parser
      .positional('job', { type: 'string', demandOption: true, describe: 'Job file' })
      .option('strict', { type: 'boolean', default: false, describe: 'Exit with 3 where there is a hazard' })
      .option('show-private', {
        type: 'boolean',
        default: false,
        describe: 'Also read the training data and point at repeated texts and the like; for its owner alone',
      })
      .option('set', overrideOption)
      .example('$0 lint job.yaml --strict', 'in a pipeline that must not train a careless job'),
  handler: async (args) => {
    const output = outputFor(args);
    const { config } = await loadJob(args.job, args.set);
    const found = jobHazards(config);
    for (const { kind, setting, text, hazard } of found)
      output.line(`${kind} (${hazard}) ${setting}: ${text}`);
    if (found.length === 0) output.line('Nothing to point at in the job.');
    const remarks = args['show-private'] ? await inspectData(config) : [];
    for (const remark of remarks) output.line(`data (private): ${remark}`);
    output.event({ event: 'lint', found, ...(args['show-private'] && { private: remarks }) });
    const hazards = found.filter(({ kind }) => kind === 'hazard');
    if (args.strict && hazards.length > 0) {
      throw new ConfigError(
        `${args.job}: ${hazards.length} hazards, and --strict allows none: ${hazards.map(({ setting }) => setting).join(', ')}. Change them, or leave --strict out.`,
      );
    }
  },
};
