import { join } from 'node:path';
import { reproducibleRng } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { createCleaner } from '../data/index.ts';
import { measureTexts, type WrittenText } from '../evaluate/index.ts';
import { readGenerationSettings } from '../formats/index.ts';
import { greedy, writeTokens } from '../generate/index.ts';
import { buildDecoder, type Decoder } from '../models/index.ts';
import type { TrainedRun } from './job.ts';
import { promptText } from './language.ts';
import { promptForm, rowsOf } from './materials.ts';
import { chosenTexts, type Measured } from './measure.ts';
import { writeJson } from './run-directory.ts';

/** Figures of what the trained model, and the model before it, write for the prompts of the test file. */
export interface TextFigures {
  readonly trained: Measured;
  readonly untrained: Measured;
}

/** Texts written at once. */
const batchSize = 16;

/**
 * Writes a completion for each of the first prompts of the test file, with the trained model and with the one before, and
 * compares them with the file's own completions; those of one prompt are references of one text. The texts themselves stay
 * in `private/texts.json`: prompts and references are the owner's data.
 * @returns nothing where the job has no prompts to complete
 */
export async function writtenFigures(run: TrainedRun): Promise<TextFigures | undefined> {
  const { config, directory } = run;
  const { test, columns } = config.data;
  const { prompts } = config.evaluate.texts;
  if (config.task !== 'generation' || test === undefined || columns.completion === undefined || prompts === 0)
    return undefined;
  const wanted = (await readPrompts(config, test)).slice(0, prompts);
  const writer = await openTextWriter(run);
  const after = await writer.write(wanted);
  const before = await run.session.asBase(writer, () => writer.write(wanted));
  await writer.close();
  await writeJson(
    join(directory.private, 'texts.json'),
    wanted.map((each, at) => ({ ...each, untrained: before[at], trained: after[at] })),
  );
  const figures = async (texts: readonly string[]): Promise<Measured> => {
    const written = wanted.map((each, at): WrittenText => ({ ...each, text: texts[at]! }));
    const options = {
      bootstrap: config.evaluate.bootstrap,
      rng: reproducibleRng(config.seed).fork('bootstrap texts'),
    };
    return chosenTexts(await measureTexts(written, options), config);
  };
  return { trained: await figures(after), untrained: await figures(before) };
}

type Prompt = Pick<WrittenText, 'prompt' | 'references'>;

/** Every prompt of a file once, with all of its completions. */
async function readPrompts(config: Config, path: string): Promise<readonly Prompt[]> {
  const cleaner = await createCleaner(config.data.cleaning.filter((step) => step !== 'dedupe'));
  const found = new Map<string, string[]>();
  for await (const { text, textPair } of rowsOf(config, path, [], false)) {
    const prompt = cleaner.clean(text);
    const references = found.get(prompt) ?? [];
    references.push(cleaner.clean(textPair!));
    found.set(prompt, references);
  }
  return Array.from(found, ([prompt, references]) => ({ prompt, references }));
}

interface TextWriter extends Pick<Decoder, 'params'> {
  /** With the values that the engine has. */
  write(prompts: readonly Prompt[]): Promise<string[]>;
  close(): Promise<void>;
}

async function openTextWriter({ model, session, plan, config, lora }: TrainedRun): Promise<TextWriter> {
  const { architecture, directory, tokenizer } = model;
  const { maxNewTokens, beams } = config.evaluate.texts;
  const longest = Math.min(architecture.maxTokens, plan.maxLength + maxNewTokens);
  const adapters = lora && { lora: { ...lora, dropout: 0 } };
  const decoder = buildDecoder(architecture, longest, { ...adapters, int8: session.int8 });
  await session.prepare(decoder);
  const { endIds, repetitionPenalty } = await readGenerationSettings(directory.path, directory.config);
  const form = promptForm(config, model);
  const opening = 'chat' in form ? [] : tokenizer.opening;
  const program = await session.engine.load(decoder.graph);
  const tokensOf = ({ prompt }: Prompt): number[] => {
    const pieces = [...tokenizer.pieces(promptText(prompt, form))];
    // Prompts lose their beginning, as in training.
    const room = Math.max(1, decoder.maxTokens - maxNewTokens - opening.length);
    return [...opening, ...pieces.slice(Math.max(0, pieces.length - room))];
  };
  return {
    params: decoder.params,
    async write(prompts) {
      const texts: string[] = [];
      for (let start = 0; start < prompts.length; start += batchSize) {
        const written = await writeTokens(
          { decoder, program },
          prompts.slice(start, start + batchSize).map(tokensOf),
          { ...greedy, maxNewTokens, beams, endIds, repetitionPenalty },
        );
        texts.push(...written.map((tokens) => tokenizer.decode(tokens).trim()));
      }
      return texts;
    },
    close: () => program.dispose(),
  };
}
