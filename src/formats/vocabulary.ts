import { BYTE_CHARACTERS, byteLevelWords } from './byte-level-bpe.ts';
import type { JsonObject } from './json.ts';
import { bertWords } from './wordpiece.ts';

/** How text is read while a vocabulary is learned, and must be read with it later. */
const uncased = { lowercase: true, stripAccents: true, splitCjk: true } as const;

/** Special tokens of a BERT vocabulary, in the order in which they come first. */
const bertSpecials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;

/**
 * Learns an uncased WordPiece vocabulary: every character, then the most frequent adjacent pair is merged until the
 * vocabulary is full (byte-pair merges, Sennrich et al., arXiv:1508.07909, written with WordPiece's `##`).
 * @param size - largest vocabulary, special tokens included
 * @returns tokens, special ones first; the same for the same lines, whatever their order
 */
export function learnVocabulary(lines: Iterable<string>, size: number): string[] {
  const counts = new Map<string, number>();
  for (const line of lines)
    for (const word of bertWords(line, uncased)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, count]) => ({
      count,
      pieces: Array.from(word, (letter, i) => (i === 0 ? letter : `##${letter}`)),
    }));
  const tokens = new Set<string>(bertSpecials);
  for (const piece of words.flatMap((word) => word.pieces).sort()) tokens.add(piece);
  const pairs = createPairCounts(words, mergedWordPiece);
  while (tokens.size < size) {
    const best = pairs.best();
    if (best === undefined) break;
    tokens.add(mergedWordPiece(best));
    pairs.merge(best);
  }
  return [...tokens];
}

/** What ends a text, as GPT-2 has it. */
const endOfText = '<|endoftext|>';

/**
 * Learns GPT-2's byte-level byte-pair encoding (Radford et al. 2019, section 2.2): the end token, all bytes, then the most
 * frequent adjacent pair is merged until the vocabulary is full.
 * @param size - largest vocabulary, at least 257
 * @returns tokenizer.json, whose token 0 opens and ends a text; the same for the same lines, whatever their order
 */
export function learnByteLevelBpe(lines: Iterable<string>, size: number): JsonObject {
  const counts = new Map<string, { pieces: string[]; count: number }>();
  for (const line of lines) {
    for (const pieces of byteLevelWords(line)) {
      const key = pieces.join('');
      const word = counts.get(key) ?? { pieces, count: 0 };
      word.count += 1;
      counts.set(key, word);
    }
  }
  const words = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, word]) => word);
  const tokens = new Set([endOfText, ...BYTE_CHARACTERS]);
  const merges: string[] = [];
  const pairs = createPairCounts(words, (pair) => pair.join(''));
  while (tokens.size < size) {
    const best = pairs.best();
    if (best === undefined) break;
    merges.push(best.join(' '));
    tokens.add(best.join(''));
    pairs.merge(best);
  }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [
      {
        id: 0,
        content: endOfText,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      },
    ],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: endOfText, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: endOfText, type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { Sequence: { id: 'B', type_id: 0 } },
      ],
      special_tokens: { [endOfText]: { id: endOfText, ids: [0], tokens: [endOfText] } },
    },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries([...tokens].map((token, id) => [token, id])),
      merges,
    },
  };
}

interface Word {
  readonly count: number;
  pieces: string[];
}
type Pair = readonly [left: string, right: string];

function mergedWordPiece([left, right]: Pair): string {
  return left + right.replace(/^##/, '');
}

function createPairCounts(words: readonly Word[], merged: (pair: Pair) => string) {
  const counts = new Map<string, { pair: Pair; count: number; words: Set<Word> }>();
  const change = (word: Word, sign: 1 | -1): void => {
    for (let i = 0; i + 1 < word.pieces.length; i++) {
      const pair: Pair = [word.pieces[i]!, word.pieces[i + 1]!];
      const key = pair.join(' ');
      const entry = counts.get(key) ?? { pair, count: 0, words: new Set<Word>() };
      entry.count += sign * word.count;
      entry.words.add(word);
      if (entry.count > 0) counts.set(key, entry);
      else counts.delete(key);
    }
  };
  for (const word of words) change(word, 1);
  return {
    /** The most frequent pair seen at least twice; of equals, the first by name. */
    best(): Pair | undefined {
      let best: { key: string; pair: Pair; count: number } | undefined;
      for (const [key, { pair, count }] of counts) {
        if (count < 2 || (best && (count < best.count || (count === best.count && key > best.key)))) continue;
        best = { key, pair, count };
      }
      return best?.pair;
    },
    merge(pair: Pair): void {
      for (const word of counts.get(pair.join(' '))!.words) {
        change(word, -1);
        word.pieces = mergedIn(word.pieces, pair, merged(pair));
        change(word, 1);
      }
    },
  };
}

function mergedIn(pieces: readonly string[], pair: Pair, whole: string): string[] {
  const result: string[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const joins = pieces[i] === pair[0] && pieces[i + 1] === pair[1];
    result.push(joins ? whole : pieces[i]!);
    if (joins) i++;
  }
  return result;
}
