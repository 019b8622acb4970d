import { DataError, InvalidParameterError } from '../../privacy/index.ts';
import type { Tokenizer as TextEncoder } from '../data/index.ts';
import type { ChatTemplate, Tokenizer } from '../formats/index.ts';
import { openingOf } from '../generate/index.ts';
import { ignoredLabel, paddedBatch, type Batch } from '../models/index.ts';

export interface LanguageEncoderOptions {
  readonly maxLength: number;
  readonly form: PromptForm;
}

/** How a prompt is written, and what follows it: its end, or the turns of a conversation. */
export type PromptForm = { readonly separator: string } | { readonly chat: ChatTemplate };

/** A prompt as the model is given it. */
export function promptText(prompt: string, form: PromptForm): string {
  return 'chat' in form
    ? form.chat([{ role: 'user', content: prompt }], { addGenerationPrompt: true })
    : prompt + form.separator;
}

/** What follows `promptText`, in a conversation with the marks that end it. */
function completionText(prompt: string, completion: string, form: PromptForm): string {
  if (!('chat' in form)) return completion;
  const given = promptText(prompt, form);
  const turns = [
    { role: 'user', content: prompt },
    { role: 'assistant', content: completion },
  ] as const;
  const whole = form.chat(turns, { addGenerationPrompt: false });
  if (whole.startsWith(given)) return whole.slice(given.length);
  throw new DataError(
    "data.chat=true: this model's chat template writes a turn otherwise than it asks for one. Use prompt, completion and separator without it.",
  );
}

/**
 * Text to tokens for a model that learns to write. A text: special tokens that open it, its own, the token that ends it;
 * all but the opening is learnt. A prompt and its completion: opening, prompt and separator, completion, end; of this
 * the completion and the end are learnt. Prompt and completion are tokenised apart, so that a prompt given later has the
 * same tokens.
 *
 * A conversation's template writes its own special tokens, those that open and end it included.
 *
 * What is too long: a text, or a completion longer than half of the room, loses its rest (and then has no end token,
 * for it does not end there); a prompt loses its beginning.
 */
export function createLanguageEncoder(
  { tokenizer, endId }: { readonly tokenizer: Tokenizer; readonly endId: number | undefined },
  { maxLength, form }: LanguageEncoderOptions,
): TextEncoder {
  const { special } = tokenizer;
  const isChat = 'chat' in form;
  const whole = openingOf(tokenizer, endId);
  const end = endId === undefined || isChat ? [] : [endId];
  if (maxLength - whole.length < 2) {
    throw new InvalidParameterError(
      `data.maxLength=${maxLength}: ${whole.length} special tokens leave no room for text. Give more.`,
    );
  }
  return {
    encode(text, completion) {
      const opening = isChat ? [] : completion === undefined ? whole : tokenizer.opening;
      const room = maxLength - opening.length;
      const prompt = completion === undefined ? [] : [...tokenizer.pieces(promptText(text, form))];
      const learnt = [
        ...tokenizer.pieces(completion === undefined ? text : completionText(text, completion, form)),
        ...end,
      ];
      const kept = Math.min(learnt.length, Math.max(room - prompt.length, Math.ceil(room / 2)));
      const given = prompt.slice(Math.max(0, prompt.length - (room - kept)));
      const ids = [...opening, ...given, ...learnt.slice(0, kept)];
      return {
        ids,
        start: Math.max(1, opening.length + given.length),
        truncated: given.length < prompt.length || kept < learnt.length,
        unknown: special.unk === undefined ? 0 : ids.filter((id) => id === special.unk).length,
      };
    },
  };
}

/** A batch in which every token but the first is to be predicted from those before it. */
export function nextTokenBatch(texts: readonly Int32Array[], padId: number): Batch {
  const batch = paddedBatch(
    texts.map((ids) => ({ ids })),
    padId,
  );
  const labels = new Int32Array(batch.ids.length).fill(ignoredLabel);
  for (const [row, text] of texts.entries()) labels.set(text.subarray(1), row * batch.tokens);
  return { ...batch, labels };
}
