import type { Tokenizer } from '../formats/index.ts';

/**
 * Token ids before a text that follows no prompt: what the tokenizer puts there, or the token that ends a text, as GPT-2
 * learnt it between documents.
 */
export function openingOf(
  { opening }: Pick<Tokenizer, 'opening'>,
  endId: number | undefined,
): readonly number[] {
  return opening.length > 0 || endId === undefined ? opening : [endId];
}
