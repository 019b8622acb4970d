import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { releaseTexts, type Report, type Statements } from '../../audits/index.ts';
import { writeAtomic } from '../formats/index.ts';
import { collectReport } from './collect.ts';

/** A report with the place that it was written to. */
export interface WrittenReport {
  readonly report: Report;
  /** Path of report.html. */
  readonly page: string;
  /** Whether a signature over what lay there before was taken away, because it no longer fits. */
  readonly wasSigned: boolean;
}

/**
 * Writes the report of a finished run into its release: report.json, and what is made of it. Done again without a change of
 * the evidence, it writes the same bytes.
 * @param path - the run directory
 * @param statements - what its owner states, added to what an earlier report holds
 * @throws as `collectReport`
 */
export async function writeReport(path: string, statements?: Partial<Statements>): Promise<WrittenReport> {
  const report = await collectReport(path, statements);
  const release = join(resolve(path), 'release');
  // Last: where report.json lies, what is made of it does, too.
  const texts = { ...(await releaseTexts(report)), 'report.json': `${JSON.stringify(report, null, 2)}\n` };
  const wasSigned = await dropSignature(release, texts['report.json']);
  for (const [name, text] of Object.entries(texts)) await writeAtomic(join(release, name), [text]);
  return { report, page: join(release, 'report.html'), wasSigned };
}

/** A signature that does not fit any more says less than none. */
async function dropSignature(release: string, text: string): Promise<boolean> {
  const signature = join(release, 'attestation.dsse.json');
  const before = await readFile(join(release, 'report.json'), 'utf8').catch(() => undefined);
  if (!existsSync(signature) || before === text) return false;
  await rm(signature);
  return true;
}
