import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConfigError, DptuneError } from '../../privacy/errors.ts';
import { crossChecks, pathOf, type Lookup } from './checks.ts';
import { at, LARGEST_JOB_FILE, parseJob, tooLarge, type JobDocument, type Problem } from './document.ts';
import { compileExpression } from './expression.ts';
import { applyOverride, parseOverride, type Override } from './overrides.ts';
import { jobSchema, type CompleteJob, type Config, type ConfigInput } from './schema.ts';

/** A job file that was read and found right. */
export interface Job {
  /** Absolute path of the file. */
  readonly file: string;
  /** With every default filled in; paths of files are absolute, a model from the hub stays `org/name@revision`. */
  readonly config: Config;
  /** As written, overrides included: tells a setting that was given from one that was left to its default. */
  readonly input: ConfigInput;
}

/**
 * Reads a job from YAML or JSON.
 * @param path - job file; the paths in it are relative to it
 * @param overrides - `key.path=value` from the command line, applied in order
 * @throws ConfigError with every problem, each as file:line:column, value, constraint and remedy
 */
export async function loadJob(path: string, overrides: readonly string[] = []): Promise<Job> {
  const file = resolve(path);
  const text = await readText(file, path);
  const config = await checkedConfig(text, path, overrides);
  return { file, config: await withAbsolutePaths(config.complete, dirname(file)), input: config.input };
}

/** @throws ConfigError unless the file is there, of a job's size and UTF-8 */
export async function readText(file: string, path: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > LARGEST_JOB_FILE * 4) throw tooLarge(path, size);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (error instanceof TypeError)
      throw new ConfigError(`job=${path}: is not UTF-8 text; save it as UTF-8`, { cause: error });
    const { code } = error as NodeJS.ErrnoException;
    const remedy =
      code === 'ENOENT' ? 'there is no such file; dptune init writes one' : `cannot be read (${code})`;
    throw new ConfigError(`job=${path}: ${remedy}`, { cause: error });
  }
}

/**
 * Checks the text of a job and fills in its defaults, without a look at any other file.
 * @param name - name of the file, for messages
 */
export async function checkedConfig(
  text: string,
  name: string,
  overrides: readonly string[] = [],
): Promise<{ complete: CompleteJob; input: ConfigInput }> {
  const document = parseJob(text, name);
  const parsed = overrides.map(parseOverride);
  const input = document.value;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new ConfigError(
      `${name}:1:1: must be a mapping of settings, such as model: DIR; dptune init writes one`,
    );
  }
  for (const override of parsed) applyOverride(input as Record<string, unknown>, override);
  const complete: unknown = structuredClone(input);
  const { schemaProblems } = await import('./validation.ts');
  const problems = schemaProblems(complete, jobSchema);
  writeOutPair(complete as Record<string, unknown>);
  const faulty = problems.map(({ path }) => path.join('.'));
  problems.push(...crossChecks(lookupIn(complete), lookupIn(input), faulty));
  problems.push(...(await expressionProblems(lookupIn(complete))));
  if (problems.length > 0) throw new ConfigError(messageOf(problems, name, document, parsed));
  return { complete: complete as CompleteJob, input: input as ConfigInput };
}

/** Pairs are classified as texts are; their second text has a column of its own. */
function writeOutPair(job: Record<string, unknown>): void {
  if (job['task'] === 'pair') job['task'] = 'classification';
}

/** Formulas are compiled once here so that a typo is found before any data is read. */
async function expressionProblems(setting: Lookup): Promise<Problem[]> {
  const phases = setting('train.phases');
  const schedules = Array.isArray(phases)
    ? phases.map((_, i) => `train.phases.${i}.schedule.expression`)
    : [];
  const formulas: [path: string, names: string[]][] = [
    ['privacy.delta', ['n']],
    ...['train.schedule.expression', ...schedules].map((path): [string, string[]] => [
      path,
      ['step', 'steps'],
    ]),
  ];
  const problems: Problem[] = [];
  for (const [path, names] of formulas) {
    const text = setting(path);
    if (typeof text !== 'string' || text === 'auto') continue;
    try {
      await compileExpression(text, names);
    } catch (error) {
      if (!(error instanceof DptuneError)) throw error;
      problems.push({ path: pathOf(path), message: error.message });
    }
  }
  return problems;
}

function lookupIn(root: unknown): Lookup {
  return (path) => {
    let node = root;
    for (const step of path.split('.')) {
      if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return undefined;
      node = (node as Record<string, unknown>)[step];
    }
    return node;
  };
}

/** All problems, each with its place, in the order of the file. */
export function messageOf(
  problems: readonly Problem[],
  name: string,
  document: JobDocument,
  overrides: readonly Override[],
): string {
  const placed = problems.map((problem) => {
    const setting = problem.path.join('.');
    const source = overrides.findLast(({ path }) => overlap(setting, path.join('.')));
    const position = document.positionOf(problem.path, problem.atKey);
    const where = source ? `-s ${source.text}` : at(name, position);
    const text = problem.message.startsWith('=')
      ? `${setting}${problem.message}`
      : `${setting}: ${problem.message}`;
    return { position, line: `${where}: ${text}`.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD') };
  });
  placed.sort((a, b) => a.position.line - b.position.line || a.position.column - b.position.column);
  return placed.map(({ line }) => line).join('\n');
}

/** Whether one setting is the other or a part of it. */
function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

async function withAbsolutePaths(job: CompleteJob, directory: string): Promise<Config> {
  const absolute = (path: string) => resolve(directory, path);
  const { validation, ...data } = job.data;
  const { path, public: isPublic = false } =
    typeof validation === 'string' ? { path: validation } : (validation ?? {});
  return {
    ...job,
    model: await modelReference(job.model, directory),
    ...(job.stages && {
      stages: job.stages.map((stage) => ({
        ...stage,
        data: { ...stage.data, train: absolute(stage.data.train) },
      })),
    }),
    data: {
      ...data,
      train: absolute(data.train),
      ...(data.test === undefined ? {} : { test: absolute(data.test) }),
      ...(path === undefined ? {} : { validation: { path: absolute(path), public: isPublic } }),
      ...(data.parallel && {
        parallel: data.parallel.map(({ column, ...files }) => ({
          column,
          ...(mapped(files, absolute) as typeof files),
        })),
      }),
    },
    audit: {
      ...job.audit,
      ...(job.audit.source === undefined ? {} : { source: absolute(job.audit.source) }),
    },
    ledger: ledgerPlace(job.ledger, absolute),
    evaluate: {
      ...job.evaluate,
      ...(job.evaluate.retention === undefined ? {} : { retention: absolute(job.evaluate.retention) }),
    },
  };
}

function mapped(values: Readonly<Record<string, string>>, change: (value: string) => string) {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}

/** A ledger in a file is meant relative to the job; one behind an address stays as it is. */
function ledgerPlace(
  ledger: CompleteJob['ledger'],
  absolute: (path: string) => string,
): CompleteJob['ledger'] {
  if (ledger === 'none' || ledger.url === undefined || /^[a-z][a-z0-9+.-]*:/i.test(ledger.url)) return ledger;
  return { ...ledger, url: absolute(ledger.url) };
}

/** A directory next to the job wins over a model of that name on the hub. */
async function modelReference(model: string, directory: string): Promise<string> {
  const path = resolve(directory, model);
  const onHub = /^[\w.-]+\/[\w.-]+(@[\w./-]+)?$/.test(model) && !model.startsWith('.');
  if (!onHub) return path;
  const isDirectory = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  return isDirectory ? path : model;
}
