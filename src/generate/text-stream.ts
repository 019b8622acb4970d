/**
 * Text of tokens as they come. A token may hold a part of a character only, and how one is written may depend on the
 * next, so what could still change is held back.
 * @param decode - text of token ids
 */
export function createTextStream(decode: (ids: readonly number[]) => string): {
  /** @returns what can be shown now */
  push(token: number): string;
} {
  const ids: number[] = [];
  let shown = '';
  return {
    push(token) {
      ids.push(token);
      const text = decode(ids);
      if (text.endsWith('\uFFFD') || !text.startsWith(shown)) return '';
      const more = text.slice(shown.length);
      shown = text;
      return more;
    },
  };
}
