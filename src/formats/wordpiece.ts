import { ASCII, ASCII_WORD, DROPPED, IDEOGRAPH, MARK, PLAIN, SPACE, WORD } from './bert-characters.ts';

/**
 * BERT's normaliser, word splitter and WordPiece, equal to Hugging Face `tokenizers` 0.23 and fast enough for millions
 * of short rows: each distinct chunk between spaces is worked on once.
 */
export interface WordPieceRules {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly unknownId: number;
  /** Marks a piece that continues a word, `##`. */
  readonly continuation: string;
  /** Words of more code points become the unknown token. */
  readonly maxWordLength: number;
  readonly lowercase: boolean;
  readonly stripAccents: boolean;
  readonly splitCjk: boolean;
}

/** Distinct chunks remembered; beyond it the memory starts afresh. */
const CACHE_ENTRIES = 1 << 18;
/** Longer chunks are worked on each time: they hardly recur. */
const CACHED_LENGTH = 48;

/** Makes a function from text (no special tokens in it) to token ids. */
export function createWordPiece(rules: WordPieceRules): (text: string) => number[] {
  let cache = new Map<string, readonly number[]>();
  return (text) => {
    const ids: number[] = [];
    for (const chunk of text.split(SPACE)) {
      if (chunk === '') continue;
      let pieces = cache.get(chunk);
      if (pieces === undefined) {
        pieces = bertWords(chunk, rules).flatMap((word) => wordPieces(word, rules));
        if (chunk.length <= CACHED_LENGTH) {
          if (cache.size >= CACHE_ENTRIES) cache = new Map();
          cache.set(chunk, pieces);
        }
      }
      for (const id of pieces) ids.push(id);
    }
    return ids;
  };
}

/**
 * A chunk without spaces as BERT's words: cleaned, decomposed, lower-cased, and split at punctuation and ideographs as
 * the rules ask.
 */
export function bertWords(
  chunk: string,
  { lowercase, stripAccents, splitCjk }: Pick<WordPieceRules, 'lowercase' | 'stripAccents' | 'splitCjk'>,
): string[] {
  if (ASCII.test(chunk)) return (lowercase ? chunk.toLowerCase() : chunk).match(ASCII_WORD) ?? [];
  let text = chunk.replace(DROPPED, '');
  if (splitCjk) text = text.replace(IDEOGRAPH, ' $& ');
  if (stripAccents) {
    text = Array.from(text, (char) => (PLAIN.test(char) ? char : char.normalize('NFD')))
      .join('')
      .replace(MARK, '');
  }
  // One code point at a time: the whole string's toLowerCase would give a final sigma its special form.
  if (lowercase) text = Array.from(text, (char) => char.toLowerCase()).join('');
  return text.split(SPACE).flatMap((part) => part.match(WORD) ?? []);
}

/** Greedy longest match from the left; one unknown token for a word that no pieces make up. */
function wordPieces(word: string, rules: WordPieceRules): readonly number[] {
  const unknown = [rules.unknownId];
  const chars = Array.from(word);
  if (chars.length > rules.maxWordLength) return unknown;
  const ids: number[] = [];
  for (let start = 0; start < chars.length;) {
    let end = chars.length;
    let id: number | undefined;
    for (; end > start; end--) {
      const piece = chars.slice(start, end).join('');
      id = rules.vocabulary.get(start > 0 ? rules.continuation + piece : piece);
      if (id !== undefined) break;
    }
    if (id === undefined) return unknown;
    ids.push(id);
    start = end;
  }
  return ids;
}
