import { DataError } from '../../privacy/errors.ts';
import type { Json, JsonObject } from './json.ts';
import { isJsonObject } from './json.ts';

/** Longer grapheme clusters (in UTF-8 bytes) are looked up one code point at a time, as the reference does. */
const CLUSTER_BYTES = 6;

/**
 * The `Precompiled` normaliser of SentencePiece models (XLM-R, CamemBERT): a trie from byte strings to replacements, in the
 * double-array form of Darts-clone, as Hugging Face `tokenizers` 0.23 applies it (crate spm_precompiled 0.1.4).
 * @param base64 - `precompiled_charsmap`: u32 size of the trie, the trie, the replacements, each ended by a zero byte
 * @throws DataError
 */
function createCharsmap(base64: string, label: string): (text: string) => string {
  const bytes = Buffer.from(base64, 'base64');
  const trieBytes = bytes.byteLength >= 4 ? bytes.readUInt32LE(0) : Infinity;
  if (4 + trieBytes > bytes.byteLength || trieBytes % 4 !== 0) {
    throw new DataError(`${label}: normalizer.precompiled_charsmap is damaged (its trie is longer than it).`);
  }
  const trie = Uint32Array.from({ length: trieBytes / 4 }, (_, unit) => bytes.readUInt32LE(4 + 4 * unit));
  const replacements = bytes.subarray(4 + trieBytes);
  const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const known = new Map<string, string | undefined>();

  /** What the shortest known prefix of a string becomes: the whole string is replaced by it. */
  const lookUp = (text: string): string | undefined => {
    let at = offsetOf(trie[0] ?? 0);
    for (const byte of Buffer.from(text)) {
      if (byte === 0) return undefined;
      at ^= byte;
      const unit = trie[at];
      // Bit 31 marks a leaf, whose label no byte equals.
      if (unit === undefined || (unit & 0x8000_00ff) !== byte) return undefined;
      at ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 1) {
        const begin = (trie[at] ?? 0) & 0x7fff_ffff;
        return replacements.subarray(begin, replacements.indexOf(0, begin)).toString('utf8');
      }
    }
    return undefined;
  };
  const replaced = (text: string): string | undefined => {
    if (!known.has(text)) known.set(text, lookUp(text));
    return known.get(text);
  };
  return (text) => {
    let result = '';
    for (const { segment } of clusters.segment(text)) {
      const whole = Buffer.byteLength(segment) < CLUSTER_BYTES ? replaced(segment) : undefined;
      result += whole ?? Array.from(segment, (char) => replaced(char) ?? char).join('');
    }
    return result;
  };
}

/** Where the children of a unit of the double array begin, to be combined with a byte by exclusive or. */
function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

/**
 * Takes a `Precompiled` normaliser that comes first out of a tokenizer.json.
 * @returns the normaliser as a function, and the tokenizer.json without it; undefined where there is none
 * @throws DataError where one comes later: it cannot be run apart then
 */
export function takeCharsmap(
  tokenizer: JsonObject,
  label: string,
): { readonly charsmap: (text: string) => string; readonly rest: JsonObject } | undefined {
  const { normalizer } = tokenizer;
  if (!isJsonObject(normalizer)) return undefined;
  const listed = normalizer['normalizers'];
  const steps: readonly Json[] =
    normalizer['type'] === 'Sequence' && Array.isArray(listed) ? listed : [normalizer];
  const place = steps.findIndex((step) => isJsonObject(step) && step['type'] === 'Precompiled');
  if (place < 0) return undefined;
  const map = (steps[place] as JsonObject)['precompiled_charsmap'];
  if (place > 0 || typeof map !== 'string') {
    throw new DataError(`${label}: a Precompiled normalizer is supported as the first step only.`);
  }
  const others = steps.slice(1);
  const next = others.length > 0 ? { type: 'Sequence', normalizers: others } : null;
  return { charsmap: createCharsmap(map, label), rest: { ...tokenizer, normalizer: next } };
}
