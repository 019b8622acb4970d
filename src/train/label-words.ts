import { ConfigError, InvalidParameterError } from '../../privacy/index.ts';
import { declaredLabels, templateParts, type Config, type TemplatePart } from '../config/index.ts';
import type { Tokenizer as TextEncoder } from '../data/index.ts';
import { keptLengths, type Tokenizer } from '../formats/index.ts';
import type { Verbalizer } from '../models/index.ts';
import { requireLanguageHead } from './language-head.ts';
import type { BaseModel } from './base-model.ts';

/**
 * The label words of a job: text infilling (Schick and Schuetze, arXiv:2001.07676), which private training of classifiers profits
 * from (Li et al., arXiv:2110.05679, section 3.2). Undefined for other heads.
 * @throws InvalidParameterError for a model that cannot answer so, and for a word that is not one token
 */
export function verbalizerOf(
  config: Pick<Config, 'data' | 'train'>,
  model: BaseModel,
  maxLength: number,
): Verbalizer | undefined {
  const { head, verbalizer } = config.train;
  if (head !== 'verbalizer') return undefined;
  if (!verbalizer) {
    throw new ConfigError(
      'train.verbalizer: missing; train.head=verbalizer needs it. Give template and words.',
    );
  }
  requireLanguageHead(model);
  const { template, words } = verbalizer;
  const { family, modelType } = model.architecture;
  const parts = templateParts(template);
  if (family === 'decoder' && parts.at(-1)?.kind !== 'mask') {
    throw new InvalidParameterError(
      `train.verbalizer.template=${template}: a ${modelType} sees only what comes before a word. Let {mask} end it, such as "{text} It was {mask}".`,
    );
  }
  const known = new Map<number, string>();
  const resolved = declaredLabels(config)!.map((label) => {
    const word = words[label]!;
    const token = tokenOf(word, label, parts, model);
    const other = known.get(token);
    if (other !== undefined) {
      throw new InvalidParameterError(
        `train.verbalizer.words.${label}=${word}: is the same token as ${other}. Choose another word.`,
      );
    }
    known.set(token, word);
    return { label, word, token };
  });
  return { template, words: resolved, maxLength, model: family === 'decoder' ? 'causal-lm' : 'masked-lm' };
}

/** The token that a word is where the mask stands. */
function tokenOf(
  word: string,
  label: string,
  parts: readonly TemplatePart[],
  { tokenizer, reference }: BaseModel,
): number {
  const at = parts.findIndex(({ kind }) => kind === 'mask');
  const tokens = piecesOf(tokenizer, withSpace(parts[at]!) + word, at === 0);
  const [token] = tokens;
  if (tokens.length === 1 && token !== undefined && token !== tokenizer.special.unk) return token;
  const found = tokens.map((id) => tokenizer.decode([id]).trim() || '?');
  throw new InvalidParameterError(
    `train.verbalizer.words.${label}=${word}: must be one token of ${reference}, and is ${tokens.length === 1 ? 'not in its vocabulary' : `${tokens.length} (${found.join(', ')})`}. Choose a commoner word.`,
  );
}

/** A space before the mask belongs to the word, as in byte-level vocabularies; other white space is text of its own. */
function withSpace({ lead }: TemplatePart): string {
  return lead === ' ' ? lead : '';
}

/**
 * Tokens of a part of a text, as the whole would be cut: some tokenizers mark the beginning of a text, which a part further
 * behind must not have.
 */
function piecesOf(tokenizer: Tokenizer, text: string, first: boolean): readonly number[] {
  if (first || text === '') return tokenizer.pieces(text);
  const anchor = /^[\s\p{P}]/u.test(text) ? 'a' : '.';
  const [before, both] = [tokenizer.pieces(anchor), tokenizer.pieces(anchor + text)];
  return before.every((id, at) => both[at] === id) ? both.slice(before.length) : tokenizer.pieces(text);
}

/** Text to tokens in a template. */
interface TemplateEncoder extends TextEncoder {
  /** Tokens before and after the text, where there is no second one. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * Puts texts into a template. A text that is too long loses its end, of two the longer one first; the template loses nothing. Mask
 * tokens in a text are left out, so that the template's own is the only one.
 * @throws InvalidParameterError where the template leaves no room
 */
export function createTemplateEncoder(
  { tokenizer, architecture, padId }: Pick<BaseModel, 'tokenizer' | 'architecture' | 'padId'>,
  { template, maxLength }: Pick<Verbalizer, 'template' | 'maxLength'>,
): TemplateEncoder {
  const { opening, special } = tokenizer;
  const isEncoder = architecture.family === 'encoder';
  const closing = isEncoder ? [...tokenizer.encode('').ids].slice(opening.length) : [];
  const mask = isEncoder ? [special.mask!] : [];
  const parts = templateParts(template);
  /** Tokens of the template's own parts; nothing where a text goes. */
  const fixed = parts.map((part, at): readonly number[] => {
    if (part.kind === 'literal') return piecesOf(tokenizer, part.lead + part.text, at === 0);
    if (part.kind !== 'mask') return [];
    return isEncoder || withSpace(part) === part.lead ? mask : piecesOf(tokenizer, part.lead, at === 0);
  });
  const textAt = parts.findIndex(({ kind }) => kind === 'text');
  const pairAt = parts.findIndex(({ kind }) => kind === 'textPair');
  const own = fixed.reduce((sum, tokens) => sum + tokens.length, opening.length + closing.length);
  const room = maxLength - own;
  if (room < (pairAt < 0 ? 1 : 2)) {
    throw new InvalidParameterError(
      `data.maxLength=${maxLength}: the template takes ${own} tokens, which leaves no room for text. Give more, or shorten train.verbalizer.template.`,
    );
  }
  const textTokens = (text: string, at: number): readonly number[] => {
    const lead = at === 0 ? '' : parts[at]!.lead;
    return piecesOf(tokenizer, lead + text.trim(), at === 0).filter((id) => id !== special.mask);
  };
  const between = (start: number, end: number): readonly number[] => fixed.slice(start, end).flat();
  return {
    before: [...opening, ...between(0, textAt)],
    after: [...between(textAt, parts.length), ...closing],
    encode(text, pair) {
      const first = textTokens(text, textAt);
      const second = pairAt < 0 ? [] : textTokens(pair ?? '', pairAt);
      const [keptFirst, keptSecond] = keptLengths(first.length, second.length, room);
      const texts = new Map([
        [textAt, first.slice(0, keptFirst)],
        [pairAt, second.slice(0, keptSecond)],
      ]);
      const ids = [...opening, ...parts.flatMap((_, at) => texts.get(at) ?? fixed[at]!), ...closing];
      return {
        // A template of nothing but the text, and no text: a record has one token at least.
        ids: ids.length > 0 ? ids : [padId],
        truncated: keptFirst < first.length || keptSecond < second.length,
        unknown: special.unk === undefined ? 0 : ids.filter((id) => id === special.unk).length,
      };
    },
  };
}
