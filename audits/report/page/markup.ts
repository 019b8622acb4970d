/** Text that is markup already. Everything else is escaped when it is put into a page. */
export interface Html {
  readonly html: string;
}

type Part = string | number | Html | undefined | readonly Part[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it stands in markup, in an attribute too. Control characters, which no page may hold, become a replacement sign. */
export function escaped(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => entities[character]!)
    .replaceAll(/[^\P{Cc}\n\t]/gu, '\uFFFD');
}

/** Template tag: literal parts are markup, values are escaped unless they are markup themselves. */
export function html(literals: TemplateStringsArray, ...values: readonly Part[]): Html {
  const [first, ...rest] = literals;
  return {
    html: rest.reduce((text, literal, index) => `${text}${markupOf(values[index])}${literal}`, first!),
  };
}

/** Markup from a source that is trusted: charts, style sheets. */
export function raw(markup: string): Html {
  return { html: markup };
}

function markupOf(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return 'html' in part ? part.html : part.map(markupOf).join('');
}
