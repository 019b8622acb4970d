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
  const pairs = createPairCounts(words);
  while (tokens.size < size) {
    const best = pairs.best();
    if (best === undefined) break;
    tokens.add(merged(best));
    pairs.merge(best);
  }
  return [...tokens];
}

interface Word {
  readonly count: number;
  pieces: string[];
}
type Pair = readonly [left: string, right: string];

const merged = ([left, right]: Pair): string => left + right.replace(/^##/, '');

function createPairCounts(words: readonly Word[]) {
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
        word.pieces = mergedIn(word.pieces, pair);
        change(word, 1);
      }
    },
  };
}

function mergedIn(pieces: readonly string[], pair: Pair): string[] {
  const result: string[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const joins = pieces[i] === pair[0] && pieces[i + 1] === pair[1];
    result.push(joins ? merged(pair) : pieces[i]!);
    if (joins) i++;
  }
  return result;
}
