import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataError } from '../../privacy/index.ts';
import { checkReport, type Report } from '../../audits/index.ts';
import { readNeeded } from './run-files.ts';

/** Whether a run of one's own lies there, whose report can be made anew; not a release or a report alone. */
export function isRun(path: string): boolean {
  return existsSync(join(resolve(path), 'private', 'start.json'));
}

/**
 * The report in a run, a release, or a file of its own.
 * @throws DataError where there is none, DptuneError `verification` where it does not fit its schema
 */
export async function readReport(path: string): Promise<Report> {
  const remedy = 'dptune report RUN makes it.';
  if (!existsSync(path))
    throw new DataError(`path=${path}: does not exist. Give a run, a release or a report.json.`);
  if (statSync(path).isFile()) return checkReport(await readNeeded(path, remedy));
  const places = [join(path, 'report.json'), join(path, 'release', 'report.json')];
  return checkReport(await readNeeded(places.find(existsSync) ?? places[1]!, remedy));
}
