import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  describe as describeStore,
  openRows,
  readSplitByColumn,
  readStore,
  type OpenOptions,
  type ReadOptions,
} from '../../src/data/index.ts';
import { wordTokenizer } from './files.ts';

const root = new URL('../../../shared/data/datasets/', import.meta.url).pathname;
const read = async (path: string, open: OpenOptions, options: Partial<ReadOptions> = {}) =>
  describeStore(
    await readStore(openRows(root + path, open), {
      tokenizer: wordTokenizer,
      task: 'single-label',
      unit: { kind: 'record' },
      seed: 1,
      ...options,
    }),
  );
const sentences = { columns: { text: 'sentence', label: 'label' } };

describe.skipIf(!existsSync(root))(
  'published data sets have the sizes that their makers state (skipped without ../shared/data)',
  () => {
    it.each([
      ['sst2/train.tsv', 67_349],
      ['sst2/dev.tsv', 872],
      ['sst2/test-labeled.tsv', 1821],
    ])('%s: %i rows, two labels', async (path, rows) => {
      const { rows: found, labels } = await read(path, sentences);
      expect(found).toBe(rows);
      expect(Object.keys(labels)).toEqual(['0', '1']);
    });

    it('IMDB by movie: 6,004 reviews of 843 movies, from gzipped JSON lines', async () => {
      const { records, units } = await read(
        'imdb-movies/train.jsonl.gz',
        { columns: { text: 'text', label: 'label', unit: 'movie' } },
        { unit: { kind: 'user', maxRecords: 1000 } },
      );
      expect({ records, units }).toEqual({ records: 6004, units: 843 });
    });

    it('CUAD clauses: 5,286 with labels of 38 types', async () => {
      const { rows, labels } = await read(
        'legal/cuad-clauses/clauses.jsonl',
        { columns: { text: 'text', label: 'labels' } },
        { task: 'multi-label' },
      );
      expect([rows, Object.keys(labels).length]).toEqual([5286, 38]);
    });

    it('CUAD clauses: 4,239 to train on, by the column that says so', async () => {
      const { train, test } = await readSplitByColumn(
        openRows(`${root}legal/cuad-clauses/clauses.jsonl`, {
          columns: { text: 'text', label: 'labels', part: 'split' },
        }),
        { tokenizer: wordTokenizer, task: 'multi-label', unit: { kind: 'record' }, seed: 1 },
      );
      expect([train.records, test?.records]).toEqual([4239, 1047]);
    });

    it('Spanish tweets: 1,839 with their labels in a file beside', async () => {
      const { rows, labels } = await read('tweet-sentiment-es/train_text.txt', {
        columns: { text: 'text', label: 'label' },
        parallel: [{ column: 'label', path: `${root}tweet-sentiment-es/train_labels.txt` }],
      });
      expect([rows, labels]).toEqual([1839, { 0: 613, 1: 613, 2: 613 }]);
    });

    it('MTS-Dialog: 1,201 dialogues of many lines under 20 headers, from CSV', async () => {
      const { rows, labels } = await read('mts-dialog/MTS-Dialog-TrainingSet.csv', {
        columns: { text: 'dialogue', label: 'section_header' },
      });
      expect([rows, Object.keys(labels).length]).toEqual([1201, 20]);
    });

    it('Shakespeare: 6,913 speeches by 296 speakers', async () => {
      const { rows, units, largestUnit, recordsOverLimit, records } = await read(
        'shakespeare-speakers/speeches.jsonl',
        { columns: { text: 'text', unit: 'user' } },
        { task: 'unlabelled', unit: { kind: 'user', maxRecords: 16 } },
      );
      expect({ rows, units, largestUnit }).toEqual({ rows: 6913, units: 296, largestUnit: 16 });
      expect(records + recordsOverLimit).toBe(6913);
    });
  },
);
