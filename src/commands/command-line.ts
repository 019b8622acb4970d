import { readFileSync } from 'node:fs';
import yargs, { type Argv, type CommandModule } from 'yargs';
import { DptuneError } from '../../privacy/errors.ts';
import type { CommonArguments } from './output.ts';

type Module = CommandModule<CommonArguments, CommonArguments>;

interface Command {
  readonly describe: string;
  /** Loaded when the command is called, so that help and the light commands start fast. */
  readonly load: () => Promise<object>;
}

/** In the order of the help. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  quickstart: {
    describe: 'Plan, train and evaluate on built-in data and a built-in model',
    load: async () => (await import('./quickstart.ts')).quickstart,
  },
  init: {
    describe: 'Write a commented job file',
    load: async () => (await import('./init.ts')).init,
  },
  schema: {
    describe: 'Print the JSON Schema of job or search files, or the reference page of jobs',
    load: async () => (await import('./schema.ts')).schema,
  },
  plan: {
    describe: 'Show what a job will do and cost, before any training',
    load: async () => (await import('./plan.ts')).plan,
  },
  check: {
    describe: "Watch a job's own mechanism at work, before any training",
    load: async () => (await import('./check.ts')).check,
  },
  train: {
    describe: 'Train a job under its privacy budget, and evaluate it',
    load: async () => (await import('./train.ts')).train,
  },
  budget: {
    describe: 'Open, show, check and close the privacy budgets of populations',
    load: async () => (await import('./budget.ts')).budget,
  },
  keys: {
    describe: 'Make and show your signing keys, and trust those of others',
    load: async () => (await import('./keys.ts')).keys,
  },
  audit: {
    describe: 'Measure what a run leaks about its canaries, or bound epsilon from scores',
    load: async () => (await import('./audit.ts')).audit,
  },
  evaluate: {
    describe: 'Measure the model of a run on a labelled file',
    load: async () => (await import('./evaluate.ts')).evaluate,
  },
  predict: {
    describe:
      'Answer texts with the model of a run: their class or classes, a number, or the entities in them',
    load: async () => (await import('./predict.ts')).predict,
  },
  generate: {
    describe: 'Write what follows a prompt, with a run or a model',
    load: async () => (await import('./generate.ts')).generate,
  },
  synthesize: {
    describe: 'Write a synthetic data set with the model of a run, at no further privacy cost',
    load: async () => (await import('./synthesize.ts')).synthesize,
  },
  pretrain: {
    describe: 'Make a small model from public text: a BERT that reads, or a GPT-2 that writes',
    load: async () => (await import('./pretrain.ts')).pretrain,
  },
  tune: {
    describe: 'Search for the settings of a job, with the search itself paid for',
    load: async () => (await import('./tune.ts')).tune,
  },
  account: {
    describe: 'Compute epsilon, or the noise, rate or steps for a target, for any mechanism',
    load: async () => (await import('./account.ts')).account,
  },
  explain: {
    describe: 'Explain a term in plain words',
    load: async () => (await import('./explain.ts')).explain,
  },
  engines: {
    describe: 'Show which engines load here, how fast they are, and what the others need',
    load: async () => (await import('./engines.ts')).engines,
  },
  lint: {
    describe: 'Point at what may weaken the report of a job, before any training',
    load: async () => (await import('./lint.ts')).lint,
  },
  report: {
    describe: 'Make the report of a run anew, or render it as a page, card, PDF or registry entry',
    load: async () => (await import('./report.ts')).report,
  },
  diff: {
    describe: 'Compare two runs, reports or plans',
    load: async () => (await import('./diff.ts')).diff,
  },
  verify: {
    describe: 'Check a run, a release or a bundle, without trusting whoever made it',
    load: async () => (await import('./verify.ts')).verifyRun,
  },
  bundle: {
    describe: 'Pack the released half of a run into one file that can be verified anywhere',
    load: async () => (await import('./bundle.ts')).bundle,
  },
  serve: {
    describe: 'Show budgets, runs, reports and approvals in a browser on this machine',
    load: async () => (await import('./serve.ts')).serve,
  },
  export: {
    describe: 'Copy what may leave the building out of a run',
    load: async () => (await import('./export.ts')).exportRun,
  },
};

const COMPLETIONS = '--get-yargs-completions';

/**
 * Runs one command.
 * @param args - the command line without the interpreter and the script
 * @throws DptuneError with the code that decides the exit code, or whatever went wrong unexpectedly
 */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const completing = args.includes(COMPLETIONS);
  const words = args.filter((argument) => !argument.startsWith('-'));
  const name = completing ? words.findLast((word) => Object.hasOwn(COMMANDS, word)) : words[0];
  if (name !== undefined && name !== 'completion' && !Object.hasOwn(COMMANDS, name)) {
    const { unknownCommand } = await import('./usage.ts');
    throw unknownCommand(name, Object.keys(COMMANDS));
  }
  const module = name === undefined ? undefined : ((await COMMANDS[name]?.load()) as Module | undefined);
  const parser = parserFor(args, name, module);
  if (args.length === 0) {
    process.stderr.write(`${await parser.getHelp()}\n`);
    throw new DptuneError('usage', '');
  }
  const fault = await firstFault(parser);
  if (fault !== undefined) {
    const { usageError } = await import('./usage.ts');
    throw usageError(fault, args, name, module);
  }
}

/** Parses and runs. @returns what yargs finds wrong with the command line; an error of the command itself is thrown */
async function firstFault(parser: Argv<CommonArguments>): Promise<string | undefined> {
  let fault: string | undefined;
  parser.fail((message, error: Error | undefined) => {
    if (error && error.name !== 'YError') throw error;
    fault ??= message;
    throw error ?? new Error(message);
  });
  try {
    await parser.parseAsync();
  } catch (error) {
    if (fault === undefined) throw error;
  }
  return fault;
}

function parserFor(
  args: readonly string[],
  name: string | undefined,
  module: Module | undefined,
): Argv<CommonArguments> {
  const parser = yargs(args)
    .scriptName('dptune')
    .usage('$0 <command> [options]\n\nDifferentially private fine-tuning of language models, with evidence.')
    .locale('en')
    .option('json', { type: 'boolean', default: false, describe: 'Print events as lines of JSON' })
    .version(version())
    .alias('help', 'h')
    .strict()
    .demandCommand(1)
    .check(givenOnce)
    .exitProcess(false)
    .wrap(Math.min(process.stdout.columns ?? 100, 120));
  for (const [other, { describe }] of Object.entries(COMMANDS)) {
    if (other === name && module) parser.command(module);
    else parser.command(other, describe);
  }
  return parser
    .completion('completion', 'Print a completion script for bash or zsh (by $SHELL)')
    .epilogue('dptune <command> --help tells more. Documentation: docs/ in the package.');
}

/**
 * yargs makes a list of what is given twice, where the command expects one value.
 * @param options - what yargs knows of the options; its published types call this parameter aliases
 */
function givenOnce(argv: Readonly<Record<string, unknown>>, options: object): true {
  const { array, key } = options as { array: readonly string[]; key: object };
  const twice = Object.keys(key).find((name) => Array.isArray(argv[name]) && !array.includes(name));
  if (twice !== undefined)
    throw new DptuneError('usage', `--${twice}: is given more than once; give it once`);
  return true;
}

/** The package's version; the compiled file lies one folder deeper than its source. */
function version(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json';
  return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
}
