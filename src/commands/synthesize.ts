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
  type DownstreamJob,
  type QualityMeasure,
  type Source,
  type TextRequest,
} from '../synthesis/index.ts';
import type { Observer } from '../train/index.ts';
import { choiceOptions, promptOf, settingsFor, type ChoiceArguments } from './generate.ts';
import { outputFor, type CommonArguments } from './output.ts';
import type { Progress } from './progress.ts';
import { showSynthesis } from './synthesize-report.ts';

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
    const progress = output.progress();
    const { settings, rows, quality } = await make({ args, source, requests, downstream, progress });
    const file = join(args.out, 'data.jsonl');
    try {
      await mkdir(args.out, { recursive: true });
      await writeRows(file, rows);
      const found = await quality.measure(rows, file, observerOf(progress));
      progress.done();
      const making = { settings, template, shares, prompts: new Set(prompts).size };
      const sheet = sheetOf(source, making, found.released);
      const path = await writeSheets(source, args.out, sheet, found.inside);
      showSynthesis(output, { out: args.out, sheet, inside: found.inside, path }, args['show-private']);
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

interface Making {
  readonly args: Arguments;
  readonly source: Source;
  readonly requests: readonly TextRequest[];
  readonly downstream: DownstreamJob | undefined;
  readonly progress: Progress;
}

/** Writes all texts, once it is sure that all that is asked for can be measured; the writer's memory is free then. */
async function make({ args, source, requests, downstream, progress }: Making) {
  const writer = await openWriter(args.run);
  let quality: QualityMeasure | undefined;
  try {
    const settings = choiceFor(args, writer);
    quality = await prepareQuality(source, {
      texts: args.number,
      seed: settings.seed,
      downstream,
      compareReal: args['compare-real'],
      encoder: args['mauve-encoder'],
      reference: args['mauve-reference'],
    });
    const rows = await writeTexts(writer, source, requests, settings, (texts) =>
      progress.update({ step: texts, steps: requests.length, label: 'texts', unit: 'texts' }),
    );
    return { settings, quality, rows };
  } catch (error) {
    await quality?.close();
    throw error;
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
