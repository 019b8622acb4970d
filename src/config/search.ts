import { dirname, resolve } from 'node:path';
import { ConfigError } from '../../privacy/errors.ts';
import { parseJob, type Problem } from './document.ts';
import { messageOf, readText } from './job.ts';
import { searchSchema, type SearchInput } from './schema-search.ts';

/** A search file that was read and found right; paths are absolute. */
export interface Search extends Omit<SearchInput, 'settings'> {
  /** Absolute path of the file. */
  readonly file: string;
  /** Every combination of the settings' values, as overrides of the job (`key.path=value`). */
  readonly candidates: readonly (readonly string[])[];
}

/** More would be a mistake: every one is planned before the first trial starts. */
const mostCandidates = 1000;

/**
 * Reads a search from YAML or JSON.
 * @throws ConfigError with every problem, each as file:line:column, value, constraint and remedy
 */
export async function loadSearch(path: string): Promise<Search> {
  const file = resolve(path);
  const document = parseJob(await readText(file, path), path);
  const value = document.value as SearchInput;
  const { schemaProblems } = await import('./validation.ts');
  const problems = schemaProblems(value, searchSchema);
  if (problems.length === 0) problems.push(...crossProblems(value));
  if (problems.length > 0) throw new ConfigError(messageOf(problems, path, document, []));
  const absolute = (relative: string) => resolve(dirname(file), relative);
  const { settings, publicData, job, ...rest } = value;
  return {
    ...rest,
    file,
    job: absolute(job),
    ...(publicData !== undefined && { publicData: absolute(publicData) }),
    candidates: combinations(Object.entries(settings as Record<string, unknown[]>)),
  };
}

function crossProblems(search: SearchInput): Problem[] {
  const { method, settings, distribution, trials, publicData } = search;
  const problems: Problem[] = [];
  const report = (key: string, message: string) => problems.push({ path: [key], message, atKey: true });
  const keys = Object.keys(settings);
  const privacy = keys.find((key) => /^(privacy|data|ledger|audit|model|task)\b/.test(key));
  if (privacy !== undefined) {
    report('settings', `=${privacy}: what is promised and to whom is not searched; name settings of train`);
  }
  const count = Object.values(settings as Record<string, unknown[]>).reduce((n, { length }) => n * length, 1);
  if (count > mostCandidates) {
    report(
      'settings',
      `: make ${count} candidates, must be at most ${mostCandidates}; leave some values out`,
    );
  }
  if (method !== 'private-selection') {
    const unused = distribution !== 'auto' ? 'distribution' : trials !== 'auto' ? 'trials' : undefined;
    if (unused) report(unused, `has no effect with method=${method}; remove it`);
  }
  if (method === 'public' && publicData === undefined) {
    report('method', '=public needs publicData: FILE, a training file that nobody needs protection in');
  }
  if (method !== 'public' && publicData !== undefined) {
    report('publicData', `has no effect with method=${method}; remove it`);
  }
  if (method === 'public' && search.epsilon !== undefined) {
    report('epsilon', 'has no effect with method=public, which costs nothing; remove it');
  }
  return problems;
}

function combinations(settings: readonly (readonly [string, readonly unknown[]])[]): string[][] {
  return settings.reduce<string[][]>(
    (made, [key, values]) =>
      made.flatMap((before) => values.map((value) => [...before, `${key}=${JSON.stringify(value)}`])),
    [[]],
  );
}
