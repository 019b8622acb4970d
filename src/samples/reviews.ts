import type { ReproducibleRng } from '../../privacy/index.ts';
import { fillers, grammars, type Grammar } from './grammar.ts';

/** One made-up review. No person wrote it. */
export interface Review {
  readonly author: string;
  readonly language: 'en' | 'es';
  readonly text: string;
  readonly label: 'positive' | 'negative';
}

/**
 * Reviews by made-up authors, in English and Spanish, each with one to eight reviews, a language of their own, and a
 * temper (how often they praise). About one sentence in eight is a denial and one review in five admits an opposite
 * point, so that words alone do not decide; 3 % of labels are wrong, as in life.
 */
export function sampleReviews(authors: number, rng: ReproducibleRng): Review[] {
  const reviews: Review[] = [];
  for (let index = 0; index < authors; index++) {
    const author = `author-${String(index + 1).padStart(4, '0')}`;
    const grammar = grammars[rng.uniform() < 0.7 ? 0 : 1]!;
    const temper = 0.25 + 0.5 * rng.uniform();
    const count = 1 + Math.floor(8 * rng.uniform() ** 2);
    for (let n = 0; n < count; n++) {
      const positive = rng.uniform() < temper;
      const mistaken = rng.uniform() < 0.03;
      reviews.push({
        author,
        language: grammar.code,
        text: writeReview(grammar, positive, 2 + rng.integer(3), rng),
        label: positive !== mistaken ? 'positive' : 'negative',
      });
    }
  }
  return reviews;
}

/** Public text in the same two languages: titled reviews by nobody, one a line. What `pretrain` learns from. */
export function samplePublicText(lines: number, rng: ReproducibleRng): string[] {
  return Array.from({ length: lines }, () => {
    const grammar = grammars[rng.uniform() < 0.6 ? 0 : 1]!;
    const positive = rng.uniform() < 0.5;
    const titles = grammar.titles[positive ? 'positive' : 'negative'];
    const title = titles[rng.integer(titles.length)]!;
    return `${title}. ${writeReview(grammar, positive, 2 + rng.integer(3), rng)}`;
  });
}

/** @param points - opinions in it */
function writeReview(grammar: Grammar, positive: boolean, points: number, rng: ReproducibleRng): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(rng.uniform() * list.length)]!;
  const sentences: string[] = [];
  if (rng.uniform() < 0.6) sentences.push(pick(grammar.openings));
  for (let n = 0; n < points; n++) sentences.push(opinion(grammar, positive, pick, rng));
  if (rng.uniform() < 0.2)
    sentences.push(
      `${opinion(grammar, !positive, pick, rng)} ${grammar.but} ${opinion(grammar, positive, pick, rng)}`,
    );
  if (rng.uniform() < 0.4)
    sentences.splice(Math.floor(rng.uniform() * sentences.length), 0, pick(grammar.facts));
  if (rng.uniform() < 0.5)
    sentences.push(pick(positive ? grammar.endings.positive : grammar.endings.negative));
  const words = fillers[grammar.code];
  return `${sentences.join('. ')}.`
    .replaceAll('{month}', () => pick(words.month))
    .replaceAll('{person}', () => pick(words.person));
}

function opinion(
  grammar: Grammar,
  positive: boolean,
  pick: <T>(list: readonly T[]) => T,
  rng: ReproducibleRng,
): string {
  const denied = rng.uniform() < 0.12;
  const thing = pick(grammar.things);
  const words = positive !== denied ? grammar.opinions.positive : grammar.opinions.negative;
  const word = pick(words)[thing.feminine === true ? 1 : 0];
  return pick(denied ? grammar.denials : grammar.frames)
    .replace('{the}', thing.the)
    .replace('{x}', `${denied ? '' : pick(grammar.intensifiers)}${word}`);
}
