import { DataError, type ReproducibleRng } from '../../privacy/index.ts';
import { mauveOf, type MauveFigures } from '../evaluate/index.ts';
import type { TextEncoder } from './features.ts';

/** How much synthetic texts look like others to an encoder. */
export interface Likeness extends MauveFigures {
  readonly encoder: string;
  /** Given where there are too few texts for the figure to be compared with others. */
  readonly caution?: string;
}

/** Most texts of each side; the figure hardly moves beyond, and time grows with the square. */
export const mostCompared = 5000;
/** With fewer there would be one cluster. */
export const fewestCompared = 20;
/** Pillutla et al. compare a thousand and more; fewer look more alike than they are, or less. */
const fewestForComparison = 1000;

/**
 * Draws texts at random, each text as likely as any other, from texts that pass by once (Vitter's algorithm R, 1985).
 * Blank ones are left out.
 * @throws DataError where there are too few to compare anything with
 */
export async function sampleTexts(
  texts: AsyncIterable<string>,
  count: number,
  rng: ReproducibleRng,
): Promise<readonly string[]> {
  const kept: string[] = [];
  let seen = 0;
  for await (const text of texts) {
    if (text.trim() === '') continue;
    seen += 1;
    if (kept.length < count) kept.push(text);
    else {
      const at = rng.integer(seen);
      if (at < count) kept[at] = text;
    }
  }
  if (kept.length >= fewestCompared) return kept;
  throw new DataError(
    `mauve: ${kept.length} texts to compare with, must be ${fewestCompared} at least. Give a larger file, or leave --mauve-encoder out.`,
  );
}

/**
 * @param reference - drawn at random
 * @param written - as many, or more, of which the first are taken
 */
export async function likenessOf(
  reference: readonly string[],
  written: readonly string[],
  encoder: TextEncoder,
  rng: ReproducibleRng,
  progress: (texts: number, of: number) => void,
): Promise<Likeness> {
  const own = written.filter((text) => text.trim() !== '').slice(0, reference.length);
  if (own.length < fewestCompared) {
    throw new DataError(
      `mauve: only ${own.length} texts were written that are not empty, must be ${fewestCompared} at least.`,
    );
  }
  const all = [...reference, ...own];
  const { width, data } = await encoder.features(all, (texts) => progress(texts, all.length));
  const split = reference.length * width;
  const figures = mauveOf(
    { count: reference.length, width, data: data.subarray(0, split) },
    { count: own.length, width, data: data.subarray(split) },
    rng,
  );
  const few = Math.min(reference.length, own.length);
  return {
    encoder: encoder.name,
    ...figures,
    ...(few < fewestForComparison && {
      caution: `${few} texts are few: compare only with figures of as many (${fewestForComparison} and more are usual).`,
    }),
  };
}
