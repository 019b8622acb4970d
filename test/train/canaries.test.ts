import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secureStream, seededStream } from '../../privacy/index.ts';
import type { Config } from '../../src/config/index.ts';
import type { Labels } from '../../src/data/index.ts';
import { auditPartOf } from '../../src/train/audit-part.ts';
import { commitmentOf, drawCoins, makeCanaries } from '../../src/train/canaries.ts';
import { openJobModel, type BaseModel } from '../../src/train/index.ts';
import {
  createWorkplace,
  csvOf,
  madeUpRows,
  tinyJob,
  type JobSettings,
  type Workplace,
} from '../support/tiny-job.ts';

const names = { names: ['sad', 'happy'], discovered: false };
const moods: Labels = { task: 'single-label', names, codes: new Int32Array() };

let place: Workplace;
let model: BaseModel;
beforeAll(async () => {
  place = await createWorkplace();
  model = await openJobModel(await tinyJob(place));
});
afterAll(async () => {
  await model.directory.close();
  place.remove();
});

async function planned(settings: JobSettings) {
  const config = await tinyJob(place, settings);
  return { config, part: (await auditPartOf(config, { epsilon: 4, delta: 1e-5 }))! };
}

const tokensOf = ({ ids, offsets }: { ids: ArrayLike<number>; offsets: Uint32Array }, record: number) =>
  Array.from(ids).slice(offsets[record], offsets[record + 1]);

describe('canaries', () => {
  test('of random tokens follow from the plan alone, each with special tokens around it', async () => {
    const { config, part } = await planned({ audit: { canaries: 200 } });
    const store = await makeCanaries(config, part, model, moods);
    expect(store).toMatchObject({ records: 200, units: 200 });
    expect(await makeCanaries(config, part, model, moods)).toEqual(store);
    const frame = [...model.tokenizer.encode('').ids];
    const texts = Array.from({ length: 200 }, (_, record) => tokensOf(store, record));
    for (const text of texts) {
      expect([text[0], text.at(-1)]).toEqual(frame);
      expect(text.slice(1, -1).some((id) => frame.includes(id) || id === model.padId)).toBe(false);
    }
    expect(new Set(texts.map(String)).size).toBe(200);
    const { codes } = store.labels as Extract<Labels, { task: 'single-label' }>;
    // Fair labels: within five standard deviations of a half.
    expect(Math.abs(codes.reduce((sum, code) => sum + code, 0) - 100)).toBeLessThan(36);
    const other = await planned({ audit: { canaries: 201 } });
    expect(tokensOf(await makeCanaries(other.config, other.part, model, moods), 0)).not.toEqual(texts[0]);
  });

  test('of a language model learn their last token alone', async () => {
    const { config, part } = await planned({ audit: { canaries: 20 } });
    const writing: Config = { ...config, task: 'generation' };
    const store = await makeCanaries(writing, part, model, { task: 'generation', starts: new Uint32Array() });
    const { starts } = store.labels as Extract<Labels, { task: 'generation' }>;
    for (let record = 0; record < 20; record++) {
      expect(starts[record]).toBe(tokensOf(store, record).length - 1);
    }
  });

  test('that are mislabelled have another label than their text', async () => {
    const rows = madeUpRows(60, 'public');
    await writeFile(`${place.root}/public.csv`, csvOf(rows));
    const { config, part } = await planned({ audit: { canaries: 50, source: 'public.csv' } });
    const store = await makeCanaries(config, part, model, moods);
    const { codes } = store.labels as Extract<Labels, { task: 'single-label' }>;
    const truth = new Map<string, Set<number>>();
    for (const { text, mood } of rows) {
      const key = String([...model.tokenizer.encode(text, undefined, { maxLength: 16 }).ids]);
      truth.set(key, (truth.get(key) ?? new Set()).add(names.names.indexOf(mood)));
    }
    for (let record = 0; record < 50; record++) {
      const known = truth.get(String(tokensOf(store, record)));
      expect(known).toBeDefined();
      expect(known!.size > 1 || !known!.has(codes[record]!)).toBe(true);
    }
    const many = await planned({ audit: { canaries: 5000, source: 'public.csv' } });
    await expect(makeCanaries(many.config, many.part, model, moods)).rejects.toThrow(/audit.canaries=5000/);
  });

  test('of reserved tokens need a vocabulary that has some', async () => {
    const { config, part } = await planned({ audit: { canaries: 5, design: 'new-token' } });
    await expect(makeCanaries(config, part, model, moods)).rejects.toThrow(/has 0 unused tokens/);
  });
});

describe('coins', () => {
  test('are fair, independent, and bound by their commitment', async () => {
    const { part } = await planned({ audit: { canaries: 20_000 } });
    const drawn = drawCoins(part, seededStream('coins'));
    const bits = Array.from(drawn.coins, Number);
    const heads = bits.reduce((sum, bit) => sum + bit, 0);
    const runs = bits.filter((bit, k) => k > 0 && bit !== bits[k - 1]).length;
    // Five standard deviations of a half of 20,000.
    expect(Math.abs(heads - 10_000)).toBeLessThan(354);
    expect(Math.abs(runs - 10_000)).toBeLessThan(354);
    expect(drawn.commitment).toBe(commitmentOf(part.hash, drawn));
    const flipped = (drawn.coins.startsWith('1') ? '0' : '1') + drawn.coins.slice(1);
    expect(commitmentOf(part.hash, { ...drawn, coins: flipped })).not.toBe(drawn.commitment);
    const [a, b] = [drawCoins(part, secureStream()), drawCoins(part, secureStream())];
    expect(a.coins).not.toBe(b.coins);
    expect(a.nonce).not.toBe(b.nonce);
  });
});
