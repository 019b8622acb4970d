import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { loadTokenizer, type Tokenizer } from '../../src/formats/index.ts';
import { greedy, openWriter } from '../../src/generate/index.ts';
import { ignoredLabel } from '../../src/models/index.ts';
import { openJobModel, pretrain } from '../../src/train/index.ts';
import { maskedBatch } from '../../src/train/masking.ts';
import { recorder, tinyJob } from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();

describe('masking', () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await loadTokenizer(place.model);
  });

  test('predicts 30 % of the tokens: 80 % of these masked, 10 % replaced, 10 % left; special tokens never', () => {
    const { ids } = tokenizer.encode('bright stone road cold lamp grim table', undefined, { maxLength: 16 });
    const texts = Array.from({ length: 4000 }, () => ids);
    const batch = maskedBatch(texts, tokenizer, reproducibleRng('masks'));
    const counts = { words: 0, predicted: 0, masked: 0, left: 0, faults: 0 };
    for (const [at, label] of batch.labels!.entries()) {
      const [original, found] = [ids[at % ids.length]!, batch.ids![at]!];
      const isSpecial = original === tokenizer.special.cls || original === tokenizer.special.sep;
      const isPredicted = label !== ignoredLabel;
      if (isPredicted ? isSpecial || label !== original : found !== original) counts.faults += 1;
      if (!isSpecial) counts.words += 1;
      if (isPredicted) counts.predicted += 1;
      if (isPredicted && found === tokenizer.special.mask) counts.masked += 1;
      if (isPredicted && found === original) counts.left += 1;
    }
    expect(counts.faults).toBe(0);
    expect(deviations(counts.predicted, counts.words, 0.3)).toBeLessThan(4);
    expect(deviations(counts.predicted, counts.words, 0.15)).toBeGreaterThan(20);
    // A random token is the mask, or the right one, once in as many as there are.
    const random = 0.1 / tokenizer.size;
    expect(deviations(counts.masked, counts.predicted, 0.8 + random)).toBeLessThan(4);
    expect(deviations(counts.masked, counts.predicted, 0.85 + random)).toBeGreaterThan(8);
    expect(deviations(counts.left, counts.predicted, 0.1 + random)).toBeLessThan(4);
  });
});

/** How far a share of `of` is from what is expected, in standard deviations of a binomial. */
function deviations(count: number, of: number, share: number): number {
  return Math.abs(count / of - share) / Math.sqrt((share * (1 - share)) / of);
}

describe('pretraining', () => {
  const options = {
    kind: 'bert' as const,
    vocabularySize: 60,
    layers: 1,
    width: 16,
    heads: 2,
    maxTokens: 16,
    batchSize: 16,
    learningRate: 0.01,
    seed: 0,
  };
  let text: string;
  beforeAll(async () => {
    text = join(place.root, 'text.txt');
    const lines = Array.from({ length: 40 }, (_, i) =>
      i % 2 ? 'the road is long and cold' : 'a lamp on the old table',
    );
    await writeFile(text, `${lines.join('\n')}\n`);
  });

  test('learns, reproducibly, and makes a model that a job can start from', async () => {
    const out = join(place.root, 'made');
    const observer = recorder();
    const short = await pretrain({ ...options, text, out, steps: 10, observer });
    const again = await pretrain({ ...options, text, out, steps: 10, observer });
    expect(again).toBe(short);
    const long = await pretrain({ ...options, text, out, steps: 120, observer });
    expect(long).toBeLessThan(0.6 * short);
    const model = await openJobModel(await tinyJob(place, { model: 'made' }));
    expect(model.architecture).toMatchObject({ modelType: 'bert', layers: 1, hiddenSize: 16 });
    await model.directory.close();
  });

  test('a GPT-2 learns to write what it read', async () => {
    const out = join(place.root, 'writes');
    const wide = { ...options, kind: 'gpt2' as const, vocabularySize: 300 };
    await pretrain({ ...wide, text, out, steps: 150, observer: recorder() });
    const writer = await openWriter(out, { threads: 1 });
    const [tokens] = await writer.write([writer.prompt('the road')], {
      ...greedy,
      maxNewTokens: 8,
      endIds: writer.defaults.endIds,
    });
    expect(writer.tokenizer.decode(tokens!)).toBe(' is long and cold');
    expect(tokens!.at(-1)).toBe(writer.tokenizer.special.eos);
    await writer.close();
  });

  test('stops where the user asks for it', async () => {
    const observer = { ...recorder(), stopping: () => true };
    const stopped = pretrain({ ...options, text, out: join(place.root, 'cut'), steps: 10, observer });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
  });

  test('refuses a file without text', async () => {
    const empty = join(place.root, 'empty.txt');
    await writeFile(empty, ' \n\n');
    const made = pretrain({
      ...options,
      text: empty,
      out: join(place.root, 'none'),
      steps: 1,
      observer: recorder(),
    });
    await expect(made).rejects.toThrow(/has no text/);
  });
});
