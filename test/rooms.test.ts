import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

/** The rooms of `src/` that each of them may import; `commands` may import all. All may import privacy and audits. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  graph: [],
  formats: [],
  data: [],
  config: [],
  samples: [],
  ledger: [],
  engines: ['graph'],
  models: ['graph', 'formats'],
  evaluate: ['graph', 'engines', 'models', 'formats', 'data'],
  train: ['config', 'graph', 'engines', 'models', 'formats', 'data', 'evaluate', 'generate', 'ledger'],
  generate: ['graph', 'engines', 'models', 'formats'],
  conformance: ['config', 'graph', 'engines', 'models', 'formats', 'data', 'train'],
  audit: [
    'config',
    'graph',
    'engines',
    'models',
    'formats',
    'data',
    'evaluate',
    'train',
    'generate',
    'conformance',
  ],
  synthesis: ['config', 'engines', 'models', 'formats', 'data', 'evaluate', 'train', 'generate'],
  report: ['config', 'formats', 'ledger'],
  tune: ['config', 'ledger', 'train'],
  serve: ['ledger', 'train'],
  verify: [],
};
/** Packages of the pure rooms. */
const PURE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  privacy: ['node:crypto', 'seedrandom'],
  audits: ['node:crypto', 'ajv', 'vega', 'vega-lite'],
};
/** What a pure room may not touch: files, network, clock, process. */
const IMPURE =
  /\b(Date\.now|new Date|performance\.now|setTimeout|setInterval|fetch\(|process\.|console\.|Math\.random)/;
/** Leaves that every file may import: they do not pull in the accountant. */
const OPEN_FILES = ['privacy/errors.ts', 'privacy/figures.ts'];
const LONGEST_FILE = 300;
/** Lists of words, not code. */
const WORD_LISTS = ['src/samples/grammar.ts'];
/** Too slow to load before it is known that a command needs them. */
const HEAVY = / (mathjs|ajv|onnxruntime|@tensorflow|@huggingface|hyparquet|csv-parse|yaml)/;

/** Source text by path from the root of the package, such as `src/graph/ir.ts`. */
type Sources = ReadonlyMap<string, string>;

const root = fileURLToPath(new URL('..', import.meta.url));
let sources: Sources;
beforeAll(async () => {
  const entries = await Promise.all(
    ['privacy', 'audits', 'src']
      .filter((top) => existsSync(join(root, top)))
      .map(async (top) =>
        (await readdir(join(root, top), { recursive: true }))
          .filter((name) => name.endsWith('.ts'))
          .map((name) => posix.join(top, name)),
      ),
  );
  sources = new Map(await Promise.all(entries.flat().map(readSource)));
});

describe('the sources', () => {
  test('import along the allowed directions, through the doors', () => {
    expect([...sources].flatMap(([path, text]) => importFaults(path, text, sources))).toEqual([]);
  });

  test('are pure in privacy/ and audits/', () => {
    expect([...sources].flatMap(([path, text]) => purityFaults(path, text))).toEqual([]);
  });

  test('are in files of a fit name and length', () => {
    expect([...sources].flatMap(([path, text]) => shapeFaults(path, text))).toEqual([]);
  });

  test('start fast: help and accounting load nothing heavy', () => {
    const light = ['src/cli.ts', 'src/commands/account.ts', 'src/commands/explain.ts'];
    const loaded = light.flatMap((entry) =>
      loadedWith(entry, sources).map((name) => `${entry} loads ${name}`),
    );
    expect(loaded).toContain('src/cli.ts loads yargs');
    expect(loaded.filter((line) => HEAVY.test(line))).toEqual([]);
  });
});

describe('the rules find', () => {
  const there = new Map(
    [
      'privacy/index.ts',
      'privacy/errors.ts',
      'privacy/plan.ts',
      'audits/index.ts',
      'src/graph/index.ts',
      'src/graph/ir.ts',
      'src/train/index.ts',
      'src/train/loop.ts',
      'src/commands/train.ts',
      'src/data/index.ts',
    ].map((path) => [path, '']),
  );

  test.each([
    ['src/graph/a.ts', `import { x } from '../train/index.ts';`, 'src/graph may not import src/train'],
    ['src/engines/a.ts', `export * from '../data/index.ts';`, 'src/engines may not import src/data'],
    [
      'privacy/a.ts',
      `import type { Graph } from '../src/graph/index.ts';`,
      'privacy may not import src/graph',
    ],
    ['privacy/a.ts', `import { x } from '../audits/index.ts';`, 'privacy may not import audits'],
    ['audits/a.ts', `import { x } from '../src/data/index.ts';`, 'audits may not import src/data'],
    [
      'src/engines/a.ts',
      `import {\n  x,\n} from '../graph/ir.ts';`,
      '../graph/ir.ts: enter src/graph through its index.ts',
    ],
    [
      'src/data/a.ts',
      `const x = await import('../../privacy/plan.ts');`,
      'enter privacy through its index.ts',
    ],
    ['src/train/a.ts', `import { x } from '../commands/train.ts';`, 'src/train may not import src/commands'],
    ['src/novel/a.ts', `import { x } from '../graph/index.ts';`, 'src/novel is not in the table of rooms'],
    ['src/graph/a.ts', `import './ir.js';`, './ir.js: there is no such file'],
  ])('%s with %s', (path, text, expected) => {
    expect(importFaults(path, text, there)).toEqual([expect.stringContaining(expected)]);
  });

  test.each([
    ['src/data/a.ts', `import { DataError } from '../../privacy/errors.ts';`],
    ['audits/a.ts', `import { x } from '../privacy/index.ts';`],
    ['src/graph/a.ts', `import type { Node } from './ir.ts';\nimport { readFile } from 'node:fs/promises';`],
    ['src/commands/a.ts', `const { x } = await import('../train/index.ts');`],
    ['src/cli.ts', `import { x } from './commands/train.ts';`],
  ])('nothing in %s with %s', (path, text) => {
    expect(importFaults(path, text, there)).toEqual([]);
  });

  test('a file, a clock or a foreign package in a pure room', () => {
    const text = `import { readFileSync } from 'node:fs';\nconst t = Date.now();\nimport { x } from 'mathjs';`;
    expect(purityFaults('privacy/a.ts', text)).toEqual([
      'privacy/a.ts: node:fs is not for privacy',
      'privacy/a.ts: mathjs is not for privacy',
      'privacy/a.ts: Date.now is not for privacy',
    ]);
    expect(purityFaults('src/train/a.ts', text)).toEqual([]);
  });

  test('a long file, a bad name and a drawer for odds and ends', () => {
    expect(shapeFaults('src/data/readRows.ts', 'x\n'.repeat(LONGEST_FILE + 1))).toEqual([
      'src/data/readRows.ts: the name is not in kebab-case',
      'src/data/readRows.ts: 301 lines, at most 300',
    ]);
    expect(shapeFaults('src/data/utils.ts', '')).toHaveLength(1);
  });

  test('a heavy package behind two imports, but not behind a lazy one or a type', () => {
    const chain = new Map([
      ['src/cli.ts', `import { a } from './a.ts';`],
      [
        'src/a.ts',
        `import { b } from './b.ts';\nimport type { M } from 'mathjs';\nconst { c } = await import('ajv');`,
      ],
      ['src/b.ts', `export { load } from 'yaml';`],
    ]);
    expect(loadedWith('src/cli.ts', chain)).toEqual(['yaml']);
  });
});

async function readSource(path: string): Promise<[string, string]> {
  return [path, await readFile(join(root, path), 'utf8')];
}

function importFaults(path: string, text: string, all: Sources): string[] {
  const from = roomOf(path);
  if (from.startsWith('src/') && from !== 'src/commands' && !(from.slice(4) in MAY_IMPORT))
    return [`${path}: ${from} is not in the table of rooms`];
  return importsOf(text)
    .filter(({ name }) => name.startsWith('.'))
    .flatMap(({ name }) => {
      const target = posix.join(posix.dirname(path), name);
      const to = roomOf(target);
      if (!all.has(target) && target !== path) return [`${path}: ${name}: there is no such file`];
      if (to === from || OPEN_FILES.includes(target)) return [];
      if (!allowed(from, to)) return [`${path}: ${from} may not import ${to}`];
      const isDoor = target.endsWith('/index.ts') || (from === 'src' && to === 'src/commands');
      return isDoor ? [] : [`${path}: ${name}: enter ${to} through its index.ts`];
    });
}

function allowed(from: string, to: string): boolean {
  if (from === 'privacy') return false;
  if (to === 'privacy') return true;
  if (from === 'audits') return false;
  if (from === 'src' || from === 'src/commands' || to === 'audits') return true;
  return to.startsWith('src/') && MAY_IMPORT[from.slice(4)]!.includes(to.slice(4));
}

function purityFaults(path: string, text: string): string[] {
  const room = roomOf(path);
  const packages = PURE_PACKAGES[room];
  if (!packages) return [];
  const foreign = importsOf(text).filter(({ name }) => !name.startsWith('.') && !packages.includes(name));
  const touched = IMPURE.exec(withoutComments(text))?.[1];
  return [...foreign.map(({ name }) => name), ...(touched === undefined ? [] : [touched])].map(
    (what) => `${path}: ${what} is not for ${room}`,
  );
}

function shapeFaults(path: string, text: string): string[] {
  const name = posix.basename(path, '.ts').replace(/\.d$/, '');
  const lines = WORD_LISTS.includes(path) ? 0 : text.trimEnd().split('\n').length;
  return [
    ...(/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) ? [] : [`${path}: the name is not in kebab-case`]),
    ...(['utils', 'util', 'helpers', 'misc', 'common'].includes(name)
      ? [`${path}: name it for what it holds`]
      : []),
    ...(lines > LONGEST_FILE ? [`${path}: ${lines} lines, at most ${LONGEST_FILE}`] : []),
  ];
}

/** Packages that are loaded when `entry` is, before anything is called. */
function loadedWith(entry: string, all: Sources): string[] {
  const [seen, packages] = [new Set<string>(), new Set<string>()];
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { name, lazy } of importsOf(all.get(path) ?? '')) {
      if (lazy) continue;
      if (name.startsWith('.')) visit(posix.join(posix.dirname(path), name));
      else packages.add(name);
    }
  };
  visit(entry);
  return [...packages];
}

/** What a file imports; `lazy` imports are types, or run only when a function is called. */
function importsOf(text: string): { name: string; lazy: boolean }[] {
  const statement = /^\s*(import|export)\b(\s+type\b)?(?:[^'";]*?\bfrom)?\s*['"]([^'"]+)['"]/gm;
  const call = /\bimport\(\s*['"]([^'"]+)['"]/g;
  const code = withoutComments(text);
  return [
    ...[...code.matchAll(statement)].map(([, , type, name]) => ({ name: name!, lazy: type !== undefined })),
    ...[...code.matchAll(call)].map(([, name]) => ({ name: name!, lazy: true })),
  ];
}

/** Comments that fill lines; one after code stays, and so does what looks like one in a string. */
function withoutComments(text: string): string {
  return text.replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, '').replaceAll(/^\s*\/\/.*$/gm, '');
}

function roomOf(path: string): string {
  const [top, second, third] = path.split('/');
  return top === 'src' && third !== undefined ? `src/${second}` : dirname(path) === '.' ? path : top!;
}
