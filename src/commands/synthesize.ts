import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { openWriter, type Writer, type WritingSettings } from '../generate/index.ts';
import {
  completesPrompts,
  fewestCompared,
  labelledRequests,
  labelShares,
  openDownstreamJob,
  openSource,
  prepareQuality,
  promptedRequests,
  requireSameLabels,
  sheetOf,
  writeRows,
  writeSheets,
  writeTexts,
  type Making,
  type Quality,
  type Source,
  type TextRequest,
} from '../synthesis/index.ts';
import { summaryRow, type Observer } from '../train/index.ts';
import { choiceOptions, promptOf, settingsFor, type ChoiceArguments } from './generate.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';
import type { Progress } from './progress.ts';

interface Arguments extends CommonArguments, ChoiceArguments {
  readonly run: string;
  readonly number: number;
  readonly out: string;
  readonly prompts: string | undefined;
  readonly label: readonly string[] | undefined;
  readonly template: string | undefined;
  readonly downstream: string | undefined;
  readonly 'compare-real': boolean;
  readonly 'mauve-encoder': string | undefined;
  readonly 'mauve-reference': string | undefined;
  readonly 'show-private': boolean;
}

/** Writes a synthetic data set with the model of a run. */
export const synthesize: CommandModule<CommonArguments, Arguments> = {
  command: 'synthesize <run>',
  describe: 'Write a synthetic data set with the model of a run, at no further privacy cost',
  builder: (parser) =>
    parser
      .positional('run', { type: 'string', demandOption: true, describe: 'Run directory, or its release' })
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
        describe: 'New directory for data.jsonl and its sheet',
      })
      .option('prompts', {
        type: 'string',
        requiresArg: true,
        describe: 'PUBLIC prompts, one a line, used in turn; for a model that completes prompts',
        conflicts: 'label',
      })
      .option('label', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Write labelled texts: a label, or label=weight; repeat it for each label',
      })
      .option('template', {
        type: 'string',
        requiresArg: true,
        describe: 'Prompt of a label; {label} stands for it (default: the label alone)',
        implies: 'label',
      })
      .option('downstream', {
        type: 'string',
        requiresArg: true,
        describe: 'Job of a classifier: train it on the labelled texts, measure it on its test file',
        implies: 'label',
      })
      .option('compare-real', {
        type: 'boolean',
        default: false,
        describe: 'Also train it on its own real data, without privacy; that figure stays in private/',
      })
      .option('mauve-encoder', {
        type: 'string',
        requiresArg: true,
        describe: 'Model by which texts are compared with the training data (MAUVE); stays in private/',
      })
      .option('mauve-reference', {
        type: 'string',
        requiresArg: true,
        describe: 'PUBLIC file of texts to compare with in place of the training data',
        implies: 'mauve-encoder',
      })
      .option('show-private', {
        type: 'boolean',
        default: false,
        describe: 'Also print what stays in private/',
      })
      .options(choiceOptions)
      .example('$0 synthesize run -n 1000 --out synthetic', 'texts like those that the model learnt from')
      .example(
        '$0 synthesize run -n 2000 --label bad --label good=2 --downstream classifier.yaml --out synthetic',
        'labelled texts, and what a classifier learns from them',
      ),
  handler: async (args) => {
    checkArguments(args);
    const output = outputFor(args);
    const source = await openSource(args.run);
    const downstream = args.downstream === undefined ? undefined : await openDownstreamJob(args.downstream);
    const shares = args.label && labelShares(args.label);
    if (shares && downstream)
      requireSameLabels(
        shares.map(({ label }) => label),
        downstream,
      );
    const template = shares && (args.template ?? '{label}');
    const prompts = shares ? undefined : await readPrompts(args.prompts, completesPrompts(source));
    const requests = shares
      ? labelledRequests(args.number, shares, template!)
      : promptedRequests(args.number, prompts);
    const writer = await openWriter(args.run);
    const settings = choiceFor(args, writer);
    const quality = await prepareQuality(source, {
      texts: args.number,
      seed: settings.seed,
      downstream,
      compareReal: args['compare-real'],
      encoder: args['mauve-encoder'],
      reference: args['mauve-reference'],
    }).catch(async (error: unknown) => {
      await writer.close();
      throw error;
    });
    const file = join(args.out, 'data.jsonl');
    const progress = output.progress();
    try {
      const rows = await write(writer, source, requests, settings, progress);
      await mkdir(args.out, { recursive: true });
      await writeRows(file, rows);
      const found = await quality.measure(rows, file, observerOf(progress));
      progress.done();
      const making = { settings, template, shares, prompts: new Set(prompts).size };
      await report(output, args, source, making, found);
    } finally {
      progress.done();
      await quality.close();
    }
  },
};

function checkArguments(args: Arguments): void {
  if (!(Number.isSafeInteger(args.number) && args.number >= 1))
    throw new InvalidParameterError(`number=${args.number}: must be a whole number of at least 1.`);
  if (existsSync(args.out)) throw new InvalidParameterError(`out=${args.out}: exists. Name a new directory.`);
  if (args['mauve-encoder'] !== undefined && args.number < fewestCompared) {
    throw new InvalidParameterError(
      `number=${args.number}: must be ${fewestCompared} at least for --mauve-encoder, and ${50 * fewestCompared} for a figure of use.`,
    );
  }
  if (args['compare-real'] && args.downstream === undefined)
    throw new InvalidParameterError('compare-real: needs a classifier. Name its job, --downstream JOB.');
}

function choiceFor(args: Arguments, writer: Writer): WritingSettings {
  const sampling = { ...settingsFor(args, writer), sample: !args.greedy && args.beams === 1 };
  // What is not given: all tokens but the unlikely tail.
  return { ...sampling, topK: args['top-k'] ?? 0, topP: args['top-p'] ?? 0.95 };
}

/** The prompts that texts follow in turn; none for a model that learnt whole texts. */
async function readPrompts(
  file: string | undefined,
  completes: boolean,
): Promise<readonly string[] | undefined> {
  if (completes && file === undefined) {
    throw new InvalidParameterError(
      'prompts: missing. The model completes prompts: name a file of public ones, --prompts FILE, or labels, --label NAME.',
    );
  }
  if (file === undefined) return undefined;
  const lines = (await readFile(file, 'utf8')).split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length > 0) return lines.map((line, at) => promptOf(line, at + 1));
  throw new InvalidParameterError(`prompts=${file}: has no text. Give one prompt a line.`);
}

/** Writes all texts, and closes the writer: what comes next needs the memory. */
async function write(
  writer: Writer,
  source: Source,
  requests: readonly TextRequest[],
  settings: WritingSettings,
  progress: Progress,
) {
  try {
    return await writeTexts(writer, source, requests, settings, (texts) =>
      progress.update({ step: texts, steps: requests.length, label: 'texts', unit: 'texts' }),
    );
  } finally {
    await writer.close();
  }
}

/** Shows the training of a classifier; an interruption ends it at once, for it leaves nothing to go on with. */
function observerOf(progress: Progress): Observer {
  return {
    step: ({ step, steps }) => progress.update({ step, steps, label: 'classifier' }),
    stage: (what, done, total) => progress.update({ step: done, steps: total, label: what }),
    note: () => undefined,
    event: () => undefined,
    stopping: () => false,
  };
}

async function report(
  output: Output,
  { out, 'show-private': showPrivate }: Arguments,
  source: Source,
  making: Making,
  { released, inside }: Quality,
): Promise<void> {
  const sheet = sheetOf(source, making, released);
  const path = await writeSheets(source, out, sheet, inside);
  const { figures, downstream, likeness } = released;
  output.table([
    {
      texts: figures.texts,
      duplicates: figures.duplicates.toFixed(3),
      'words, median': figures.words.median,
      distinct2: figures.distinct2.toFixed(3),
      ...(likeness && { 'MAUVE, public texts': likeness.mauve.toFixed(3) }),
    },
  ]);
  if (downstream) {
    output.line();
    output.table(rowsOf({ 'trained on these texts': downstream.classifier, majority: downstream.majority }));
  }
  output.line();
  output.line(sheet.statement);
  output.line(
    `${out}: data.jsonl, sheet.json and README.md ${source.isPrivate ? 'may be published' : 'carry no guarantee'}`,
  );
  if (path === undefined || !inside) return done();
  output.line(
    `${path}: compares with the private data, must stay where it is${showPrivate ? ':' : ' (--show-private prints it)'}`,
  );
  if (showPrivate) {
    const { overlap, likeness: alike, real } = inside;
    output.line();
    output.table([
      {
        'whole private texts': overlap.copies,
        [`shared runs of ${overlap.length} words`]: overlap.shared.toFixed(4),
        ...(alike && { 'MAUVE, training data': alike.mauve.toFixed(3) }),
      },
    ]);
    if (real) output.table(rowsOf({ 'trained on the real data, NOT PRIVATE': real.classifier }));
  }
  done();

  function done(): void {
    output.event({ event: 'done', out, figures, downstream: downstream ?? null, likeness: likeness ?? null });
  }
}

function rowsOf(models: Readonly<Record<string, unknown>>) {
  return Object.entries(models)
    .map(([name, metrics]) => summaryRow(name, metrics))
    .filter((row) => row !== undefined);
}
