import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { jobTemplate, type TemplateValues } from '../config/index.ts';
import { writeAtomic } from '../formats/index.ts';
import { guessColumns } from './init-columns.ts';
import { outputFor, type CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly out: string;
  readonly force: boolean;
  readonly data: string | undefined;
  readonly model: string | undefined;
}

/** Writes a job file with every setting in it, to be edited. */
export const init: CommandModule<CommonArguments, Arguments> = {
  command: 'init',
  describe: 'Write a commented job file',
  builder: (parser) =>
    parser
      .option('out', { type: 'string', default: 'job.yaml', requiresArg: true, describe: 'File to write' })
      .option('data', {
        type: 'string',
        requiresArg: true,
        describe: 'Training file; its header tells the columns',
      })
      .option('model', {
        type: 'string',
        requiresArg: true,
        describe: 'Model directory, or org/name@revision',
      })
      .option('force', { type: 'boolean', default: false, describe: 'Overwrite the file' })
      .example('$0 init --data reviews.csv --model models/bert', 'a job for that file'),
  handler: async (args) => {
    const output = outputFor(args);
    if (!args.force && (await exists(args.out))) {
      throw new InvalidParameterError(
        `out=${args.out}: exists; choose another file, or overwrite it with --force`,
      );
    }
    const values = { ...(await modelValues(args)), ...(await dataValues(args, output.note)) };
    await writeAtomic(args.out, [jobTemplate(values)]);
    output.table(Object.entries(values).map(([setting, value]) => ({ setting, value: String(value) })));
    output.line(`Wrote ${args.out}. Next: look through it, then dptune plan ${args.out}`);
    output.event({ event: 'done', file: resolve(args.out), settings: values });
  },
};

/** A directory is given relative to the job file, a name on the hub as it is. */
async function modelValues({ model, out }: Arguments): Promise<TemplateValues> {
  if (model === undefined) return {};
  return { model: (await exists(model)) ? fromJob(model, out) : model };
}

async function dataValues({ data, out }: Arguments, note: (text: string) => void): Promise<TemplateValues> {
  if (data === undefined) return {};
  const { columns, roles: found } = await guessColumns(data);
  const { tokens, tags, ...texts } = found;
  const isTagged = tokens !== undefined && tags !== undefined;
  const roles: typeof found = isTagged ? { tokens, tags, ...(found.unit && { unit: found.unit }) } : texts;
  if (isTagged)
    note(`Columns ${tokens} and ${tags} look like words and their tags: the task is token-classification.`);
  for (const role of ['text', 'label'] as const) {
    if (!isTagged && roles[role] === undefined) {
      note(`No column looks like the ${role}: set data.columns.${role} to one of ${columns.join(', ')}.`);
    }
  }
  const guessed = Object.entries(roles).map(([role, column]) => [`data.columns.${role}`, column]);
  const values = {
    ...(isTagged && { task: 'token-classification' }),
    'data.train': fromJob(data, out),
    ...Object.fromEntries(guessed),
  };
  if (roles.unit === undefined) return values;
  note(
    `Column ${roles.unit} looks like people, so the job protects each of them, with at most 8 records; privacy.typicalRecordsPerUser may say what is usual.`,
  );
  return { ...values, 'privacy.unit': 'user' };
}

function fromJob(path: string, job: string): string {
  return isAbsolute(path) ? path : relative(dirname(resolve(job)), resolve(path));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
