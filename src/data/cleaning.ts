import { stripHtml } from './html.ts';

/**
 * Cleaning of text, each step optional, always in this order:
 * - `html`: tags removed, character references decoded
 * - `unicode`: Unicode normal form C
 * - `whitespace`: each run of white space becomes one space, none at the ends
 * - `lower`: lower case
 * - `lemmatize`: English words to their base form (wink-lemmatizer)
 * - `dedupe`: exact duplicates removed, see `createDeduplicator`
 */
export const CLEANING_STEPS = ['html', 'unicode', 'whitespace', 'lower', 'lemmatize', 'dedupe'] as const;
export type CleaningStep = (typeof CLEANING_STEPS)[number];
type TextStep = Exclude<CleaningStep, 'dedupe'>;

export interface Cleaner {
  /** Depends on this text alone, so cleaning never changes a guarantee. */
  clean(text: string): string;
  /** How many texts each step has changed so far. Private. */
  readonly changed: Readonly<Partial<Record<TextStep, number>>>;
}

/** @param steps - in any order; unknown to this function is only what the job schema refuses */
export async function createCleaner(steps: readonly CleaningStep[]): Promise<Cleaner> {
  const applied: [TextStep, (text: string) => string][] = [];
  for (const step of CLEANING_STEPS) {
    if (step !== 'dedupe' && steps.includes(step)) applied.push([step, await stepOf(step)]);
  }
  const changed: Partial<Record<TextStep, number>> = Object.fromEntries(applied.map(([step]) => [step, 0]));
  return {
    changed,
    clean(text) {
      let current = text;
      for (const [step, apply] of applied) {
        const next = apply(current);
        if (next !== current) changed[step] = changed[step]! + 1;
        current = next;
      }
      return current;
    },
  };
}

async function stepOf(step: TextStep): Promise<(text: string) => string> {
  switch (step) {
    case 'unicode':
      return (text) => text.normalize('NFC');
    case 'html':
      return stripHtml;
    case 'whitespace':
      return (text) => text.replace(/\s+/g, ' ').trim();
    case 'lower':
      return (text) => text.toLowerCase();
    default:
      return createLemmatizer();
  }
}

/** Words remembered by the lemmatizer; text has few distinct ones, and each look-up runs a dozen expressions. */
const LEMMA_CACHE_SIZE = 100_000;

/**
 * English words to base forms without tagging parts of speech: as a verb, else as a noun, else as an adjective.
 * So `movies were running` becomes `movie be run`, but also `left` becomes `leave`. An initial capital stays.
 */
async function createLemmatizer(): Promise<(text: string) => string> {
  // Loaded only where asked for: its word lists take 0.1 s and 45 MB.
  const { default: lemmatizer } = await import('wink-lemmatizer');
  const known = new Map<string, string>();
  const lemmaOf = (word: string): string => {
    const cached = known.get(word);
    if (cached !== undefined) return cached;
    const lower = word.toLowerCase();
    const readings = [lemmatizer.verb(lower), lemmatizer.noun(lower), lemmatizer.adjective(lower)];
    const lemma = readings.find((reading) => reading !== lower) ?? lower;
    const isCapital = word[0] !== lower[0];
    const result = lemma === lower ? word : isCapital ? lemma[0]!.toUpperCase() + lemma.slice(1) : lemma;
    if (known.size < LEMMA_CACHE_SIZE) known.set(word, result);
    return result;
  };
  return (text) => text.replace(/\p{L}+/gu, lemmaOf);
}
