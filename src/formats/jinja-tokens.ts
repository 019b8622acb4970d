import { DataError } from '../../privacy/errors.ts';

/** A piece of a template: text as it stands, an expression to print, or a statement. */
export interface Piece {
  readonly kind: 'text' | 'print' | 'statement';
  readonly source: string;
}

/**
 * Cuts a Jinja template into pieces; white space as Jinja has it with `trim_blocks` and `lstrip_blocks`, which is how
 * transformers 5.23 renders chat templates.
 */
export function piecesOf(template: string): Piece[] {
  const pieces: Piece[] = [];
  const tag = /\{([{%#])([-+]?)([\s\S]*?)([-+]?)([}%#])\}/g;
  let end = 0;
  let trimNext: 'all' | 'line' | 'none' = 'none';
  const addText = (until: number, stripsLeft: string, isBlock: boolean): void => {
    let kept = template.slice(end, until);
    if (trimNext === 'all') kept = kept.trimStart();
    else if (trimNext === 'line') kept = kept.replace(/^\n/, '');
    if (stripsLeft === '-') kept = kept.trimEnd();
    // A block that begins its line takes the white space before it along.
    else if (isBlock && stripsLeft !== '+' && /(^|\n)[ \t]*$/.test(template.slice(0, until)))
      kept = kept.replace(/[ \t]*$/, '');
    if (kept !== '') pieces.push({ kind: 'text', source: kept });
  };
  for (let match = tag.exec(template); match !== null; match = tag.exec(template)) {
    let [whole, open, left, source, right, close] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    if (open === '{') {
      // Braces and quotes inside an expression may hold what looks like its end.
      const stop = expressionEnd(template, match.index + 2);
      whole = template.slice(match.index, stop + 2);
      source = whole.slice(2, -2);
      [left, right, close] = [/^[-+]/.exec(source)?.[0] ?? '', source.endsWith('-') ? '-' : '', '}'];
      source = source.slice(left.length, right === '' ? undefined : -1);
      tag.lastIndex = stop + 2;
    }
    if (close !== { '{': '}', '%': '%', '#': '#' }[open])
      throw new DataError(`chat template: ${whole} is not closed.`);
    const isBlock = open !== '{';
    addText(match.index, left, isBlock);
    if (open !== '#') pieces.push({ kind: open === '{' ? 'print' : 'statement', source: source.trim() });
    end = match.index + whole.length;
    trimNext = right === '-' ? 'all' : isBlock && right !== '+' ? 'line' : 'none';
  }
  const open = /\{[{%#].*/.exec(template.slice(end))?.[0];
  if (open !== undefined) throw new DataError(`chat template: ${open} is not closed.`);
  addText(template.endsWith('\n') ? template.length - 1 : template.length, '', false);
  return pieces;
}

/** Where `}}` closes an expression that begins at `start`. */
function expressionEnd(template: string, start: number): number {
  let depth = 0;
  for (let at = start; at < template.length; at++) {
    const character = template[at]!;
    if (character === '"' || character === "'") {
      for (at++; at < template.length && template[at] !== character; at++) if (template[at] === '\\') at++;
    } else if (character === '{') depth++;
    else if (character === '}') {
      if (depth === 0 && template[at + 1] === '}') return at;
      depth--;
    }
  }
  throw new DataError('chat template: an expression is not closed by }}.');
}

export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'operator' | 'end';
  readonly text: string;
}

const TOKEN =
  /\s*(?:([A-Za-z_]\w*)|(\d+\.\d+|\d+)|("(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|(==|!=|<=|>=|\/\/|\*\*|[-+*/%~<>=()[\]{}.,:|]))/y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** Tokens of an expression or statement. */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (source.slice(TOKEN.lastIndex).trim() !== '') {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null)
      throw new DataError(`chat template: ${JSON.stringify(source.slice(at))} cannot be read.`);
    const [, name, number, text, operator] = match;
    if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (text !== undefined)
      tokens.push({
        kind: 'string',
        text: text.slice(1, -1).replace(/\\([\s\S])/g, (_, letter: string) => ESCAPES[letter] ?? letter),
      });
    else tokens.push({ kind: 'operator', text: operator! });
  }
  return tokens;
}
