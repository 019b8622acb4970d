import { InvalidParameterError } from '../../privacy/index.ts';
import { createCleaner } from '../data/index.ts';
import { allUndefined, type Figure, type Measure } from './figure.ts';
import { estimated, type EvaluateOptions, type Measured } from './metrics.ts';
import { countNgrams, wordsOf } from './ngrams.ts';
import { bleuCounts, bleuOf } from './text-bleu.ts';
import { chrfCounts, chrfOf } from './text-chrf.ts';
import { ciderOf } from './text-cider.ts';
import { rougeOf } from './text-rouge.ts';

/** Figures of texts against references. */
export const TEXTS = [
  'bleu',
  'chrf',
  'rouge1',
  'rouge2',
  'rougeL',
  'cider',
  'coverage',
  'distinct1',
  'distinct2',
  'words',
] as const;
type TextFigure = (typeof TEXTS)[number];

export interface WrittenText {
  readonly prompt: string;
  readonly text: string;
  /** At least one. */
  readonly references: readonly string[];
}

/**
 * Figures of what a model wrote.
 * - bleu, chrf (0 to 100), rouge1, rouge2, rougeL (0 to 1), cider (0 to 10): see each file for definition and reference.
 * - coverage: mean share of the prompt's words that the text has, in any form (by English lemmas), as CommonGen asks for.
 * - distinct1, distinct2: different words, and pairs, among all that were written (Li et al., arXiv:1510.03055).
 * - words: mean number of words.
 */
export async function measureTexts(
  texts: readonly WrittenText[],
  options: EvaluateOptions,
): Promise<Measured<TextFigure>> {
  const without = texts.findIndex(({ references }) => references.length === 0);
  if (without >= 0)
    throw new InvalidParameterError(
      `references[${without}]=[]: must have one at least. Leave that text out.`,
    );
  const measure = await textMeasure(texts);
  return estimated(TEXTS, measure, { records: texts.length, groups: undefined }, options);
}

async function textMeasure(texts: readonly WrittenText[]): Promise<Measure<TextFigure>> {
  const bleu = texts.map(({ text, references }) => bleuCounts(text, references));
  const chrf = texts.map(({ text, references }) => chrfCounts(text, references));
  const rouge = texts.map(({ text, references }) => rougeOf(text, references));
  const cider = ciderOf(
    texts.map(({ text }) => text),
    texts.map(({ references }) => references),
  );
  const covered = await coverageOf(texts);
  const words = texts.map(({ text }) => wordsOf(text.toLowerCase()));
  return (weights) => {
    const count = weights.reduce((sum, weight) => sum + weight, 0);
    if (count === 0) return allUndefined(TEXTS, 'no records');
    const sum = (value: (record: number) => number): number =>
      weights.reduce((total, weight, record) => (weight === 0 ? total : total + weight * value(record)), 0);
    const mean = (value: (record: number) => number): number => sum(value) / count;
    // Of all texts alone: resamples repeat texts, and there is no interval.
    const distinct = (n: number) => (weights.every((weight) => weight === 1) ? distinctShare(words, n) : 0);
    return {
      bleu: bleuOf({
        length: sum((record) => bleu[record]!.length),
        referenceLength: sum((record) => bleu[record]!.referenceLength),
        matches: [0, 1, 2, 3].map((n) => sum((record) => bleu[record]!.matches[n]!)),
        all: [0, 1, 2, 3].map((n) => sum((record) => bleu[record]!.all[n]!)),
      }),
      chrf: chrfOf(
        chrf[0]!.map((_, n) => [
          sum((record) => chrf[record]![n]![0]),
          sum((record) => chrf[record]![n]![1]),
          sum((record) => chrf[record]![n]![2]),
        ]),
      ),
      rouge1: mean((record) => rouge[record]!.rouge1),
      rouge2: mean((record) => rouge[record]!.rouge2),
      rougeL: mean((record) => rouge[record]!.rougeL),
      cider: mean((record) => cider[record]!),
      coverage: mean((record) => covered[record]!),
      distinct1: distinct(1),
      distinct2: distinct(2),
      words: mean((record) => words[record]!.length),
    };
  };
}

/** Different n-grams among all, as a share; or why there is none. */
function distinctShare(texts: readonly (readonly string[])[], n: number): Figure {
  const kinds = new Set<string>();
  let all = 0;
  for (const words of texts) {
    for (const ngram of countNgrams(words, n).keys()) kinds.add(ngram);
    all += Math.max(0, words.length - n + 1);
  }
  return all === 0 ? 'nothing was written' : kinds.size / all;
}

/** Share of each prompt's words that its text has, as they are or by their lemmas; 1 where a prompt has none. */
async function coverageOf(texts: readonly WrittenText[]): Promise<number[]> {
  const cleaner = await createCleaner(['lower', 'lemmatize']);
  const formsOf = (text: string): Set<string> =>
    new Set([text.toLowerCase(), cleaner.clean(text)].flatMap((form) => form.match(/\p{L}+/gu) ?? []));
  return texts.map(({ prompt, text }) => {
    const written = formsOf(text);
    const asked = prompt.match(/\p{L}+/gu) ?? [];
    const present = asked.filter((word) => [...formsOf(word)].some((form) => written.has(form)));
    return asked.length === 0 ? 1 : present.length / asked.length;
  });
}
