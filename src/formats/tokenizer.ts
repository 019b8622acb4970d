import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import { parseJsonObject, type JsonObject } from './json.ts';
import { keptLengths, tokenTemplate, type TokenTemplate } from './token-template.ts';
import { createTokenIds } from './token-ids.ts';
import { tokenContent, tokenizerFromVocabulary } from './tokenizer-rules.ts';

interface Encoding {
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

interface WordEncoding extends Encoding {
  /** Index of each word's first token, -1 where it was cut off or has no token. */
  readonly words: Int32Array;
}

const SPECIAL_KINDS = ['pad', 'unk', 'cls', 'sep', 'mask', 'bos', 'eos'] as const;
type SpecialKind = (typeof SPECIAL_KINDS)[number];

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
  /**
   * The words of a sentence, each tokenised as it would be within a text, after white space; what is too long loses its end.
   * @throws InvalidParameterError where `maxLength` leaves no room for text
   */
  encodeWords(words: readonly string[], options?: { readonly maxLength?: number }): WordEncoding;
  /** Special tokens that stand before a text, such as `<s>`. */
  readonly opening: readonly number[];
  /** Token ids of a text without the special tokens around it. */
  pieces(text: string): readonly number[];
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
  const { toIds, vocabulary, unknownId, decode } = createTokenIds(tokenizer, options, label);
  const special: Partial<Record<SpecialKind, number>> = {};
  for (const kind of SPECIAL_KINDS) {
    const id = vocabulary.get(tokenContent(options[`${kind}_token`]) ?? `[${kind.toUpperCase()}]`);
    if (id !== undefined) special[kind] = id;
  }
  const longest = options['model_max_length'];
  const fromLeft = options['truncation_side'] === 'left';
  const opening = openingOf(template);
  return {
    size: [...vocabulary.values()].reduce((highest, id) => Math.max(highest, id + 1), 0),
    special,
    // Where a model has no limit, transformers writes 1e30.
    maxLength: typeof longest === 'number' && longest < 1e9 ? longest : undefined,
    encode: (text, pair, { maxLength = Infinity } = {}) => {
      const texts = pair === undefined ? [toIds(text)] : [toIds(text), toIds(pair)];
      return assemble(template, texts, maxLength, fromLeft, unknownId ?? special.unk);
    },
    encodeWords: (words, { maxLength = Infinity } = {}) => {
      const pieces: number[] = [];
      const starts = Int32Array.from(words, (word) => {
        const start = pieces.length;
        for (const id of toIds(` ${word}`)) pieces.push(id);
        return pieces.length > start ? start : -1;
      });
      const encoding = assemble(template, [pieces], maxLength, false, unknownId ?? special.unk);
      const kept = pieces.length - (encoding.fullLength - encoding.ids.length);
      const places = starts.map((start) => (start >= 0 && start < kept ? opening.length + start : -1));
      return { ...encoding, words: places };
    },
    opening,
    pieces: toIds,
    decode,
  };
}

function openingOf({ single }: TokenTemplate): readonly number[] {
  const text = single.findIndex(({ kind }) => kind === 'text');
  return single.slice(0, text).flatMap((part) => (part.kind === 'special' ? part.ids : []));
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
