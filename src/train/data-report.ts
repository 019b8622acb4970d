import { join } from 'node:path';
import type { ReadRegistry } from '../../privacy/index.ts';
import { describe } from '../data/index.ts';
import type { TrainOptions } from './job.ts';
import type { Stores } from './materials.ts';
import { writeJson, type RunDirectory } from './run-directory.ts';

/** Exact figures go to `private/`; the terminal is told what to look at, and the figures only where it asks for them. */
export async function reportData(
  { train }: Stores,
  { private: directory }: RunDirectory,
  reads: ReadRegistry,
  { observer, showPrivate = false }: Pick<TrainOptions, 'observer' | 'showPrivate'>,
): Promise<void> {
  reads.use('data report');
  const path = join(directory, 'data.json');
  const found = describe(train);
  await writeJson(path, found);
  if (showPrivate) observer.note(`data (private): ${JSON.stringify(found, null, 2)}`);
  const concerns = [
    found.truncationRate > 0.01 && 'more than 1 % of the texts are cut at data.maxLength',
    found.unknownRate > 0.05 && "more than 5 % of the tokens are unknown to the model's vocabulary",
    found.emptyTexts > 0 && 'there are empty texts',
    found.repeatedTexts > 0.01 * found.records && 'more than 1 % of the texts are repeated',
    found.unitsOverLimit > 0 &&
      'there are users with more than privacy.maxRecordsPerUser records; the others were left out',
    found.labelsDiscovered &&
      'the label names were collected from the private data; data.labels would declare them',
  ].filter((concern) => concern !== false);
  observer.note(`data report (private): ${path}`);
  for (const concern of concerns) observer.note(`data: ${concern}`);
}
