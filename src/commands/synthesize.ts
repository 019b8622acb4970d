import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import { overlapFigures, syntheticFigures } from '../evaluate/index.ts';
import { writeAtomic } from '../formats/index.ts';
import { openWriter, type Writer, type WritingSettings } from '../generate/index.ts';
import { openRunConfig, privateTexts, readPlanFile, writeJson, type JobPlan } from '../train/index.ts';
import { choiceOptions, promptOf, settingsFor, type ChoiceArguments } from './generate.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';

interface Arguments extends CommonArguments, ChoiceArguments {
  readonly run: string;
  readonly number: number;
  readonly out: string;
  readonly prompts: string | undefined;
}

/** Texts written at once. */
const batchSize = 32;

/** Writes a synthetic data set with the model of a run. */
export const synthesize: CommandModule<CommonArguments, Arguments> = {
  command: 'synthesize <run>',
  describe: 'Write a synthetic data set with the model of a run, at no further privacy cost',
  builder: (parser) =>
    parser
      .positional('run', { type: 'string', demandOption: true, describe: 'Run directory' })
      .option('number', {
        alias: 'n',
        type: 'number',
        demandOption: true,
        requiresArg: true,
        describe: 'Texts to write',
      })
      .option('out', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'New directory for data.jsonl and sheet.json',
      })
      .option('prompts', {
        type: 'string',
        requiresArg: true,
        describe: 'PUBLIC prompts, one a line, used in turn; for a model that completes prompts',
      })
      .options(choiceOptions)
      .example('$0 synthesize run -n 1000 --out synthetic', 'texts like those that the model learnt from'),
  handler: async (args) => {
    const output = outputFor(args);
    if (!(Number.isSafeInteger(args.number) && args.number >= 1))
      throw new InvalidParameterError(`number=${args.number}: must be a whole number of at least 1.`);
    if (existsSync(args.out))
      throw new InvalidParameterError(`out=${args.out}: exists. Name a new directory.`);
    const plan = await openPlan(args.run);
    const prompts = await readPrompts(args, plan);
    const writer = await openWriter(args.run);
    try {
      const sampling = { ...settingsFor(args, writer), sample: !args.greedy && args.beams === 1 };
      // What is not given: all tokens but the unlikely tail.
      const settings = { ...sampling, topK: args['top-k'] ?? 0, topP: args['top-p'] ?? 0.95 };
      const rows = await write(writer, settings, args.number, prompts, plan, output);
      await report(args, plan, rows, output);
    } finally {
      await writer.close();
    }
  },
};

type OpenedPlan = JobPlan & { readonly isPrivate: boolean };

async function openPlan(run: string): Promise<OpenedPlan> {
  const path = join(run, 'release', 'plan.json');
  if (!existsSync(path))
    throw new DataError(`run=${run}: no finished run lies there. Name the directory of one.`);
  const { notPrivate } = JSON.parse(await readFile(path, 'utf8')) as { notPrivate?: boolean };
  return { ...(await readPlanFile(path)), isPrivate: notPrivate !== true };
}

interface Row {
  readonly prompt?: string;
  readonly text: string;
}

/** The prompts that texts follow in turn; none for a model that learnt whole texts. */
async function readPrompts({ prompts }: Arguments, plan: JobPlan): Promise<readonly string[] | undefined> {
  const completes = plan.separator !== undefined || plan.chat === true;
  if (plan.task !== 'generation')
    throw new InvalidParameterError(
      `run: its task is ${plan.task}, it writes nothing. Name a run of task generation.`,
    );
  if (completes && prompts === undefined) {
    throw new InvalidParameterError(
      'prompts: missing. The model completes prompts: name a file of public ones, --prompts FILE.',
    );
  }
  if (prompts === undefined) return undefined;
  const lines = (await readFile(prompts, 'utf8')).split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length > 0) return lines.map((line, at) => promptOf(line, at + 1));
  throw new InvalidParameterError(`prompts=${prompts}: has no text. Give one prompt a line.`);
}

async function write(
  writer: Writer,
  settings: WritingSettings,
  count: number,
  prompts: readonly string[] | undefined,
  plan: JobPlan,
  output: Output,
): Promise<Row[]> {
  const rows: Row[] = [];
  const progress = output.progress();
  for (let first = 0; first < count; first += batchSize) {
    const some = Array.from({ length: Math.min(batchSize, count - first) }, (_, at) =>
      prompts ? prompts[(first + at) % prompts.length]! : undefined,
    );
    const given = some.map((prompt) =>
      prompt === undefined
        ? writer.start()
        : writer.prompt(plan.chat ? prompt : prompt + (plan.separator ?? ''), plan.chat ?? false),
    );
    const texts = await writer.write(given, { ...settings, first });
    for (const [at, tokens] of texts.entries()) {
      const text = writer.tokenizer.decode(tokens).trim();
      rows.push(some[at] === undefined ? { text } : { prompt: some[at], text });
    }
    progress.update({ step: rows.length, steps: count, label: 'texts', unit: 'texts' });
  }
  progress.done();
  return rows;
}

/** Data and sheet go out; how much of the private data stands in it word for word stays in the run's private half. */
async function report(
  { run, out }: Arguments,
  plan: OpenedPlan,
  rows: readonly Row[],
  output: Output,
): Promise<void> {
  const texts = rows.map(({ text }) => text);
  const figures = syntheticFigures(texts);
  const { epsilon, delta, unit, hash } = plan.privacy;
  const statement = plan.isPrivate
    ? 'Post-processing: whatever the released model writes has its guarantee and costs no further budget.'
    : 'NOT PRIVATE: written by a model that was trained without privacy.';
  await mkdir(out, { recursive: true });
  await writeAtomic(join(out, 'data.jsonl'), [`${rows.map((row) => JSON.stringify(row)).join('\n')}\n`]);
  await writeJson(join(out, 'sheet.json'), {
    statement,
    guarantee: plan.isPrivate ? { epsilon, delta, unit, plan: hash } : null,
    base: plan.model.reference,
    figures,
  });
  output.table([
    {
      texts: figures.texts,
      duplicates: figures.duplicates.toFixed(3),
      'words, median': figures.words.median,
      distinct2: figures.distinct2.toFixed(3),
    },
  ]);
  output.line(statement);
  output.line(`${join(out, 'data.jsonl')} and sheet.json`);
  if (existsSync(join(run, 'private', 'start.json'))) {
    const path = join(run, 'private', `overlap-${basename(resolve(out))}.json`);
    await writeJson(path, await overlapFigures(texts, privateTexts(await openRunConfig(run))));
    output.note(`overlap with the training data (private): ${path}`);
  }
  output.event({ event: 'done', out, figures });
}
