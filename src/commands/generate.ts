import { randomInt } from 'node:crypto';
import type { CommandModule } from 'yargs';
import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import { createTextStream, openWriter, type Writer, type WritingSettings } from '../generate/index.ts';
import { howToType, isTyped, linesOf } from './lines.ts';
import { outputFor, printable, type CommonArguments } from './output.ts';
import { promptFormOf, unlikeTraining } from './prompt-form.ts';

export interface ChoiceArguments {
  readonly 'max-new-tokens': number;
  readonly greedy: boolean;
  readonly beams: number;
  readonly temperature: number | undefined;
  readonly 'top-k': number | undefined;
  readonly 'top-p': number | undefined;
  readonly 'repetition-penalty': number | undefined;
  readonly seed: number | undefined;
}

interface Arguments extends CommonArguments, ChoiceArguments {
  readonly model: string;
  readonly input: string;
  readonly prompt: string | undefined;
  readonly chat: boolean;
  readonly batch: number;
}

/** Options that say how tokens are chosen; what is not given is as the model's generation_config.json has it, else greedy. */
export const choiceOptions = {
  'max-new-tokens': {
    type: 'number',
    default: 128,
    requiresArg: true,
    describe: 'Write no more tokens than this',
  },
  greedy: { type: 'boolean', default: false, describe: 'Always take the likeliest token' },
  beams: {
    type: 'number',
    default: 1,
    requiresArg: true,
    describe: 'Beam search: follow so many texts, keep the likeliest; 1 is none',
  },
  temperature: {
    type: 'number',
    requiresArg: true,
    describe: 'Draw tokens at random; below 1 the likely ones more often',
  },
  'top-k': {
    type: 'number',
    requiresArg: true,
    describe: 'Draw from so many of the likeliest tokens; 0 is all',
  },
  'top-p': {
    type: 'number',
    requiresArg: true,
    describe: 'Draw from the likeliest tokens that together have this probability',
  },
  'repetition-penalty': {
    type: 'number',
    requiresArg: true,
    describe: 'Above 1: tokens that were there become less likely',
  },
  seed: {
    type: 'number',
    requiresArg: true,
    describe: 'Seed of the drawing; another each time if not given',
  },
} as const;

/** Writes what follows prompts. */
export const generate: CommandModule<CommonArguments, Arguments> = {
  command: 'generate <model> [input]',
  describe: 'Write what follows a prompt, with a run or a model',
  builder: (parser) =>
    parser
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: 'Run, release or model directory, or org/name of the hub',
      })
      .positional('input', {
        type: 'string',
        default: '-',
        describe:
          'Without --prompt: file with a prompt on each line, or JSON: {"prompt": ...}. - reads standard input',
      })
      .option('prompt', {
        type: 'string',
        requiresArg: true,
        describe: 'Text to go on from, to the last space as it is',
      })
      .option('chat', {
        type: 'boolean',
        default: false,
        describe: "Prompts are a user's turn, by the model's chat template",
      })
      .options(choiceOptions)
      .option('batch', {
        type: 'number',
        default: 16,
        requiresArg: true,
        describe: 'Prompts answered at once',
      })
      .example('$0 generate run --prompt "Once upon a time"', 'the text, shown as it is written')
      .example('$0 generate run --prompt "Once upon a time" --json', '{"prompt", "text", "tokens", "ended"}')
      .example('$0 generate run prompts.txt > texts.ndjson', 'such a line of JSON for each prompt')
      .epilogue(
        "What is not given of how tokens are chosen is as the model's generation_config.json has it; without one, the likeliest is taken.",
      ),
  handler: async (args) => {
    checkCounts(args);
    const writer = await openWriter(args.model);
    try {
      const settings = settingsFor(args, writer);
      if (args.prompt === undefined) await answerLines(writer, settings, args);
      else {
        await compareWithTraining(args, args.prompt);
        await answer(writer, settings, args.prompt, args);
      }
    } finally {
      await writer.close();
    }
  },
};

/** @throws InvalidParameterError naming the option at fault */
export function settingsFor(args: ChoiceArguments, { defaults }: Writer): WritingSettings {
  const given = [args.temperature, args['top-k'], args['top-p']].some((value) => value !== undefined);
  if (args.greedy && given) {
    throw new InvalidParameterError('greedy: temperature, top-k and top-p are for sampling. Leave them out.');
  }
  if (args.beams > 1 && (args.greedy || given)) {
    throw new InvalidParameterError(`beams=${args.beams}: is neither greedy nor sampled. Leave that out.`);
  }
  const settings: WritingSettings = {
    maxNewTokens: args['max-new-tokens'],
    beams: args.beams,
    sample: !args.greedy && args.beams === 1 && (given || defaults.sample),
    temperature: args.temperature ?? defaults.temperature,
    topK: args['top-k'] ?? defaults.topK,
    topP: args['top-p'] ?? defaults.topP,
    repetitionPenalty: args['repetition-penalty'] ?? defaults.repetitionPenalty,
    endIds: defaults.endIds,
    seed: args.seed ?? randomInt(2 ** 47),
  };
  const { temperature, topK, topP, repetitionPenalty } = settings;
  check(
    'temperature',
    temperature,
    temperature > 0 && Number.isFinite(temperature),
    'above 0; for 0, use --greedy',
  );
  check('top-k', topK, Number.isSafeInteger(topK) && topK >= 0, 'a whole number of at least 0');
  check('top-p', topP, topP > 0 && topP <= 1, 'above 0 and at most 1');
  check(
    'repetition-penalty',
    repetitionPenalty,
    repetitionPenalty > 0 && Number.isFinite(repetitionPenalty),
    'above 0; 1 is none',
  );
  return settings;
}

function check(name: string, value: number, right: boolean, constraint: string): void {
  if (!right) throw new InvalidParameterError(`${name}=${value}: must be ${constraint}.`);
}

function checkCounts(args: Arguments): void {
  for (const name of ['max-new-tokens', 'beams', 'batch'] as const) {
    check(
      name,
      args[name],
      Number.isSafeInteger(args[name]) && args[name] >= 1,
      'a whole number of at least 1',
    );
  }
}

/** Says how a prompt differs from those that the model learnt, which it answers worse. */
async function compareWithTraining({ model, chat, json }: Arguments, prompt: string): Promise<void> {
  const note = unlikeTraining(await promptFormOf(model), prompt, chat);
  if (note !== undefined) outputFor({ json }).note(note);
}

/** One prompt: a line of JSON, or the text as it is written. */
async function answer(
  writer: Writer,
  settings: WritingSettings,
  prompt: string,
  { json, chat }: Pick<Arguments, 'json' | 'chat'>,
): Promise<void> {
  const stream = createTextStream((ids) => writer.tokenizer.decode(ids));
  const streaming = !json && settings.beams === 1;
  const [tokens] = await writer.write([writer.prompt(prompt, chat)], {
    ...settings,
    ...(streaming && { onToken: (_: number, token: number) => show(stream.push(token)) }),
  });
  if (json) process.stdout.write(`${JSON.stringify(lineOf(writer, settings, prompt, tokens!))}\n`);
  else show(streaming ? '\n' : `${writer.tokenizer.decode(tokens!)}\n`);
}

function show(text: string): void {
  process.stdout.write(printable(text));
}

/** A file of prompts, or standard input: a line of JSON for each. */
async function answerLines(writer: Writer, settings: WritingSettings, args: Arguments): Promise<void> {
  let waiting: string[] = [];
  let [line, first] = [0, 0];
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const prompts = waiting.map((prompt) => writer.prompt(prompt, args.chat));
    const texts = await writer.write(prompts, { ...settings, first });
    for (const [row, tokens] of texts.entries())
      process.stdout.write(`${JSON.stringify(lineOf(writer, settings, waiting[row]!, tokens))}\n`);
    first += waiting.length;
    waiting = [];
  };
  const typed = isTyped(args.input);
  if (typed) outputFor(args).note(howToType);
  for await (const text of linesOf(args.input)) {
    const prompt = promptOf(text, (line += 1));
    if (line === 1) await compareWithTraining(args, prompt);
    waiting.push(prompt);
    if (typed || waiting.length >= args.batch) await flush();
  }
  await flush();
}

/** A line is a prompt, or an object with `prompt`. */
export function promptOf(line: string, number: number): string {
  if (!line.startsWith('{')) return line;
  let row: { prompt?: unknown };
  try {
    row = JSON.parse(line) as typeof row;
  } catch {
    return line;
  }
  if (typeof row.prompt === 'string') return row.prompt;
  throw new DataError(`input:${number}: no "prompt". Give each object one.`);
}

function lineOf(
  { tokenizer }: Writer,
  { endIds }: WritingSettings,
  prompt: string,
  tokens: readonly number[],
): Record<string, unknown> {
  return {
    prompt,
    text: tokenizer.decode(tokens),
    tokens: tokens.length,
    ended: endIds.includes(tokens.at(-1)!),
  };
}
