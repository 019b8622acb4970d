import { renderings } from '../../audits/index.ts';
import { always, notChecked, unless, type Rule, type Subject } from './check.ts';
import { RELEASE_DOCUMENTS } from './release-paths.ts';
import type { ReleaseFile } from './release-file.ts';

/** Files that are not renderings of the report, as the report lists them. */
export function artifactsOf({ release }: Subject): Pick<ReleaseFile, 'path' | 'bytes' | 'sha256'>[] {
  return [...release.files.values()]
    .filter(({ path }) => !renderings.includes(path))
    .map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

export const filesRule: Rule = {
  id: 'files',
  title: 'Every file is listed and has its digest',
  explanation:
    'The SHA-256 of every file is computed and compared with the list in report.json; a file too many or too few fails. The report and its renderings are checked by their own rules.',
  isNeeded: always,
  run: (subject) => {
    if (!subject.report) return notChecked('report.json cannot be read');
    const listed = new Map(subject.report.artifacts.map((file) => [file.path, file]));
    const found = artifactsOf(subject);
    const names = new Set(found.map(({ path }) => path));
    const faults = [
      ...found.flatMap(({ path, bytes, sha256 }) => {
        const file = listed.get(path);
        if (!file) return [`${path}: is not listed`];
        if (file.bytes !== bytes) return [`${path}: has ${bytes} bytes, listed are ${file.bytes}`];
        return file.sha256 === sha256 ? [] : [`${path}: has SHA-256 ${sha256}, listed is ${file.sha256}`];
      }),
      ...[...listed.keys()].filter((path) => !names.has(path)).map((path) => `${path}: is missing`),
      ...(listed.size === subject.report.artifacts.length ? [] : ['a file is listed twice']),
    ];
    const bytes = found.reduce((sum, file) => sum + file.bytes, 0);
    return unless(faults, `${found.length} files, ${bytes} bytes`);
  },
};

/** Names of model and adapter files that the tool writes; anything else is not known to be safe. */
const MODEL_FILES = [
  'config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'generation_config.json',
  'chat_template.jinja',
];
const ADAPTER_FILES = ['adapter_config.json', 'adapter_model.safetensors', 'README.md'];
const RELEASED = new Set<string>([
  ...RELEASE_DOCUMENTS,
  ...MODEL_FILES.map((name) => `model/${name}`),
  ...ADAPTER_FILES.map((name) => `adapter/${name}`),
]);

/** Fields of what stays in private/: step diagnostics, digests of data, places on the producer's disk. */
const PRIVATE_FIELDS = new Set([
  'loss',
  'losses',
  'norm',
  'norms',
  'gradientNorm',
  'gradientNorms',
  'clipped',
  'clipFraction',
  'clipFractions',
  'batch',
  'batchSize',
  'batchSizes',
  'dropped',
  'rows',
  'rowIds',
  'indices',
  'text',
  'texts',
  'config',
  'data',
]);
/** Documents whose fields are checked by name; report.json has its schema, plan.json its hash. */
const OPEN_DOCUMENTS = [
  'metrics.json',
  'frozen-weights.json',
  'conformance.json',
  'audit.json',
  'ledger.json',
];
/** Fields that are private unless they are a number: how many texts a model wrote for the test prompts is a figure. */
const COUNTS = new Set(['texts']);
/** Losses on held-out data are figures of the evaluation. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'metrics.json': ['loss', 'text', 'rows'],
  'ledger.json': [],
};

export const privateRule: Rule = {
  id: 'private',
  title: 'Nothing private is in the release',
  explanation:
    'Only files that a release is known to hold may be there, and no document may have fields of the kind that stay in private/: losses, gradient norms, clipped shares, batch sizes and row numbers of single steps, digests or places of the data.',
  isNeeded: always,
  run: ({ release, documents }) => {
    const foreign = [...release.files.keys()].filter((path) => !RELEASED.has(path));
    const fields = OPEN_DOCUMENTS.flatMap((name) =>
      privateFields(documents.get(name), ALLOWED[name] ?? []).map((field) => `${name}: has ${field}`),
    );
    return unless(
      [...foreign.map((path) => `${path}: is no part of a release`), ...fields],
      `${release.files.size} files of known names, no private field`,
    );
  },
};

function privateFields(value: unknown, allowed: readonly string[], path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = path === '' ? key : `${path}.${key}`;
    const isNamed = PRIVATE_FIELDS.has(key) && !allowed.includes(key);
    const isPrivate = isNamed && typeof inner !== 'object' && !(COUNTS.has(key) && typeof inner === 'number');
    const isList = isNamed && Array.isArray(inner);
    return isPrivate || isList ? [place] : privateFields(inner, allowed, place);
  });
}

export const formRule: Rule = {
  id: 'form',
  title: 'Documents have one reading',
  explanation:
    'Every JSON document must be, to the byte, what dptune writes for its content: no key twice, no other spelling of a number, nothing hidden between the lines. People and programs then read the same.',
  isNeeded: always,
  run: ({ release, documents }) => {
    const names = [...release.files.keys()].filter((path) => !path.includes('/') && path.endsWith('.json'));
    const faults = names.flatMap((name) => {
      if (!documents.has(name)) return [`${name}: is no JSON`];
      const written = Buffer.from(`${JSON.stringify(documents.get(name), null, 2)}\n`);
      return written.equals(release.files.get(name)!.content!)
        ? []
        : [`${name}: is not written as dptune writes it`];
    });
    return unless(faults, names.join(', '));
  },
};
