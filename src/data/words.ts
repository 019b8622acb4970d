import { show } from './problems.ts';

/** `O`, or a place in an entity and the entity's kind: BIO, or BIOES. */
const TAG = /^(?:O|[BIES]-.+)$/;

/** The words of a sentence: a list, or a text with white space between them. An empty list is allowed. */
export function parseWords(value: unknown, column: string): readonly string[] | string {
  const list = listIn(value);
  if (list === undefined) return `${column}=${show(value)}, must be a list of words`;
  const wrong = list.find((word) => typeof word !== 'string');
  return wrong === undefined ? (list as string[]) : `${column} has ${show(wrong)}, must be words alone`;
}

/**
 * The tags of a sentence, one for each of its words; or what is wrong with them. Numbers may stand for declared names.
 * @param codeOf - a tag's code, or what is wrong with it
 */
export function parseTags(
  value: unknown,
  words: number,
  codeOf: (tag: unknown) => number | string,
): readonly number[] | string {
  const list = listIn(value);
  if (list === undefined) return `tags=${show(value)}, must be a list of tags`;
  if (list.length !== words)
    return `tags, ${list.length} of them: must be one for each word, and there are ${words}`;
  const codes = list.map(codeOf);
  const problem = codes.find((code) => typeof code === 'string');
  return problem ?? (codes as number[]);
}

function listIn(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  return typeof value === 'string' ? value.split(/\s+/).filter((word) => word !== '') : undefined;
}

/** What is wrong with the names of tags, or nothing. */
export function tagsProblem(names: readonly string[]): string | undefined {
  const wrong = names.find((name) => !TAG.test(name));
  if (wrong !== undefined) {
    return `tag=${show(wrong)}, must be O, or B-, I-, E- or S- and a kind of entity (BIO or BIOES)`;
  }
  return names.includes('O') ? undefined : 'tags: O is not among them; words outside of all entities need it';
}
