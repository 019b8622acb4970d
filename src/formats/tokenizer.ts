import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as generic from '@huggingface/tokenizers';
import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import { createByteLevelBpe } from './byte-level-bpe.ts';
import { parseJsonObject, type JsonObject } from './json.ts';
import { keptLengths, tokenTemplate, type TokenTemplate } from './token-template.ts';
import {
  addedTokens,
  byteLevelRules,
  tokenContent,
  tokenizerFromVocabulary,
  wordPieceRules,
  type AddedToken,
} from './tokenizer-rules.ts';
import { createWordPiece } from './wordpiece.ts';

export interface Encoding {
  /** Token ids with special tokens, at most `maxLength`; not padded. */
  readonly ids: Int32Array;
  /** Segment of each token: 0 for the first text, 1 for the second (where the model tells them apart). */
  readonly typeIds: Int32Array;
  /** Whether text was cut to fit. */
  readonly truncated: boolean;
  /** Tokens, special ones included, before anything was cut. */
  readonly fullLength: number;
  /** Unknown tokens among `ids`. */
  readonly unknown: number;
}

export const SPECIAL_KINDS = ['pad', 'unk', 'cls', 'sep', 'mask', 'bos', 'eos'] as const;
export type SpecialKind = (typeof SPECIAL_KINDS)[number];

/** What is used of the generic tokenizer, whose own type files do not resolve under Node's module rules. */
interface GenericTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean }): string;
  get_vocab(withAddedTokens: boolean): Map<string, number>;
}
const { Tokenizer: createGeneric } = generic as unknown as {
  Tokenizer: new (tokenizer: JsonObject, options: JsonObject) => GenericTokenizer;
};

export interface Tokenizer {
  /** One more than the highest token id. */
  readonly size: number;
  /** Ids of the special tokens that this tokenizer has. */
  readonly special: Readonly<Partial<Record<SpecialKind, number>>>;
  /** Longest input that the tokenizer's configuration names, if it does. */
  readonly maxLength: number | undefined;
  /**
   * @param pair - a second text, encoded with the first
   * @throws InvalidParameterError where `maxLength` leaves no room for text
   */
  encode(text: string, pair?: string, options?: { readonly maxLength?: number }): Encoding;
  /** Text of token ids, special tokens left out. */
  decode(ids: readonly number[]): string;
}

/**
 * Loads a model directory's tokenizer: tokenizer.json, or BERT's vocab.txt with tokenizer_config.json.
 *
 * Ids equal those of Hugging Face `tokenizers`; BERT's WordPiece and GPT-2's byte-level BPE run on
 * implementations of our own, several times as fast as the generic one.
 * @throws DataError
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const options = await readOptional(directory, 'tokenizer_config.json');
  const specialMap = await readOptional(directory, 'special_tokens_map.json');
  const jsonPath = join(directory, 'tokenizer.json');
  const vocabularyPath = join(directory, 'vocab.txt');
  if (existsSync(jsonPath)) {
    const tokenizer = parseJsonObject(await readFile(jsonPath, 'utf8'), jsonPath);
    return createTokenizer(tokenizer, { ...specialMap, ...options }, jsonPath);
  }
  if (existsSync(vocabularyPath)) {
    const vocabulary = await readFile(vocabularyPath, 'utf8');
    const tokenizer = tokenizerFromVocabulary(vocabulary, { ...specialMap, ...options }, vocabularyPath);
    return createTokenizer(tokenizer, { ...specialMap, ...options }, vocabularyPath);
  }
  throw new DataError(
    `${directory}: no tokenizer.json and no vocab.txt. Save one: python -c "from transformers import AutoTokenizer; AutoTokenizer.from_pretrained('${directory}').save_pretrained('${directory}')"`,
  );
}

async function readOptional(directory: string, name: string): Promise<JsonObject> {
  const path = join(directory, name);
  return existsSync(path) ? parseJsonObject(await readFile(path, 'utf8'), path) : {};
}

/**
 * @param tokenizer - a parsed tokenizer.json
 * @param options - a parsed tokenizer_config.json
 * @param label - the file, for errors
 */
export function createTokenizer(tokenizer: JsonObject, options: JsonObject, label: string): Tokenizer {
  const template = tokenTemplate(tokenizer['post_processor'], label);
  let fallback: GenericTokenizer | undefined;
  const loadGeneric = () => {
    try {
      return (fallback ??= new createGeneric(tokenizer, options));
    } catch (cause) {
      throw new DataError(`${label}: this tokenizer cannot be loaded (${(cause as Error).message}).`, {
        cause,
      });
    }
  };
  const wordPiece = wordPieceRules(tokenizer);
  const byteLevel = wordPiece ? undefined : byteLevelRules(tokenizer);
  const rules = wordPiece ?? byteLevel;
  const added = addedTokens(tokenizer);
  let toIds: (text: string) => number[];
  let vocabulary: ReadonlyMap<string, number>;
  if (rules === undefined) {
    const loaded = loadGeneric();
    vocabulary = loaded.get_vocab(true);
    toIds = (text) => loaded.encode(text, { add_special_tokens: false }).ids;
  } else {
    vocabulary = new Map([...rules.vocabulary, ...added.map(({ content, id }) => [content, id] as const)]);
    toIds = withAddedTokens(wordPiece ? createWordPiece(wordPiece) : createByteLevelBpe(byteLevel!), added);
  }
  const special: Partial<Record<SpecialKind, number>> = {};
  for (const kind of SPECIAL_KINDS) {
    const id = vocabulary.get(tokenContent(options[`${kind}_token`]) ?? `[${kind.toUpperCase()}]`);
    if (id !== undefined) special[kind] = id;
  }
  const unknownId = wordPiece?.unknownId ?? special.unk;
  const longest = options['model_max_length'];
  return {
    size: [...vocabulary.values()].reduce((highest, id) => Math.max(highest, id + 1), 0),
    special,
    // Where a model has no limit, transformers writes 1e30.
    maxLength: typeof longest === 'number' && longest < 1e9 ? longest : undefined,
    encode: (text, pair, { maxLength = Infinity } = {}) => {
      const texts = pair === undefined ? [toIds(text)] : [toIds(text), toIds(pair)];
      const fromLeft = options['truncation_side'] === 'left';
      return assemble(template, texts, maxLength, fromLeft, unknownId);
    },
    decode: (ids) => loadGeneric().decode([...ids], { skip_special_tokens: true }),
  };
}

/** Finds added tokens (longest first where several begin at one place) and encodes what lies between them. */
function withAddedTokens(
  encode: (text: string) => number[],
  added: readonly AddedToken[],
): (text: string) => number[] {
  if (added.length === 0) return encode;
  const byContent = new Map(added.map((token) => [token.content, token]));
  const alternatives = [...byContent.keys()]
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
  const pattern = new RegExp(alternatives.join('|'), 'gu');
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

function assemble(
  template: TokenTemplate,
  texts: readonly (readonly number[])[],
  maxLength: number,
  fromLeft: boolean,
  unknownId: number | undefined,
): Encoding {
  const parts = texts.length === 1 ? template.single : template.pair;
  const [first, second] = [texts[0]!, texts[1] ?? []];
  let specials = 0;
  for (const part of parts) if (part.kind === 'special') specials += part.ids.length;
  const budget = maxLength - specials;
  if (budget < 1) {
    throw new InvalidParameterError(
      `maxLength=${maxLength}; ${specials} special tokens leave no room for text.`,
    );
  }
  const fullLength = first.length + second.length + specials;
  const kept: readonly [number, number] =
    texts.length === 1
      ? [Math.min(first.length, budget), 0]
      : keptLengths(first.length, second.length, budget);
  const ids = new Int32Array(Math.min(fullLength, maxLength));
  const typeIds = new Int32Array(ids.length);
  let position = 0;
  let unknown = 0;
  for (const part of parts) {
    const source = part.kind === 'special' ? part.ids : texts[part.which]!;
    const count = part.kind === 'special' ? source.length : kept[part.which];
    const from = fromLeft ? source.length - count : 0;
    for (let index = from; index < from + count; index++) {
      const id = source[index]!;
      if (id === unknownId) unknown++;
      ids[position] = id;
      typeIds[position++] = part.typeId;
    }
  }
  return { ids, typeIds, truncated: fullLength > maxLength, fullLength, unknown };
}
