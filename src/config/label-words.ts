import type { Check, Lookup } from './checks.ts';
import type { Config } from './schema.ts';

/** A part of a verbaliser's template, with the white space before it. */
export type TemplatePart =
  | { readonly kind: 'text' | 'textPair' | 'mask'; readonly lead: string }
  | { readonly kind: 'literal'; readonly lead: string; readonly text: string };

/** Cuts a template at `{text}`, `{textPair}` and `{mask}`; white space at its end is left out. */
export function templateParts(template: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let lead = '';
  for (const piece of template.split(/(\{(?:text|textPair|mask)\})/)) {
    if (/^\{\w+\}$/.test(piece)) {
      parts.push({ kind: piece.slice(1, -1) as 'text' | 'textPair' | 'mask', lead });
      lead = '';
      continue;
    }
    const text = piece.trim();
    if (text === '') {
      lead += piece;
      continue;
    }
    parts.push({ kind: 'literal', lead: lead + piece.slice(0, piece.indexOf(text)), text });
    lead = piece.slice(piece.indexOf(text) + text.length);
  }
  return parts;
}

/** What is wrong with a template, or nothing. */
function templateProblem(template: string, hasPair: boolean): string | undefined {
  const count = (kind: string): number => templateParts(template).filter((part) => part.kind === kind).length;
  if (count('text') !== 1 || count('mask') !== 1)
    return 'must have {text} and {mask} once each, such as "{text} It was {mask}."';
  const pairs = count('textPair');
  if (hasPair && pairs !== 1) return 'must have {textPair} once, where data.columns.textPair goes';
  if (!hasPair && pairs > 0) return 'has {textPair}; name its column in data.columns.textPair, or remove it';
  return undefined;
}

/** What is wrong with the words of the classes, or nothing. */
function wordsProblem(words: Readonly<Record<string, string>>, labels: unknown): string | undefined {
  const given = Object.values(words);
  const twice = given.find((word, at) => given.indexOf(word) < at);
  if (twice !== undefined) return `has ${twice} twice; give each class a word of its own`;
  if (!Array.isArray(labels)) return undefined;
  const missing = labels.find((label) => !Object.hasOwn(words, String(label)));
  if (missing !== undefined) return `has no word for the class ${missing} of data.labels; give one`;
  const extra = Object.keys(words).find((label) => !labels.includes(label));
  return extra === undefined
    ? undefined
    : `has a word for ${extra}, which is not in data.labels; remove it, or add the class there`;
}

/**
 * Names of the classes that the job declares, in the order of the model's outputs: those of `data.labels`, or those that have a
 * label word; undefined where they are collected from the data.
 */
export function declaredLabels({
  data,
  train,
}: Pick<Config, 'data' | 'train'>): readonly string[] | undefined {
  return labelsOf(data.labels, train.head, train.verbalizer?.words);
}

/** The same in a job that may have other faults. */
export function labelsIn(setting: Lookup): readonly string[] | undefined {
  return labelsOf(setting('data.labels'), setting('train.head'), setting('train.verbalizer.words'));
}

function labelsOf(labels: unknown, head: unknown, words: unknown): readonly string[] | undefined {
  if (Array.isArray(labels)) return labels as readonly string[];
  return head === 'verbalizer' && typeof words === 'object' && words ? Object.keys(words) : undefined;
}

const example = '{template: "{text} It was {mask}.", words: {positive: great, negative: terrible}}';

/** Rules on `train.verbalizer`. */
export const LABEL_WORD_CHECKS: readonly Check[] = [
  {
    paths: ['train.verbalizer', 'train.head', 'task'],
    problem: (setting) => {
      const [given, head] = [setting('train.verbalizer') !== undefined, setting('train.head')];
      if (head !== 'verbalizer')
        return given
          ? `has no effect with train.head=${String(head)}; remove it, or set train.head: verbalizer`
          : undefined;
      if (!given) return `missing; train.head=verbalizer needs it, such as ${example}`;
      return setting('task') === 'classification'
        ? undefined
        : `one word answers for one class, which is not task=${String(setting('task'))}; choose another train.head`;
    },
  },
  {
    paths: ['train.verbalizer.template', 'train.verbalizer', 'data.columns.textPair'],
    problem: (setting) => {
      const template = setting('train.verbalizer.template');
      const hasPair = setting('data.columns.textPair') !== undefined;
      return typeof template === 'string' ? templateProblem(template, hasPair) : undefined;
    },
  },
  {
    paths: ['train.verbalizer.words', 'train.verbalizer', 'data.labels'],
    problem: (setting) => {
      const words = setting('train.verbalizer.words') as Readonly<Record<string, string>> | undefined;
      return words && wordsProblem(words, setting('data.labels'));
    },
  },
];
