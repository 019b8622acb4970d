import { DataError } from '../../privacy/errors.ts';
import { entitiesOf, readingOf } from '../evaluate/index.ts';
import type { Classifier } from '../train/index.ts';

/** A sentence to be tagged: its text, and where in it each word is. */
export interface Sentence {
  readonly text: string;
  readonly words: readonly { readonly text: string; readonly start: number; readonly end: number }[];
}

/** Letters and digits, also with one sign between them (3.5, e-mail, don't); any other sign is a word of its own. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:[.,'’\-_@/][\p{L}\p{M}\p{N}]+)*|\S/gu;

/** A text, cut into words at white space and around punctuation. */
function sentenceOf(text: string): Sentence {
  const words = Array.from(text.matchAll(WORD), ({ 0: word, index }) => ({
    text: word,
    start: index,
    end: index + word.length,
  }));
  return { text, words };
}

/** Words as they were given; in the text a space is between them. */
function sentenceOfWords(given: readonly string[]): Sentence {
  let end = -1;
  const words = given.map((text) => {
    const start = end + 1;
    end = start + text.length;
    return { text, start, end };
  });
  return { text: given.join(' '), words };
}

/** A line is a text, or an object with `tokens` (its words), or with `text`. */
export function parseSentence(line: string, number: number): Sentence {
  if (!line.startsWith('{')) return sentenceOf(line);
  let row: { tokens?: unknown; text?: unknown };
  try {
    row = JSON.parse(line) as typeof row;
  } catch {
    return sentenceOf(line);
  }
  if (Array.isArray(row.tokens) && row.tokens.every((token) => typeof token === 'string')) {
    return sentenceOfWords(row.tokens);
  }
  if (typeof row.text === 'string') return sentenceOf(row.text);
  throw new DataError(`input:${number}: no "tokens" and no "text". Give each object one, tokens as a list.`);
}

/**
 * The entities of each sentence. `start` and `end` are places in the text (UTF-16 units, the end exclusive), `words` the first
 * word and the one after the last, from 0; `score` is the mean probability of the tags of the words. `cut` says how many words the
 * model did not see, where there are any.
 */
export async function findEntities(
  classifier: Pick<Classifier, 'tags' | 'labelNames'>,
  sentences: readonly Sentence[],
): Promise<Record<string, unknown>[]> {
  const reading = readingOf(classifier.labelNames);
  const tagged = await classifier.tags(sentences.map(({ words }) => words.map(({ text }) => text)));
  return sentences.map(({ text, words }, at) => {
    const tags = tagged[at]!;
    const cut = tags.filter(({ probability }) => probability === null).length;
    const entities = entitiesOf(
      tags.map(({ tag }) => tag),
      reading,
    ).map(({ kind, start: first, end: after }) => {
      const [start, end] = [words[first]!.start, words[after - 1]!.end];
      const scores = tags.slice(first, after).map(({ probability }) => probability ?? 0);
      const score = scores.reduce((sum, value) => sum + value, 0) / scores.length;
      return {
        text: text.slice(start, end),
        type: kind,
        score: Number(score.toPrecision(6)),
        start,
        end,
        words: [first, after],
      };
    });
    return { text, entities, ...(cut > 0 && { cut }) };
  });
}
