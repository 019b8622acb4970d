import { reproducibleRng } from '../../privacy/index.ts';
import { searchBeams } from './beams.ts';
import { chooseToken, type ChoiceSettings } from './choice.ts';
import { startDecoding, type DecoderProgram } from './decoding.ts';

export interface WritingSettings extends ChoiceSettings {
  readonly maxNewTokens: number;
  /** Tokens that end a text; an ended text keeps its end token. */
  readonly endIds: readonly number[];
  /** 1 chooses token by token; more follow so many texts at once, without sampling. */
  readonly beams: number;
  /** For sampling; text i is drawn by the seed and i alone, whatever is written beside it. */
  readonly seed: number | string;
  /** Number of the first text, for the seed. */
  readonly first?: number;
  /** Told of every token as it is chosen, but for beams. */
  readonly onToken?: (text: number, token: number) => void;
}

/** The likeliest token, one after the other. */
export const greedy: Omit<WritingSettings, 'maxNewTokens' | 'endIds'> = {
  beams: 1,
  sample: false,
  temperature: 1,
  topK: 0,
  topP: 1,
  repetitionPenalty: 1,
  seed: 0,
};

/**
 * Writes what follows each prompt.
 * @param prompts - token ids, at least one each and all below the decoder's `maxTokens`
 * @returns new tokens of each
 */
export async function writeTokens(
  program: DecoderProgram,
  prompts: readonly (readonly number[])[],
  settings: WritingSettings,
): Promise<readonly (readonly number[])[]> {
  const { maxTokens } = program.decoder;
  const roomFor = (prompt: readonly number[]): number =>
    Math.min(settings.maxNewTokens, maxTokens - prompt.length);
  if (settings.beams > 1) {
    const found: (readonly number[])[] = [];
    for (const prompt of prompts)
      found.push(await searchBeams(program, prompt, { ...settings, maxNewTokens: roomFor(prompt) }));
    return found;
  }
  const ends = new Set(settings.endIds);
  const width = program.decoder.vocabularySize;
  const texts = prompts.map((prompt, index) => ({
    index,
    tokens: [...prompt],
    room: roomFor(prompt),
    rng: reproducibleRng(settings.seed).fork((settings.first ?? 0) + index),
  }));
  let running = texts;
  const decoding = await startDecoding(program, prompts);
  while (running.length > 0) {
    const open: number[] = [];
    for (const [row, text] of running.entries()) {
      const logits = decoding.logits.subarray(row * width, (row + 1) * width);
      const token = chooseToken(logits, text.tokens, settings, text.rng);
      text.tokens.push(token);
      text.room -= 1;
      settings.onToken?.(text.index, token);
      if (text.room > 0 && !ends.has(token)) open.push(row);
    }
    running = open.map((row) => running[row]!);
    if (running.length > 0)
      await decoding.advance(
        open,
        running.map(({ tokens }) => tokens.at(-1)!),
      );
  }
  return texts.map(({ tokens, index }) => tokens.slice(prompts[index]!.length));
}
