import { DataError } from '../../privacy/errors.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { BYTE_CHARACTERS, type ByteLevelRules } from './byte-level-bpe.ts';
import type { WordPieceRules } from './wordpiece.ts';

/**
 * The tokenizer.json that stands for a BERT vocab.txt: one token a line, its id the line's number from 0.
 * @param options - tokenizer_config.json, of which do_lower_case, strip_accents, tokenize_chinese_chars and the names
 *   of the special tokens matter
 * @throws DataError where a special token that BERT needs is not in the vocabulary
 */
export function tokenizerFromVocabulary(vocabulary: string, options: JsonObject, label: string): JsonObject {
  const lines = vocabulary.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (lines.at(-1) === '') lines.pop();
  const vocab: Record<string, number> = Object.fromEntries(lines.map((token, id) => [token, id]));
  const specials = (['pad', 'unk', 'cls', 'sep', 'mask'] as const).map((kind) => {
    const content = tokenContent(options[`${kind}_token`]) ?? `[${kind.toUpperCase()}]`;
    if (!Object.hasOwn(vocab, content))
      throw new DataError(`${label}: ${kind}_token=${content} is not in it.`);
    return { kind, content, id: vocab[content]! };
  });
  const named = (kind: string) => specials.find((special) => special.kind === kind)!;
  const [cls, sep] = [named('cls'), named('sep')];
  return {
    added_tokens: specials.map(({ content, id }) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: options['tokenize_chinese_chars'] ?? true,
      strip_accents: options['strip_accents'] ?? null,
      lowercase: options['do_lower_case'] ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: [sep.content, sep.id], cls: [cls.content, cls.id] },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: named('unk').content,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

/** A special token in a configuration file: its text, or an object that holds it. */
export function tokenContent(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  const content = isJsonObject(value) ? value['content'] : undefined;
  return typeof content === 'string' ? content : undefined;
}

/** The rules of a tokenizer.json that is BERT's, by the letter; undefined for any other. */
export function wordPieceRules(tokenizer: JsonObject): WordPieceRules | undefined {
  const { model, normalizer, pre_tokenizer: splitter } = tokenizer;
  if (!isJsonObject(model) || !isJsonObject(normalizer) || !isJsonObject(splitter)) return undefined;
  if (model['type'] !== 'WordPiece' || !isJsonObject(model['vocab'])) return undefined;
  if (normalizer['type'] !== 'BertNormalizer' || normalizer['clean_text'] !== true) return undefined;
  if (splitter['type'] !== 'BertPreTokenizer') return undefined;
  if (addedTokens(tokenizer).some((token) => token.normalized || token.singleWord)) return undefined;
  const vocabulary = new Map(Object.entries(model['vocab']) as [string, number][]);
  const { unk_token: unknown, continuing_subword_prefix: continuation = '##' } = model;
  const unknownId = typeof unknown === 'string' ? vocabulary.get(unknown) : undefined;
  if (unknownId === undefined || typeof continuation !== 'string') return undefined;
  const lowercase = normalizer['lowercase'] === true;
  return {
    vocabulary,
    unknownId,
    continuation,
    maxWordLength: Number(model['max_input_chars_per_word'] ?? 100),
    lowercase,
    stripAccents: (normalizer['strip_accents'] ?? lowercase) === true,
    splitCjk: normalizer['handle_chinese_chars'] === true,
  };
}

/** The rules of a tokenizer.json that is GPT-2's or RoBERTa's, by the letter; undefined for any other. */
export function byteLevelRules(tokenizer: JsonObject): ByteLevelRules | undefined {
  const { model, normalizer, pre_tokenizer: splitter } = tokenizer;
  if (!isJsonObject(model) || !isJsonObject(splitter) || (normalizer ?? null) !== null) return undefined;
  const { type = 'BPE', vocab, merges } = model;
  if (type !== 'BPE' || !isJsonObject(vocab) || !Array.isArray(merges)) return undefined;
  const plain = [
    'dropout',
    'continuing_subword_prefix',
    'end_of_word_suffix',
    'byte_fallback',
    'ignore_merges',
  ];
  if (plain.some((key) => Boolean(model[key]))) return undefined;
  if (splitter['type'] !== 'ByteLevel' || splitter['use_regex'] === false) return undefined;
  if (addedTokens(tokenizer).some((token) => token.singleWord)) return undefined;
  const vocabulary = new Map(Object.entries(vocab) as [string, number][]);
  const pairs = merges.map((pair: Json) =>
    typeof pair === 'string' ? pair : Array.isArray(pair) ? pair.join(' ') : '',
  );
  // Whatever the merges make of any text must be in the vocabulary.
  const made = [...BYTE_CHARACTERS, ...pairs.map((pair) => pair.replace(' ', ''))];
  if (!made.every((symbol) => vocabulary.has(symbol))) return undefined;
  return {
    vocabulary,
    ranks: new Map(pairs.map((pair, rank) => [pair, rank])),
    prefixSpace: splitter['add_prefix_space'] === true,
  };
}

export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Looked for in normalised text. */
  readonly normalized: boolean;
  readonly singleWord: boolean;
  /** Takes the white space on its left, on its right. */
  readonly stripLeft: boolean;
  readonly stripRight: boolean;
}

export function addedTokens(tokenizer: JsonObject): AddedToken[] {
  const list = tokenizer['added_tokens'];
  if (!Array.isArray(list)) return [];
  return (list as readonly Json[]).flatMap((token) =>
    isJsonObject(token) && typeof token['content'] === 'string' && typeof token['id'] === 'number'
      ? [
          {
            content: token['content'],
            id: token['id'],
            normalized: token['normalized'] === true,
            singleWord: token['single_word'] === true,
            stripLeft: token['lstrip'] === true,
            stripRight: token['rstrip'] === true,
          },
        ]
      : [],
  );
}
