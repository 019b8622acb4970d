import { countNgrams } from './ngrams.ts';
import { mtevalTokens } from './text-bleu.ts';

const LONGEST = 4;
/** Width of the penalty on a difference of length. */
const SIGMA = 6;

/**
 * CIDEr-D of each text, 0 to 10 (Vedantam et al., arXiv:1411.5726): similarity of n-grams weighted by how few records'
 * references have them. As cider_scorer.py of coco-caption, on lower-case words without punctuation, which stand in for
 * its Java tokenizer.
 * @param references - of each text, at least one
 */
export function ciderOf(texts: readonly string[], references: readonly (readonly string[])[]): Float64Array {
  const known = references.map((own) => own.map(ngramsOf));
  const records = new Map<string, number>();
  for (const own of known)
    for (const ngram of new Set(own.flatMap((counts) => counts.flatMap((map) => [...map.keys()]))))
      records.set(ngram, (records.get(ngram) ?? 0) + 1);
  const vectorOf = (counts: readonly ReadonlyMap<string, number>[]): Vector => {
    const weights = counts.map(
      (map) =>
        new Map(
          Array.from(map, ([ngram, count]) => [
            ngram,
            count * (Math.log(texts.length) - Math.log(Math.max(1, records.get(ngram) ?? 0))),
          ]),
        ),
    );
    const norms = weights.map((map) =>
      Math.sqrt([...map.values()].reduce((sum, weight) => sum + weight ** 2, 0)),
    );
    // The reference measures length in pairs of words.
    return { weights, norms, length: [...counts[1]!.values()].reduce((sum, count) => sum + count, 0) };
  };
  return Float64Array.from(texts, (text, at) => {
    const own = vectorOf(ngramsOf(text));
    const scores = known[at]!.map((counts) => similarity(own, vectorOf(counts)));
    return (10 * scores.reduce((sum, score) => sum + score, 0)) / scores.length;
  });
}

interface Vector {
  /** By n. */
  readonly weights: readonly ReadonlyMap<string, number>[];
  readonly norms: readonly number[];
  readonly length: number;
}

/** Mean over n of the cosine of clipped weights. */
function similarity(own: Vector, other: Vector): number {
  const penalty = Math.exp(-((own.length - other.length) ** 2) / (2 * SIGMA ** 2));
  let sum = 0;
  for (const [at, weights] of own.weights.entries()) {
    let product = 0;
    for (const [ngram, weight] of weights) {
      const theirs = other.weights[at]!.get(ngram) ?? 0;
      product += Math.min(weight, theirs) * theirs;
    }
    const norm = own.norms[at]! * other.norms[at]!;
    sum += norm > 0 ? product / norm : 0;
  }
  return (penalty * sum) / LONGEST;
}

function ngramsOf(text: string): Map<string, number>[] {
  const words = ciderWords(text);
  return Array.from({ length: LONGEST }, (_, at) => countNgrams(words, at + 1));
}

function ciderWords(text: string): string[] {
  return mtevalTokens(text.toLowerCase()).filter((token) => /[\p{L}\p{N}]/u.test(token));
}
