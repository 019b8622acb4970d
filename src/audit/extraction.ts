import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { extractionCounts, type Continuation, type ExtractionCounts } from '../../audits/index.ts';
import { reproducibleRng } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import type { TokenStore } from '../data/index.ts';
import { greedy, openWriter } from '../generate/index.ts';
import {
  InterruptedError,
  openJob,
  openRunConfig,
  runDirectory,
  writeJson,
  type Observer,
} from '../train/index.ts';

/** Of private records: not for release. */
export interface ExtractionAttack {
  /** Tokens of a record that the model is given, its opening and prompt included: so many at least. */
  readonly prefixTokens: number;
  /** Tokens that it is to go on with. */
  readonly suffixTokens: number;
  readonly figures: readonly ExtractionFigures[];
}

export interface ExtractionFigures extends ExtractionCounts {
  /** The released model, or the one before training: what that knows, it did not learn here. */
  readonly model: 'released' | 'untrained';
  /** Test records show what is guessed without having been seen. */
  readonly records: 'training' | 'test';
}

/** Literature asks for 50 tokens after 50 (Carlini et al., arXiv:2202.07646); shorter texts have less to ask for. */
const lengths = [50, 25, 10, 5] as const;
/** Records of each kind that are tried; more are drawn from. */
const mostRecords = 1000;
/** Texts written at once. */
const batchSize = 16;

/**
 * Gives a language model the beginnings of records and counts those that it continues as they go on, taking the likeliest token
 * each time (A0: queries of the final model). The number of tokens is the largest of 50, 25, 10 and 5 that at least half of the
 * training records are long enough for. Written to `private/audit/extraction.json`, and nowhere else.
 * @param path - the run directory; the job's data and model must lie where they did
 * @returns undefined for a job whose models do not write
 * @throws InterruptedError where the user stopped
 */
export async function extractRecords(
  path: string,
  observer: Pick<Observer, 'stage' | 'stopping'>,
): Promise<ExtractionAttack | undefined> {
  const directory = runDirectory(path);
  const config = await openRunConfig(path);
  if (config.task !== 'generation') return undefined;
  const { stores, model } = await openJob(config);
  const untrained = model.directory.path;
  await model.directory.close();
  const asked = lengths.find((length) => longEnough(stores.train, length).length * 2 >= stores.train.records);
  const length = asked ?? lengths.at(-1)!;
  const figures: ExtractionFigures[] = [];
  for (const [name, where] of [
    ['released', join(directory.release, 'model')],
    ['untrained', untrained],
  ] as const) {
    for (const records of ['training', 'test'] as const) {
      const store = records === 'training' ? stores.train : stores.test;
      if (!store) continue;
      const chosen = chosenRecords(store, length);
      const told = (done: number): void => {
        // In per cent: how many records are long enough is private.
        const share = Math.round((100 * done) / chosen.length);
        observer.stage(`${records} records, ${name} model (%)`, share, 100);
        if (observer.stopping()) throw new InterruptedError('No figures of extraction were kept.');
      };
      const counts = extractionCounts(await continuationsBy(where, config, chosen, told));
      figures.push({ model: name, records, ...counts });
    }
  }
  const found = { prefixTokens: length, suffixTokens: length, figures };
  mkdirSync(join(directory.private, 'audit'), { recursive: true, mode: 0o700 });
  await writeJson(join(directory.private, 'audit', 'extraction.json'), found);
  return found;
}

interface SplitRecord {
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
}

/** Where a record is split: after its opening and prompt, and after `length` tokens at least. */
function splitOf({ offsets, labels }: TokenStore, record: number, length: number): number {
  const start = labels.task === 'generation' ? labels.starts[record]! : 0;
  return offsets[record]! + Math.max(start, length);
}

/** Records with so many tokens after where they are split. */
function longEnough(store: TokenStore, length: number): Uint32Array {
  return Uint32Array.from({ length: store.records }, (_, record) => record).filter(
    (record) => splitOf(store, record, length) + length <= store.offsets[record + 1]!,
  );
}

function chosenRecords(store: TokenStore, length: number): readonly SplitRecord[] {
  const chosen = reproducibleRng('extraction').shuffle(longEnough(store, length)).subarray(0, mostRecords);
  return Array.from(chosen, (record) => {
    const split = splitOf(store, record, length);
    const { ids, offsets } = store;
    return {
      prefix: [...ids.subarray(offsets[record], split)],
      suffix: [...ids.subarray(split, split + length)],
    };
  });
}

async function continuationsBy(
  path: string,
  { performance: { engine, device, threads } }: Config,
  records: readonly SplitRecord[],
  told: (done: number) => void,
): Promise<readonly Continuation[]> {
  const maxTokens = Math.max(2, ...records.map(({ prefix, suffix }) => prefix.length + suffix.length));
  const writer = await openWriter(path, {
    engine,
    maxTokens,
    ...(device !== 'auto' && { device }),
    ...(threads !== 'auto' && { threads }),
  });
  try {
    const found: Continuation[] = [];
    for (let start = 0; start < records.length; start += batchSize) {
      const batch = records.slice(start, start + batchSize);
      const written = await writer.write(
        batch.map(({ prefix }) => prefix),
        // Past the end of a text, too: a record is compared as a whole.
        { ...greedy, endIds: [], maxNewTokens: batch[0]!.suffix.length },
      );
      found.push(...batch.map(({ suffix: actual }, row) => ({ written: written[row]!, actual })));
      told(found.length);
    }
    return found;
  } finally {
    await writer.close();
  }
}
