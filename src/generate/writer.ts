import { InvalidParameterError, reproducibleRng } from '../../privacy/index.ts';
import { createEngine, type Engine, type EngineChoice } from '../engines/index.ts';
import {
  loadTokenizer,
  openModel,
  readChatTemplate,
  readGenerationSettings,
  releasedModel,
  resolveModel,
  type GenerationSettings,
  type Tokenizer,
} from '../formats/index.ts';
import { architectureOf, buildDecoder, loadParameters, tensorsOf } from '../models/index.ts';
import { openingOf } from './opening.ts';
import { writeTokens, type WritingSettings } from './writing.ts';

/** A language model, ready to write. */
export interface Writer {
  readonly tokenizer: Tokenizer;
  /** How its authors mean it to write. */
  readonly defaults: GenerationSettings;
  /** Longest text in tokens, prompt included. */
  readonly maxTokens: number;
  /**
   * Token ids of a prompt as the model takes them: special tokens in front, or as a user's turn by its chat template.
   * @throws InvalidParameterError for an empty prompt, one that is too long, or a turn where the model has no template
   */
  prompt(text: string, asChat?: boolean): readonly number[];
  /** What stands before a text that follows no prompt. */
  start(): readonly number[];
  /** @returns new tokens of each prompt */
  write(
    prompts: readonly (readonly number[])[],
    settings: WritingSettings,
  ): Promise<readonly (readonly number[])[]>;
  close(): Promise<void>;
}

export interface WriterOptions extends EngineChoice {
  /** Longest text in tokens, prompt included; tables of this size are made. */
  readonly maxTokens?: number;
}

/** Longer texts than most people want from a processor; tables stay small. */
const defaultMaxTokens = 4096;

/**
 * Opens a language model.
 * @param path - run directory, its release, a model directory, or a model of the hub
 * @throws DataError where no model lies there; InvalidParameterError for one that does not write
 */
export async function openWriter(path: string, options: WriterOptions = {}): Promise<Writer> {
  const released = releasedModel(path);
  const { path: directory } = released === undefined ? await resolveModel(path) : { path: released };
  const model = await openModel(directory);
  let engine: Engine | undefined;
  try {
    const architecture = architectureOf(model.config);
    const own = architecture.ownHead?.head;
    if (own !== undefined && own !== 'verbalizer') {
      throw new InvalidParameterError(
        `run=${path}: this model classifies and does not write. Use dptune predict.`,
      );
    }
    const maxTokens = Math.min(architecture.maxTokens, options.maxTokens ?? defaultMaxTokens);
    const decoder = buildDecoder(architecture, maxTokens);
    const { values } = await loadParameters(model.weights, {
      architecture,
      params: decoder.params,
      rng: reproducibleRng(0),
      head: 'checkpoint',
    });
    const tokenizer = await loadTokenizer(directory);
    const defaults = await readGenerationSettings(directory, model.config);
    const chat = await readChatTemplate(directory);
    engine = await createEngine(options);
    await engine.write(tensorsOf(decoder.params, values));
    const program = await engine.load(decoder.graph);
    const started = engine;
    return {
      tokenizer,
      defaults,
      maxTokens,
      prompt(text, asChat = false) {
        if (asChat && chat === undefined) {
          throw new InvalidParameterError(`chat: ${path} has no chat template. Leave it out.`);
        }
        const ids =
          asChat && chat
            ? [...tokenizer.pieces(chat([{ role: 'user', content: text }], { addGenerationPrompt: true }))]
            : [...tokenizer.opening, ...tokenizer.pieces(text)];
        if (ids.length > 0 && ids.length < maxTokens) return ids;
        throw new InvalidParameterError(
          `prompt: has ${ids.length} tokens, must have at least 1 and fewer than ${maxTokens}. ${ids.length === 0 ? 'Give some text' : 'Shorten it'}.`,
        );
      },
      start() {
        const ids = openingOf(tokenizer, defaults.endIds[0]);
        if (ids.length > 0) return ids;
        throw new InvalidParameterError('model: has no token that opens or ends a text. Give prompts.');
      },
      write: (prompts, settings) => writeTokens({ decoder, program }, prompts, settings),
      close: () => started.dispose(),
    };
  } catch (error) {
    await engine?.dispose();
    throw error;
  } finally {
    await model.close();
  }
}
