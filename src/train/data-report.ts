import { join } from 'node:path';
import type { ReadRegistry } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { describe, type PrivateDescription } from '../data/index.ts';
import type { TrainOptions } from './job.ts';
import { openJobModel } from './base-model.ts';
import { jobEncoder, readData, type Stores } from './materials.ts';
import { writeJson, type RunDirectory } from './run-directory.ts';

/** Figures of the data, and what to look at in them, go to `private/`, and to the terminal only where it asks for them. */
export async function reportData(
  { train }: Stores,
  { private: directory }: RunDirectory,
  reads: ReadRegistry,
  { observer, showPrivate = false }: Pick<TrainOptions, 'observer' | 'showPrivate'>,
): Promise<void> {
  reads.use('data report');
  const path = join(directory, 'data.json');
  const found = describe(train);
  const report = { ...found, remarks: remarksOn(found) };
  await writeJson(path, report);
  observer.note(
    showPrivate
      ? `data (private): ${JSON.stringify(report, null, 2)}`
      : `data report: ${path} (private; --show-private prints it)`,
  );
  if (found.labelsDiscovered) {
    observer.note('label names were collected from the private data; data.labels would declare them');
  }
}

/** What to look at in a job's training data, before it trains: for its owner alone. */
export async function inspectData(config: Config): Promise<readonly string[]> {
  const model = await openJobModel(config);
  try {
    return remarksOn(describe((await readData(config, jobEncoder(config, model))).train));
  } finally {
    await model.directory.close();
  }
}

function remarksOn(found: PrivateDescription): string[] {
  return [
    found.truncationRate > 0.01 && 'more than 1 % of the texts are cut at data.maxLength',
    found.unknownRate > 0.05 && "more than 5 % of the tokens are unknown to the model's vocabulary",
    (found.words?.lost ?? 0) > 0 &&
      'there are words that the model sees nothing of (cut off, or without a token); they count as O',
    (found.words?.recordsWithout ?? 0) > 0 &&
      'there are sentences without any word that the model sees; they teach nothing',
    found.emptyTexts > 0 && 'there are empty texts',
    found.repeatedTexts > 0.01 * found.records && 'more than 1 % of the texts are repeated',
    found.unitsOverLimit > 0 &&
      'there are users with more than privacy.maxRecordsPerUser records; the others were left out',
  ].filter((remark) => remark !== false);
}
