import { stringify } from 'yaml';
import { constraintOf, type SchemaNode } from './schema-node.ts';
import { jobSchema } from './schema.ts';

/** Settings by dotted path that the template gives instead of its example or default. */
export type TemplateValues = Readonly<Record<string, unknown>>;

/** Given in every job; the rest of what has no default stands in the template as a comment. */
const ALWAYS_GIVEN = ['model', 'data.train', 'privacy.epsilon'];
const LINE_WIDTH = 110;

/**
 * A job file that shows every setting with its meaning, constraint and default. It loads as it is.
 * @param values - settings to fill in
 */
export function jobTemplate(values: TemplateValues = {}): string {
  const header = [
    '# A dptune job: dptune plan FILE says what it will do and cost, dptune train FILE --out RUN does it.',
    '# auto leaves a setting to the recipe. Lines that start with "#" and a setting show what may be added.',
    '# dptune schema > job.schema.json lets editors complete and check this file; name it in their YAML settings.',
  ];
  return `${[...header, ...linesOf(jobSchema, '', values)].join('\n')}\n`;
}

function linesOf(node: SchemaNode, prefix: string, values: TemplateValues): string[] {
  const indent = '  '.repeat(prefix === '' ? 0 : prefix.split('.').length - 1);
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const path = `${prefix}${key}`;
    const comment = wrapped(commentOf(child), `${indent}# `);
    const opening = prefix === '' ? ['', ...comment] : comment;
    if (child.properties && child.default !== undefined)
      return [...opening, `${indent}${key}:`, ...linesOf(child, `${path}.`, values)];
    if (child.properties && node.required?.includes(key))
      return [...opening, `${indent}${key}:`, ...linesOf(child, `${path}.`, values)];
    const given = path in values || ALWAYS_GIVEN.includes(path) || child.default !== undefined;
    const value = values[path] ?? child.default ?? child.examples?.[0];
    return [...opening, `${indent}${given ? '' : '# '}${key}: ${flow(value)}`];
  });
}

function commentOf(node: SchemaNode): string {
  if (node.properties) return node.description ?? '';
  const constraint = constraintOf(node);
  const obvious = constraint === 'a text' || node.items?.properties !== undefined;
  return obvious ? (node.description ?? '') : `${node.description} (${constraint})`;
}

/** YAML on one line. */
function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();
}

function wrapped(text: string, start: string): string[] {
  const lines = [start];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line.length + word.length + 1 > LINE_WIDTH && line !== start) lines.push(start + word);
    else lines[lines.length - 1] = line === start ? line + word : `${line} ${word}`;
  }
  return lines;
}
