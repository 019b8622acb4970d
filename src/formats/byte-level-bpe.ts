/**
 * Byte-level byte-pair encoding as GPT-2 and RoBERTa use it (Radford et al. 2019, section 2.2), equal to Hugging Face
 * `tokenizers` 0.23; each distinct word is worked on once.
 */
export interface ByteLevelRules {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Rank of each merge by `left right`; lower merges first. */
  readonly ranks: ReadonlyMap<string, number>;
  /** Put a space before a text that does not begin with one. */
  readonly prefixSpace: boolean;
}

/** Distinct words remembered; beyond it the memory starts afresh. */
const CACHE_ENTRIES = 1 << 18;
const CACHED_LENGTH = 48;

// White space as Unicode has it: JavaScript's \s adds U+FEFF and lacks U+0085.
const SPACE = String.raw`\p{White_Space}`;
const WORD = new RegExp(
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^${SPACE}\p{L}\p{N}]+|${SPACE}+(?!\P{White_Space})|${SPACE}+`,
  'gu',
);
const BEGINS_WITH_SPACE = /^\p{White_Space}/u;

/**
 * The character that stands for each byte: printable Latin-1 for itself, the others for U+0100 on.
 */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCodePoint(printable ? byte : next++);
  });
})();

/** Makes a function from text (no special tokens in it) to token ids. */
export function createByteLevelBpe(rules: ByteLevelRules): (text: string) => number[] {
  const encoder = new TextEncoder();
  let cache = new Map<string, readonly number[]>();
  return (text) => {
    const ids: number[] = [];
    const prefixed = rules.prefixSpace && text !== '' && !BEGINS_WITH_SPACE.test(text) ? ` ${text}` : text;
    for (const word of prefixed.match(WORD) ?? []) {
      let pieces = cache.get(word);
      if (pieces === undefined) {
        const symbols = Array.from(encoder.encode(word), (byte) => BYTE_CHARACTERS[byte]!);
        pieces = merge(symbols, rules.ranks).map((symbol) => rules.vocabulary.get(symbol)!);
        if (word.length <= CACHED_LENGTH) {
          if (cache.size >= CACHE_ENTRIES) cache = new Map();
          cache.set(word, pieces);
        }
      }
      for (const id of pieces) ids.push(id);
    }
    return ids;
  };
}

/** The words of a text as byte characters, such as `\u0120dog` for ` dog`. */
export function byteLevelWords(text: string): string[][] {
  const encoder = new TextEncoder();
  return (text.match(WORD) ?? []).map((word) =>
    Array.from(encoder.encode(word), (byte) => BYTE_CHARACTERS[byte]!),
  );
}

/** Merges every occurrence of the pair that ranks first, until none has a rank. */
function merge(symbols: readonly string[], ranks: ReadonlyMap<string, number>): readonly string[] {
  let parts = symbols;
  for (;;) {
    let best = Infinity;
    let left = '';
    let right = '';
    for (let index = 0; index + 1 < parts.length; index++) {
      const rank = ranks.get(`${parts[index]} ${parts[index + 1]}`);
      if (rank !== undefined && rank < best) [best, left, right] = [rank, parts[index]!, parts[index + 1]!];
    }
    if (best === Infinity) return parts;
    const merged: string[] = [];
    for (let index = 0; index < parts.length; index++) {
      if (parts[index] === left && parts[index + 1] === right) {
        merged.push(left + right);
        index++;
      } else merged.push(parts[index]!);
    }
    parts = merged;
  }
}
