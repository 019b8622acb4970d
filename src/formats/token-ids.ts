import * as generic from '@huggingface/tokenizers';
import { DataError } from '../../privacy/errors.ts';
import { createByteLevelBpe } from './byte-level-bpe.ts';
import { takeCharsmap } from './charsmap.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { addedTokens, byteLevelRules, wordPieceRules, type AddedToken } from './tokenizer-rules.ts';
import { createWordPiece } from './wordpiece.ts';

/** What is used of the generic tokenizer, whose own type files do not resolve under Node's module rules. */
interface GenericTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean }): string;
  get_vocab(withAddedTokens: boolean): Map<string, number>;
}
const { Tokenizer: createGeneric } = generic as unknown as {
  Tokenizer: new (tokenizer: JsonObject, options: JsonObject) => GenericTokenizer;
};

/** From text to ids and back, without the special tokens that surround a model's input. */
export interface TokenIds {
  readonly toIds: (text: string) => readonly number[];
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly unknownId: number | undefined;
  readonly decode: (ids: readonly number[]) => string;
}

/**
 * What a tokenizer.json makes of text: BERT's WordPiece and GPT-2's byte-level BPE by our own implementations, others by the generic
 * one, SentencePiece's normaliser again by our own, since the generic one approximates it.
 * @throws DataError for what neither knows
 */
export function createTokenIds(tokenizer: JsonObject, options: JsonObject, label: string): TokenIds {
  const taken = takeCharsmap(tokenizer, label);
  let loaded: GenericTokenizer | undefined;
  const load = (): GenericTokenizer => {
    try {
      return (loaded ??= new createGeneric(taken?.rest ?? tokenizer, options));
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new DataError(`${label}: this tokenizer cannot be loaded (${reason}).`, { cause });
    }
  };
  const decode = (ids: readonly number[]) => load().decode([...ids], { skip_special_tokens: true });
  const added = addedTokens(tokenizer);
  const wordPiece = wordPieceRules(tokenizer);
  const byteLevel = wordPiece ? undefined : byteLevelRules(tokenizer);
  if (wordPiece ?? byteLevel) {
    const own = wordPiece ? createWordPiece(wordPiece) : createByteLevelBpe(byteLevel!);
    const base = (wordPiece ?? byteLevel)!.vocabulary;
    const vocabulary = new Map([...base, ...added.map(({ content, id }) => [content, id] as const)]);
    return { toIds: withAddedTokens(own, added), vocabulary, unknownId: wordPiece?.unknownId, decode };
  }
  const encode = (text: string) => load().encode(text, { add_special_tokens: false }).ids;
  const vocabulary = load().get_vocab(true);
  const model = isJsonObject(tokenizer['model']) ? tokenizer['model'] : {};
  const { unk_id: id, unk_token: token } = model;
  const unknownId =
    typeof id === 'number' ? id : typeof token === 'string' ? vocabulary.get(token) : undefined;
  if (taken === undefined) return { toIds: encode, vocabulary, unknownId, decode };
  // The generic splitter's white space is JavaScript's, which lacks U+0085.
  const normalise = outsideTokens((text) => taken.charsmap(text).replaceAll('\u0085', ' '), added);
  return { toIds: (text) => encode(normalise(text)), vocabulary, unknownId, decode };
}

/** Matches any of the added tokens, the longest where several begin at one place. */
function tokenPattern(added: readonly AddedToken[]): RegExp {
  const alternatives = added
    .map(({ content }) => content)
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
  return new RegExp(alternatives.join('|'), 'gu');
}

/** Applies a function to what lies between added tokens. */
function outsideTokens(
  change: (text: string) => string,
  added: readonly AddedToken[],
): (text: string) => string {
  if (added.length === 0) return change;
  const pattern = tokenPattern(added);
  return (text) => {
    let result = '';
    let position = 0;
    for (const match of text.matchAll(pattern)) {
      result += change(text.slice(position, match.index)) + match[0];
      position = match.index + match[0].length;
    }
    return result + change(text.slice(position));
  };
}

/** Finds added tokens and encodes what lies between them. */
function withAddedTokens(
  encode: (text: string) => number[],
  added: readonly AddedToken[],
): (text: string) => number[] {
  if (added.length === 0) return encode;
  const byContent = new Map(added.map((token) => [token.content, token]));
  const pattern = tokenPattern(added);
  return (text) => {
    const ids: number[] = [];
    let position = 0;
    for (const match of text.matchAll(pattern)) {
      const token = byContent.get(match[0])!;
      const before = text.slice(position, match.index);
      for (const id of encode(token.stripLeft ? before.trimEnd() : before)) ids.push(id);
      ids.push(token.id);
      position = match.index + token.content.length;
      if (token.stripRight) position = text.length - text.slice(position).trimStart().length;
    }
    if (position === 0) return encode(text);
    for (const id of encode(text.slice(position))) ids.push(id);
    return ids;
  };
}
