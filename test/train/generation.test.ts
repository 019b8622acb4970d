import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { runCommandLine } from '../../src/commands/command-line.ts';
import { loadJob, type Config } from '../../src/config/index.ts';
import { allUnits, microBatches, openRows, readStore } from '../../src/data/index.ts';
import { createOnnxEngine } from '../../src/engines/index.ts';
import {
  loadTokenizer,
  writeSafetensors,
  type ChatTemplate,
  type Tokenizer,
} from '../../src/formats/index.ts';
import { greedy, openWriter } from '../../src/generate/index.ts';
import { privateGradient } from '../../src/graph/index.ts';
import { architectureOf, buildNetwork, feedsOf, initialValues, tensorsOf } from '../../src/models/index.ts';
import { createLanguageEncoder } from '../../src/train/language.ts';
import { evaluateLanguageModel, openClassifier, openJobModel, planJob } from '../../src/train/index.ts';
import {
  filesIn,
  jsonOf,
  linesOf,
  newRun,
  releasedWeights,
  resumeRun,
  runJob,
  tensorsIn,
  recorder,
} from '../support/tiny-job.ts';

const words = ['red', 'blue', 'big', 'old', 'dog', 'cat', 'bird', 'runs', 'sleeps', 'sings'];
const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words];
const end = vocabulary.indexOf('[SEP]');
const configs = {
  gpt2: {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: vocabulary.length,
    n_embd: 16,
    n_layer: 2,
    n_head: 2,
    n_positions: 24,
    initializer_range: 0.3,
    eos_token_id: end,
  },
  llama: {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: vocabulary.length,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 24,
    initializer_range: 0.3,
    eos_token_id: end,
  },
} as const;

const root = mkdtempSync(join(tmpdir(), 'dptune-generation-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let tokenizer: Tokenizer;

/** Rows `animal adjective` -> `adjective animal verb`, by four writers. */
function rows(count: number, seed: string) {
  const rng = reproducibleRng(seed);
  return Array.from({ length: count }, (_, row) => {
    const pick = (from: number, to: number) => words[from + rng.integer(to - from)]!;
    const [look, animal] = [pick(0, 4), pick(4, 7)];
    const longer = row % 3 === 0 ? ` ${look} ${look} ${animal}` : '';
    const answer = `${look} ${animal} ${words[7 + words.indexOf(animal) - 4]}${longer}`;
    return { given: `${animal} ${look}`, answer, all: `${animal} ${answer}`, writer: `w${row % 20}` };
  });
}

beforeAll(async () => {
  for (const [name, config] of Object.entries(configs)) {
    const directory = join(root, name);
    mkdirSync(directory);
    await writeFile(join(directory, 'config.json'), JSON.stringify(config));
    const settings = { tokenizer_class: 'BertTokenizer', do_lower_case: true, model_max_length: 24 };
    await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify(settings));
    await writeFile(join(directory, 'generation_config.json'), JSON.stringify({ eos_token_id: end }));
    await writeFile(join(directory, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
    const { params } = buildNetwork({ architecture: architectureOf(config), task: 'causal-lm' });
    const rng = reproducibleRng(name);
    await writeSafetensors(
      join(directory, 'model.safetensors'),
      params.map((spec) => ({ name: spec.name, shape: spec.shape, data: initialValues(spec, rng) })),
    );
  }
  tokenizer = await loadTokenizer(join(root, 'gpt2'));
  for (const [name, count] of [
    ['train', 80],
    ['test', 12],
  ] as const) {
    const lines = rows(count, name).map((row) => JSON.stringify(row));
    await writeFile(join(root, `${name}.jsonl`), `${lines.join('\n')}\n`);
  }
});

let jobs = 0;
async function job(settings: Record<string, Record<string, unknown>>, model = 'gpt2'): Promise<Config> {
  const path = join(root, `job-${(jobs += 1)}.json`);
  const text = {
    model,
    task: 'generation',
    data: {
      train: 'train.jsonl',
      test: 'test.jsonl',
      columns: { prompt: 'given', completion: 'answer' },
      maxLength: 16,
      ...settings['data'],
    },
    privacy: { noiseMultiplier: 0.3, delta: 1e-4, publicSize: 80, ...settings['privacy'] },
    train: { method: 'full', batchSize: 20, steps: 8, learningRate: 0.02, ...settings['train'] },
    evaluate: { bootstrap: 20, texts: { prompts: 0 }, ...settings['evaluate'] },
    performance: { threads: 1 },
  };
  await writeFile(path, JSON.stringify(text));
  return (await loadJob(path)).config;
}

function encode(maxLength: number, text: string, completion?: string) {
  const { ids, start, truncated } = createLanguageEncoder(
    { tokenizer, endId: end },
    { maxLength, form: { separator: ' big' } },
  ).encode(text, completion);
  return {
    words: Array.from(ids, (id) => vocabulary[id]!.replace(/[[\]]/g, '')).join(' '),
    start,
    truncated,
  };
}

const chat: ChatTemplate = (messages, { addGenerationPrompt }) =>
  messages.map(({ role, content }) => `${role === 'user' ? 'big' : 'old'} ${content} [SEP] `).join('') +
  (addGenerationPrompt ? 'old ' : '');

describe('text to tokens', () => {
  test.each([
    // A text is learnt whole, its end included; a completion, after prompt and separator.
    [20, 'red dog', undefined, 'CLS red dog SEP', 1, false],
    [20, 'red', 'dog runs', 'CLS red big dog runs SEP', 3, false],
    // What is cut: a text's rest, with its end; a prompt's beginning; of two long ones half each.
    [3, 'red dog', undefined, 'CLS red dog', 1, true],
    [6, 'old blue red', 'dog runs', 'CLS red big dog runs SEP', 3, true],
    [7, 'red old blue red old', 'dog runs sings sleeps', 'CLS red old big dog runs sings', 4, true],
  ])('at most %i tokens of %j and %j: %s', (maxLength, text, completion, expected, start, truncated) => {
    expect(encode(maxLength, text, completion)).toEqual({ words: expected, start, truncated });
  });

  test('turns of a conversation are written by the chat template, whose marks end them', () => {
    const encoder = createLanguageEncoder({ tokenizer, endId: end }, { maxLength: 20, form: { chat } });
    const { ids, start } = encoder.encode('red dog', 'runs');
    expect(Array.from(ids, (id) => vocabulary[id]).join(' ')).toBe('big red dog [SEP] old runs [SEP]');
    expect(start).toBe(5);
    const mismatched = createLanguageEncoder(
      { tokenizer, endId: end },
      {
        maxLength: 20,
        form: {
          chat: (messages, options) =>
            options.addGenerationPrompt ? 'x' : messages.map(({ role }) => role).join(' '),
        },
      },
    );
    expect(() => mismatched.encode('red', 'dog')).toThrow(/chat template writes a turn otherwise/);
  });

  test('a limit that leaves no room is refused', () => {
    expect(() => encode(2, 'red')).toThrow(/data.maxLength=2: 1 special tokens leave no room/);
  });
});

async function storeOf(file: string, unit: 'record' | 'user' = 'record') {
  const source = openRows(join(root, file), {
    columns: { text: 'given', textPair: 'answer', unit: 'writer' },
  });
  const encoder = createLanguageEncoder(
    { tokenizer, endId: end },
    { maxLength: 16, form: { separator: '' } },
  );
  return readStore(source, {
    tokenizer: encoder,
    task: 'generation',
    unit: unit === 'record' ? { kind: 'record' } : { kind: 'user', maxRecords: 4 },
    seed: 0,
  });
}

describe('what is learnt', () => {
  test('is the completion and its end alone: every other label is left out', async () => {
    const store = await storeOf('test.jsonl');
    const given = rows(12, 'test');
    for (const batch of microBatches(store, allUnits(store), { tokenBudget: 64, padId: 0 })) {
      const { labels, ids, tokens } = batch;
      for (const [row, record] of batch.recordIndices.entries()) {
        const learnt = [...(labels as Int32Array).subarray(row * tokens, (row + 1) * tokens)];
        const { answer } = given[record]!;
        expect(learnt.filter((label) => label >= 0).map((id) => vocabulary[id])).toEqual([
          ...answer.split(' '),
          '[SEP]',
        ]);
        // Each label is the token that follows; the rest, padding and prompt, has none.
        const next = learnt.map((label, at) => (label >= 0 ? ids[row * tokens + at + 1] : -100));
        expect(learnt).toEqual(next);
      }
    }
  });

  test('G1 for generation: one record more, of any length, moves the clipped sum by at most C', async () => {
    const engine = await createOnnxEngine({ threads: 1 });
    const architecture = architectureOf(configs.gpt2);
    const network = buildNetwork({ architecture, task: 'causal-lm' });
    const values = new Map(
      network.params.map((spec) => [spec.name, initialValues(spec, reproducibleRng(1))]),
    );
    await engine.write(tensorsOf(network.params, values));
    const clipping = { kind: 'flat', norm: 0.7 } as const;
    const trainable = network.params.map(({ name }) => name);
    const program = await engine.loadGradient(
      privateGradient({ network: network.graph, loss: 'loss', trainable, clipping, sizes: { tokens: 8 } }),
    );
    const store = await storeOf('test.jsonl');
    const sumOver = async (units: Uint32Array) => {
      for (const batch of microBatches(store, units, { tokenBudget: 10_000, padId: 0, overheadTokens: 1e9 }))
        await program.add(feedsOf(network, batch));
      return (await engine.take()).sums;
    };
    const all = allUnits(store);
    const whole = await sumOver(all);
    const moves: number[] = [];
    for (const left of all) {
      const without = await sumOver(all.filter((unit) => unit !== left));
      let square = 0;
      for (const name of trainable)
        for (const [i, value] of whole[name]!.entries()) square += (value - without[name]![i]!) ** 2;
      moves.push(Math.sqrt(square));
    }
    await engine.dispose();
    // All are clipped, so each moves the sum by C, long or short; none by more.
    expect(Math.max(...moves)).toBeLessThanOrEqual(0.7 * (1 + 1e-6));
    expect(Math.min(...moves)).toBeGreaterThan(0.7 * 0.99);
  });
});

describe('a job', () => {
  test.each([
    ['gpt2, all weights', 'gpt2', { train: { method: 'full' } }],
    [
      'llama with an untied head, LoRA',
      'llama',
      { train: { method: 'lora', learningRate: 0.05, lora: { rank: 4 } } },
    ],
    ['gpt2, the last layer', 'gpt2', { train: { method: 'last', layers: 1 } }],
    [
      'llama, texts of users',
      'llama',
      {
        data: { columns: { text: 'all', unit: 'writer' } },
        privacy: { unit: 'user', maxRecordsPerUser: 3, publicSize: 20 },
        train: { batchSize: 8 },
      },
    ],
  ])('%s: trains, releases a model that writes, and beats the untrained one', async (_, model, settings) => {
    const out = newRun({ root, model, remove: () => undefined });
    const config = await job(settings, model);
    const { metrics } = await runJob(config, out);
    const figures = metrics as Record<string, { records: number; loss: number; perplexity: number }>;
    expect(figures['private']!.records).toBe(12);
    expect(figures['private']!.perplexity).toBeCloseTo(Math.exp(figures['private']!.loss), 9);
    expect(figures['private']!.loss).toBeLessThan(0.9 * figures['untrained']!.loss);
    const file = join(root, 'test.jsonl');
    const again = await evaluateLanguageModel(config, join(out, 'release', 'model'), file);
    expect(again['loss']).toBeCloseTo(figures['private']!.loss, 5);
    const files = await filesIn(join(out, 'release'));
    expect(files).toContain('model/generation_config.json');
    expect(files.includes('adapter/adapter_model.safetensors')).toBe(config.train.method === 'lora');
    const writer = await openWriter(out, { threads: 1 });
    const [tokens] = await writer.write([writer.prompt('dog red\n')], {
      maxNewTokens: 5,
      endIds: [end],
      ...greedy,
    });
    await writer.close();
    expect(tokens!.length).toBeGreaterThan(0);
  });

  test('LoRA leaves every other weight as it was, the output map included', async () => {
    const out = newRun({ root, model: 'llama', remove: () => undefined });
    await runJob(await job({ train: { method: 'lora', steps: 2 } }, 'llama'), out);
    const before = await tensorsIn(join(root, 'llama', 'model.safetensors'));
    const after = await releasedWeights(out);
    const changed = Object.keys(before).filter((name) =>
      before[name]!.some((value, i) => value !== after[name]![i]),
    );
    // Seven linear maps in each of two layers.
    expect(changed.every((name) => /\.layers\.\d\.\w+\.\w+_proj\.weight$/.test(name))).toBe(true);
    expect(changed).toHaveLength(14);
  });

  test('goes on after an interruption', async () => {
    const out = newRun({ root, model: 'gpt2', remove: () => undefined });
    const config = await job({});
    await expect(runJob(config, out, { observer: recorder(3) })).rejects.toThrow(/resume/);
    const { metrics, steps } = await resumeRun(out);
    expect(steps).toBe(8);
    expect(Object.keys(metrics)).toEqual(['private', 'untrained']);
  });

  test('the recipe chooses LoRA, a constant rate, and says where prompts end', async () => {
    const config = await job({
      train: { method: undefined, steps: undefined, batchSize: undefined, learningRate: undefined },
    });
    const model = await openJobModel(config);
    const plan = await planJob(config, model, 5000);
    await model.directory.close();
    expect(plan.training.map(({ method, schedule }) => [method, schedule.kind])).toEqual([
      ['lora', 'constant'],
    ]);
    expect(plan.separator).toBe('\n');
  });

  test.each([
    [
      { data: { columns: { prompt: 'given' } } },
      /data.columns.prompt: needs data.columns.completion; give both/,
    ],
    [{ train: { method: 'head' } }, /train.method=head, but a language model has no head of its own/],
    [{ data: { labels: ['a', 'b'] } }, /data.labels: has no effect with task=generation/],
    [{ data: { chat: true, separator: 'x' } }, /data.separator: has no effect with data.chat=true/],
    [{ data: { chat: true, columns: { text: 'all' } } }, /data.chat: needs data.columns.prompt and/],
    [{ train: { head: 'first' } }, /train.head: has no effect with task=generation/],
  ])('%j is refused', async (settings, message) => {
    await expect(job(settings)).rejects.toThrow(message);
  });

  test('as a conversation: the template decides, and a model without one is refused', async () => {
    const template =
      "{% for m in messages %}{{ 'big ' + m.content + ' [SEP] ' }}{% endfor %}{% if add_generation_prompt %}{{ 'big ' }}{% endif %}";
    const config = await job({ data: { chat: true }, train: { steps: 1 } });
    const out = newRun({ root, model: 'gpt2', remove: () => undefined });
    await expect(runJob(config, out)).rejects.toThrow(/data.chat=true: gpt2 has no chat template/);
    await writeFile(join(root, 'gpt2', 'chat_template.jinja'), template);
    await runJob(config, out);
    rmSync(join(root, 'gpt2', 'chat_template.jinja'));
    expect(await jsonOf(join(out, 'release', 'plan.json'))).toMatchObject({ chat: true });
    const writer = await openWriter(out, { threads: 1 });
    const turn = writer.prompt('red dog', true).map((id) => vocabulary[id]);
    await writer.close();
    expect(turn.join(' ')).toBe('big red dog [SEP] big');
  });

  test('LoRA on a head that is the word table is refused', async () => {
    const config = await job({ train: { method: 'lora', lora: { targets: ['lm_head'] } } });
    await expect(runJob(config, newRun({ root, model: 'gpt2', remove: () => undefined }))).rejects.toThrow(
      /lora.targets=lm_head; no linear map of this gpt2 network has that name/,
    );
  });

  test('metrics.json has the figures', async () => {
    const out = newRun({ root, model: 'gpt2', remove: () => undefined });
    await writeFile(join(root, 'public.txt'), 'red dog runs\nold cat sleeps\n');
    const evaluate = { metrics: ['perplexity'], retention: 'public.txt' };
    await runJob(await job({ train: { steps: 1 }, evaluate }), out);
    const metrics = await jsonOf<Record<string, object>>(join(out, 'release', 'metrics.json'));
    expect(Object.keys(metrics['private']!)).toEqual(['records', 'perplexity', 'intervals', 'reasons']);
    const { before, after } = metrics['retention'] as { before: number; after: number };
    expect(before).toBeGreaterThan(0);
    expect(after).not.toBe(before);
  });

  test('texts are written for the prompts of the test file, and stay private', async () => {
    const out = newRun({ root, model: 'gpt2', remove: () => undefined });
    const texts = { prompts: 3, maxNewTokens: 6 };
    const config = await job({ evaluate: { metrics: ['bleu', 'coverage'], texts }, train: { steps: 2 } });
    const { metrics } = await runJob(config, out);
    for (const model of ['private', 'untrained'])
      expect(metrics[model]).toMatchObject({
        records: 12,
        texts: 3,
        bleu: expect.any(Number) as number,
        coverage: expect.any(Number) as number,
      });
    const written = await jsonOf<Record<string, unknown>[]>(join(out, 'private', 'texts.json'));
    expect(written.map((text) => Object.keys(text))).toEqual(
      Array.from({ length: 3 }, () => ['prompt', 'references', 'untrained', 'trained']),
    );
    const [first] = rows(12, 'test');
    expect(written[0]!['prompt']).toBe(first!.given);
    // What was written is what the released model writes.
    const writer = await openWriter(out, { threads: 1 });
    const prompt = [...writer.prompt(`${first!.given}\n`)];
    const [tokens] = await writer.write([prompt], { ...greedy, maxNewTokens: 6, endIds: [end] });
    await writer.close();
    expect(written[0]!['trained']).toBe(writer.tokenizer.decode(tokens!).trim());
  });
});

async function synthesize(...args: string[]): Promise<void> {
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const noted = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await runCommandLine(['synthesize', ...args]);
  } finally {
    printed.mockRestore();
    noted.mockRestore();
  }
}

describe('dptune synthesize', () => {
  let [whole, completing] = ['', ''];
  beforeAll(async () => {
    whole = newRun({ root, model: 'llama', remove: () => undefined });
    completing = newRun({ root, model: 'gpt2', remove: () => undefined });
    await runJob(await job({ data: { columns: { text: 'all' } }, train: { steps: 2 } }, 'llama'), whole);
    await runJob(await job({ train: { steps: 2 } }), completing, { nonPrivate: true });
  });
  test('writes texts, says what they cost, and keeps their overlap with the data private', async () => {
    const out = join(root, 'synthetic');
    await synthesize(whole, '-n', '5', '--out', out, '--seed', '1', '--max-new-tokens', '6');
    expect(await filesIn(out)).toEqual(['README.md', 'data.jsonl', 'sheet.json']);
    expect(await linesOf(join(out, 'data.jsonl'))).toHaveLength(5);
    const sheet = await jsonOf(join(out, 'sheet.json'));
    const { privacy } = await jsonOf<{ privacy: { epsilon: number; hash: string } }>(
      join(whole, 'release', 'plan.json'),
    );
    expect(sheet).toMatchObject({
      statement: expect.stringContaining('costs no further budget') as string,
      guarantee: { epsilon: privacy.epsilon, plan: privacy.hash },
      figures: { texts: 5 },
    });
    expect(await jsonOf(join(whole, 'private', 'synthesis-synthetic.json'))).toMatchObject({
      overlap: { length: 8 },
    });
    await expect(synthesize(whole, '-n', '5', '--out', out)).rejects.toThrow(/out=.*: exists/);
    const again = join(root, 'again');
    await synthesize(whole, '-n', '5', '--out', again, '--seed', '1', '--max-new-tokens', '6');
    expect(await linesOf(join(again, 'data.jsonl'))).toEqual(await linesOf(join(out, 'data.jsonl')));
  });

  test('goes through the prompts in turn, and stamps what a model without privacy wrote', async () => {
    const [out, prompts] = [join(root, 'completed'), join(root, 'prompts.txt')];
    await writeFile(prompts, 'dog red\n{"prompt": "cat old"}\n');
    await synthesize(completing, '-n', '3', '--out', out, '--prompts', prompts, '--max-new-tokens', '4');
    const made = await linesOf(join(out, 'data.jsonl'));
    expect(made.map(({ prompt }) => prompt)).toEqual(['dog red', 'cat old', 'dog red']);
    expect(await jsonOf(join(out, 'sheet.json'))).toMatchObject({
      statement: expect.stringContaining('NOT PRIVATE') as string,
      guarantee: null,
    });
  });

  test.each([
    [['-n', '0'], /number=0: must be a whole number/],
    [['-n', '2'], /prompts: missing. The model completes prompts/],
  ])('refuses %s', async (args, message) => {
    await expect(synthesize(completing, ...args, '--out', join(root, 'none'))).rejects.toThrow(message);
  });

  test('a model that writes does not classify', async () => {
    await expect(openClassifier(whole)).rejects.toThrow(/writes and does not classify. Use dptune generate/);
  });

  test('refuses what is no run', async () => {
    await expect(synthesize(root, '-n', '1', '--out', join(root, 'none'))).rejects.toThrow(/no finished run/);
  });
});
