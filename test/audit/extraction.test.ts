import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { reproducibleRng, seededStream } from '../../privacy/index.ts';
import { auditRun, extractRecords } from '../../src/audit/index.ts';
import { runCommandLine } from '../../src/commands/command-line.ts';
import { loadJob } from '../../src/config/index.ts';
import { writeSafetensors } from '../../src/formats/index.ts';
import { architectureOf, buildNetwork, initialValues } from '../../src/models/index.ts';
import { createWorkplace, filesIn, jsonOf, newRun, runJob, tinyJob } from '../support/tiny-job.ts';

const words = Array.from({ length: 40 }, (_, k) => `w${String.fromCharCode(97 + (k % 26))}${k}`);
const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words];
const model = {
  architectures: ['GPT2LMHeadModel'],
  model_type: 'gpt2',
  vocab_size: vocabulary.length,
  n_embd: 32,
  n_layer: 2,
  n_head: 2,
  n_positions: 24,
  initializer_range: 0.2,
  eos_token_id: vocabulary.indexOf('[SEP]'),
};

const root = mkdtempSync(join(tmpdir(), 'dptune-extraction-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const run = join(root, 'run');
const quietly = { stage: () => undefined, stopping: () => false };

/** Words drawn one by one: nobody who has not read a text can go on with it. */
function texts(count: number, seed: string): string {
  const rng = reproducibleRng(seed);
  const lines = Array.from({ length: count }, () =>
    Array.from({ length: 12 }, () => words[rng.integer(words.length)]).join(' '),
  );
  return lines.map((text) => `${JSON.stringify({ text })}\n`).join('');
}

beforeAll(async () => {
  mkdirSync(join(root, 'model'));
  const file = (name: string, text: string) => writeFile(join(root, name), text);
  await file('model/config.json', JSON.stringify(model));
  const tokenizer = { tokenizer_class: 'BertTokenizer', do_lower_case: true, model_max_length: 24 };
  await file('model/tokenizer_config.json', JSON.stringify(tokenizer));
  await file('model/vocab.txt', `${vocabulary.join('\n')}\n`);
  const { params } = buildNetwork({ architecture: architectureOf(model), task: 'causal-lm' });
  const rng = reproducibleRng('model');
  await writeSafetensors(
    join(root, 'model', 'model.safetensors'),
    params.map((spec) => ({ name: spec.name, shape: spec.shape, data: initialValues(spec, rng) })),
  );
  await file('train.jsonl', texts(12, 'train'));
  await file('test.jsonl', texts(12, 'test'));
  const job = {
    model: 'model',
    task: 'generation',
    data: { train: 'train.jsonl', test: 'test.jsonl', columns: { text: 'text' }, maxLength: 16 },
    privacy: { noiseMultiplier: 1, delta: 1e-3, publicSize: 12 },
    audit: { canaries: 60, guesses: 20 },
    train: { method: 'full', batchSize: 12, steps: 240, learningRate: 0.01 },
    evaluate: { bootstrap: 0, texts: { prompts: 0 } },
    performance: { threads: 1 },
  };
  await file('job.json', JSON.stringify(job));
  const { config } = await loadJob(join(root, 'job.json'));
  await runJob(config, run, { nonPrivate: true, stream: seededStream(1) });
});

test('canaries that a language model learnt are exposed', async () => {
  const { exposure, results } = await auditRun(run);
  expect(exposure!.secrets + exposure!.references).toBe(60);
  expect(exposure!.median).toBeGreaterThan(3);
  expect(exposure!.extrapolatedLargest).toBeGreaterThan(exposure!.median);
  // It is said beside the bounds, and no part of them.
  expect(results.flatMap((result) => Object.keys(result)).join(' ')).not.toMatch(/exposure/i);
});

async function printedBy(...args: string[]): Promise<string> {
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await runCommandLine(args);
    return [...stdout.mock.calls, ...stderr.mock.calls].map(([text]) => String(text)).join('');
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

test('the command prints exposure, and what is private of records where it is asked to', async () => {
  expect(await printedBy('audit', run)).toMatch(
    /exposure, released: median [\d.]+ bits .* No bound of epsilon/,
  );
  const quiet = await printedBy('audit', run, '--attacks');
  expect(quiet).toContain('--show-private prints it');
  expect(quiet).not.toMatch(/word for word|first 5|untrained +test/);
  const shown = await printedBy('audit', run, '--attacks', '--show-private', '--json');
  expect(shown).toMatch(/"model":"untrained","records":"test","tried":12,"exact":0/);
});

describe('extraction', () => {
  test('finds what was learnt by heart, neither in other records nor in the model before', async () => {
    const found = (await extractRecords(run, quietly))!;
    expect(found).toMatchObject({ prefixTokens: 5, suffixTokens: 5 });
    const of = (name: string, records: string) =>
      found.figures.find((each) => each.model === name && each.records === records)!;
    expect(of('released', 'training').tried).toBe(12);
    expect(of('released', 'training').exact).toBeGreaterThanOrEqual(10);
    expect(of('released', 'training').agreement).toBeGreaterThan(0.9);
    for (const other of [of('released', 'test'), of('untrained', 'training'), of('untrained', 'test')]) {
      expect(other).toMatchObject({ tried: 12, exact: 0, nearExact: 0 });
      expect(other.agreement).toBeLessThan(0.2);
    }
    expect(await jsonOf(join(run, 'private', 'audit', 'extraction.json'))).toEqual(found);
    expect((await filesIn(join(run, 'release'))).filter((name) => name.includes('extraction'))).toEqual([]);
  });

  test('stops where it is asked to', async () => {
    await expect(extractRecords(run, { ...quietly, stopping: () => true })).rejects.toThrow(/No figures/);
  });

  test('is not tried on a model that does not write', async () => {
    const place = await createWorkplace();
    const out = newRun(place);
    await runJob(await tinyJob(place, { train: { steps: 1 } }), out);
    expect(await extractRecords(out, quietly)).toBeUndefined();
    place.remove();
  });
});
