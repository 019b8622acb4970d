import { decodeEntities } from './entities.ts';

/** Elements whose content is never read as text. */
const HIDDEN = new Set(['script', 'style', 'template', 'noscript']);

/** Elements within a line of text: their tags vanish; every other tag separates words. */
const INLINE = new Set(
  (
    'a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp small span strike strong ' +
    'sub sup time tt u var wbr'
  ).split(' '),
);

/**
 * The text of an HTML fragment: comments, declarations, scripts and styles go, other tags go (leaving a space unless they
 * are inline), then character references are decoded. A `<` that opens no tag stays (`a < b`, `<3`).
 * Time is linear in the length: an unquoted `<` inside a tag means that it was none.
 */
export function stripHtml(text: string): string {
  if (!text.includes('<')) return decodeEntities(text);
  let out = '';
  let copied = 0;
  let at = text.indexOf('<');
  while (at >= 0) {
    const markup = markupAt(text, at);
    if (markup) {
      out += text.slice(copied, at) + (markup.separates ? ' ' : '');
      copied = markup.end;
    }
    at = text.indexOf('<', markup?.end ?? at + 1);
  }
  return decodeEntities(out + text.slice(copied));
}

interface Markup {
  /** First position after it. */
  readonly end: number;
  readonly separates: boolean;
}

const TAG_NAME = /[a-z][a-z0-9:-]*/iy;

function markupAt(text: string, start: number): Markup | undefined {
  if (text.startsWith('<!--', start)) {
    const end = text.indexOf('-->', start + 4);
    // An unclosed comment runs to the end, as in browsers.
    return { end: end < 0 ? text.length : end + 3, separates: false };
  }
  const next = text[start + 1];
  const isDeclaration = next === '!' || next === '?';
  const isClosing = next === '/';
  TAG_NAME.lastIndex = start + (isClosing ? 2 : 1);
  const name = TAG_NAME.exec(text)?.[0].toLowerCase();
  if (name === undefined && !isDeclaration) return undefined;
  const end = tagEnd(text, start + 1);
  if (end === undefined) return undefined;
  if (name !== undefined && HIDDEN.has(name) && !isClosing) {
    return { end: hiddenEnd(text, end, name), separates: true };
  }
  return { end, separates: name === undefined || !INLINE.has(name) };
}

/** Position after the `>` that closes a tag; attribute values in quotes may hold any character. */
function tagEnd(text: string, start: number): number | undefined {
  for (let at = start; at < text.length; at++) {
    const character = text[at]!;
    if (character === '>') return at + 1;
    if (character === '<') return undefined;
    if ((character === '"' || character === "'") && text[at - 1] === '=') {
      at = text.indexOf(character, at + 1);
      if (at < 0) return undefined;
    }
  }
  return undefined;
}

function hiddenEnd(text: string, from: number, name: string): number {
  const close = new RegExp(`</${name}[^<>]*>`, 'gi');
  close.lastIndex = from;
  return close.exec(text) ? close.lastIndex : text.length;
}
