/** What a YAML document may hold here; undefined leaves a key out. */
export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml | undefined };

/** A block mapping that YAML 1.1 and 1.2 readers take alike: strings are quoted, exponents have a point before them. */
export function yamlOf(document: { readonly [key: string]: Yaml | undefined }): string {
  return `${linesOf(document).join('\n')}\n`;
}

function linesOf(value: { readonly [key: string]: Yaml | undefined }): string[] {
  return Object.entries(value).flatMap(([key, item]) => {
    if (item === undefined) return [];
    if (Array.isArray(item)) {
      const items = item as readonly Yaml[];
      return items.length === 0
        ? [`${key}: []`]
        : [`${key}:`, ...items.map((part) => `  - ${scalarOf(part)}`)];
    }
    if (typeof item === 'object') {
      return [`${key}:`, ...linesOf(item as Readonly<Record<string, Yaml>>).map((line) => `  ${line}`)];
    }
    return [`${key}: ${scalarOf(item)}`];
  });
}

function scalarOf(value: Yaml): string {
  if (typeof value === 'string') return isPlain(value) ? value : JSON.stringify(value);
  if (typeof value !== 'number') return JSON.stringify(value);
  // YAML 1.1 takes 1e-7 for a text.
  return String(value).replace(/^(-?\d+)(e[+-]\d+)$/, '$1.0$2');
}

/** Words that no reader takes for anything but a text. */
function isPlain(text: string): boolean {
  const reserved = /^(true|false|yes|no|on|off|null|y|n|nan|inf)$/i;
  return /^[A-Za-z][\w./-]*( [\w./-]+)*$/.test(text) && !reserved.test(text);
}
