import { constraintOf, type SchemaNode } from './schema-node.ts';
import { jobSchema } from './schema.ts';

const INTRODUCTION = `# Job files

A job is a YAML or JSON file. \`model\`, \`data.train\` and one of \`privacy.epsilon\` and \`privacy.noiseMultiplier\` must be
given; all else has a default. \`auto\` leaves a setting to the recipe; \`dptune plan\` says what it chose and why. Paths
are relative to the job file. Unknown keys, settings that contradict each other and settings that would have no effect
are errors, all reported at once with file, line and column.

\`\`\`yaml
model: models/bert
data:
  train: data/train.csv
privacy:
  epsilon: 8
\`\`\`

\`dptune init\` writes a file with every setting in it. \`dptune schema > job.schema.json\` gives editors the JSON Schema.
On the command line, \`-s key.path=value\` overrides a setting (the value is YAML, \`null\` removes the setting):

    dptune plan job.yaml -s privacy.epsilon=3 -s train.lora.rank=16 -s 'data.labels=["no", "yes"]'

Formulas (\`privacy.delta\`, \`train.schedule.expression\`) may use numbers, the named variables, \`e\`, \`pi\`,
\`+ - * / ^ %\`, comparisons, \`and or not\`, \`a ? b : c\`, and the functions \`abs ceil cos exp floor log log10 log2 max
min pow round sin sqrt\`.

This page is made from the schema: \`dptune schema --format markdown > docs/configuration.md\`.
`;

/** The reference page of all settings. */
export function configurationPage(): string {
  const top = Object.entries<SchemaNode>(jobSchema.properties);
  const plain = top.filter(([, node]) => !node.properties);
  const groups = top.filter(([, node]) => node.properties);
  return [
    INTRODUCTION,
    '## Top level\n',
    listOf(plain, '', jobSchema.required),
    ...groups.flatMap(([key, node]) => sectionOf(key, node)),
  ].join('\n');
}

function sectionOf(key: string, node: SchemaNode): string[] {
  const settings = settingsOf(node, '');
  const lists = settings.filter(([, child]) => child.items?.properties);
  return [
    `## ${key}\n`,
    `${node.description}\n`,
    listOf(settings, `${key}.`, node.required ?? []),
    ...lists.flatMap(([path, child]) => [
      `### Each of ${key}.${path}\n`,
      `${child.items?.description} It may give ${keysOf(child.items ?? {})}.\n`,
    ]),
  ];
}

function keysOf(node: SchemaNode): string {
  return Object.keys(node.properties ?? {})
    .map((key) => `\`${key}\``)
    .join(', ');
}

/** Settings below a group, those of nested groups included; a group that may be left out comes before its settings. */
function settingsOf(node: SchemaNode, prefix: string): [string, SchemaNode][] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]): [string, SchemaNode][] => {
    const path = `${prefix}${key}`;
    if (!child.properties) return [[path, child]];
    const itself: [string, SchemaNode][] = child.default === undefined ? [[path, child]] : [];
    return [...itself, ...settingsOf(child, `${path}.`)];
  });
}

function listOf(
  settings: readonly [string, SchemaNode][],
  prefix: string,
  required: readonly string[],
): string {
  const lines = settings.map(([path, node]) => {
    const values = node.items?.properties ? 'a list of mappings' : constraintOf(node);
    return `- \`${prefix}${path}\`: ${node.description} _${values}${defaultOf(node, required.includes(path))}_`;
  });
  return `${lines.join('\n')}\n`;
}

function defaultOf(node: SchemaNode, required: boolean): string {
  if (required) return '; required';
  return node.default === undefined
    ? ''
    : `; default \`${JSON.stringify(node.default).replaceAll('"', '')}\``;
}
