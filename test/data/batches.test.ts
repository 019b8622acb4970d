import { existsSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allUnits,
  microBatches,
  openRows,
  readStore,
  type MicroBatch,
  type TokenStore,
} from '../../src/data/index.ts';
import { rowsOf, wordTokenizer } from './files.ts';

const user = { kind: 'user', maxRecords: 4 } as const;

/** A store of records with these lengths; token ids tell the record: 1000 r + 1, 1000 r + 2, ... */
async function storeOf(lengths: readonly number[], units?: readonly string[]): Promise<TokenStore> {
  const rows = lengths.map((length, r) => ({
    text: Array.from({ length }, (_, t) => 1000 * (r + 1) + t).join(' '),
    label: r % 2 ? 'odd' : 'even',
    unit: units?.[r],
  }));
  return readStore(rowsOf(rows, units ? { unit: 'u' } : {}), {
    tokenizer: wordTokenizer,
    task: 'single-label',
    labels: ['even', 'odd'],
    seed: 1,
    unit: units ? user : { kind: 'record' },
  });
}

const lists = fc.array(
  fc.record({ length: fc.integer({ min: 0, max: 50 }), unit: fc.constantFrom('u', 'v', 'w', 'x', 'y') }),
  { minLength: 1, maxLength: 40 },
);

/** What every micro-batch promises. */
function check(store: TokenStore, batch: MicroBatch, tokenBudget: number): void {
  const perUnit = batch.records / batch.units;
  expect(batch.recordIndices).toHaveLength(batch.records);
  expect(batch.units === 1 || batch.records * batch.tokens <= tokenBudget).toBe(true);
  let longest = 1;
  for (const [row, record] of batch.recordIndices.entries()) {
    const unit = batch.unitIndices[Math.floor(row / perUnit)]!;
    expect(record).toBe(store.unitOffsets[unit]! + (row % perUnit));
    expect(record).toBeLessThan(store.unitOffsets[unit + 1]!);
    const tokens = store.ids.subarray(store.offsets[record], store.offsets[record + 1]);
    longest = Math.max(longest, tokens.length);
    const padding = batch.tokens - tokens.length;
    const at = row * batch.tokens;
    expect([...batch.ids.subarray(at, at + batch.tokens)]).toEqual([
      ...tokens,
      ...Array<number>(padding).fill(77),
    ]);
    expect([...batch.mask.subarray(at, at + batch.tokens)]).toEqual([
      ...Array<number>(tokens.length).fill(1),
      ...Array<number>(padding).fill(0),
    ]);
    expect(store.labels.task === 'single-label' && store.labels.codes[record]).toBe(batch.labels![row]);
  }
  expect(batch.tokens).toBe(longest);
}

describe('microBatches', () => {
  it.each(['record', 'user'])(
    'holds every unit once, whole, padded to the longest and within the budget (%s)',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(
          lists,
          fc.integer({ min: 1, max: 400 }),
          fc.integer({ min: 0, max: 100 }),
          async (list, tokenBudget, overheadTokens) => {
            const store = await storeOf(
              list.map(({ length }) => length),
              kind === 'user' ? list.map(({ unit }) => unit) : undefined,
            );
            const units = allUnits(store).filter((unit) => unit % 3 !== 2);
            const batches = [...microBatches(store, units, { tokenBudget, padId: 77, overheadTokens })];
            for (const batch of batches) check(store, batch, tokenBudget);
            expect(batches.flatMap((batch) => [...batch.unitIndices]).sort((a, b) => a - b)).toEqual([
              ...units,
            ]);
          },
        ),
        { seed: 4, numRuns: 150 },
      );
    },
  );

  it('does not depend on the order of the sampled units', async () => {
    const store = await storeOf([3, 9, 3, 4, 9, 1]);
    const options = { tokenBudget: 20, padId: 0 };
    expect([...microBatches(store, Uint32Array.of(5, 0, 3, 1), options)]).toEqual([
      ...microBatches(store, Uint32Array.of(0, 1, 3, 5), options),
    ]);
  });

  it('makes nothing of no units, and refuses a budget of nothing', async () => {
    const store = await storeOf([1]);
    expect([...microBatches(store, new Uint32Array(), { tokenBudget: 20, padId: 0 })]).toEqual([]);
    expect(() => [...microBatches(store, allUnits(store), { tokenBudget: 0, padId: 0 })]).toThrow(
      'microBatchTokens=0',
    );
  });

  it('gives segments, targets and indicators in the shapes that losses take', async () => {
    const options = { tokenizer: wordTokenizer, unit: { kind: 'record' }, seed: 1 } as const;
    const pairs = [
      { text: '1', textPair: '2 3', label: '0.5' },
      { text: '4 5', textPair: '6 7', label: 2 },
    ];
    const regression = await readStore(rowsOf(pairs), { ...options, task: 'regression' });
    const [batch] = microBatches(regression, allUnits(regression), { tokenBudget: 99, padId: 0 });
    expect(batch).toMatchObject({ records: 2, tokens: 4, labels: Float32Array.of(2, 0.5) });
    expect([...batch!.typeIds]).toEqual([0, 0, 1, 1, 0, 1, 1, 0]);
    const tagged = await readStore(rowsOf([{ label: 'a;c' }, { label: '' }]), {
      ...options,
      task: 'multi-label',
      labels: ['a', 'b', 'c'],
    });
    const [tags] = microBatches(tagged, allUnits(tagged), { tokenBudget: 99, padId: 0 });
    expect(tags!.labels).toEqual(Float32Array.of(1, 0, 1, 0, 0, 0));
  });
});

const reviews = new URL('../../../shared/data/datasets/mr/rt-polarity.pos', import.meta.url).pathname;

describe.skipIf(!existsSync(reviews))('on movie reviews (skipped without ../shared/data)', () => {
  it('wastes little on padding, and little on many micro-batches', async () => {
    const source = openRows(reviews, { format: 'text', columns: { text: 'text' } });
    const store = await readStore(source, {
      tokenizer: wordTokenizer,
      task: 'unlabelled',
      unit: { kind: 'record' },
      seed: 1,
    });
    expect(store.records).toBe(5331);
    const units = allUnits(store).filter((unit) => unit % 10 === 0);
    const batches = [...microBatches(store, units, { tokenBudget: 2048, padId: 0 })];
    const positions = batches.reduce((sum, { records, tokens }) => sum + records * tokens, 0);
    const tokens = batches.reduce(
      (sum, { mask }) => sum + mask.reduce((count, value) => count + value, 0),
      0,
    );
    expect(1 - tokens / positions).toBeLessThan(0.08);
    expect(batches.length).toBeLessThan(2 * Math.ceil(tokens / 2048) + 5);
  });
});
